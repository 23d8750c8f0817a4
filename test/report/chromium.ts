import { type Browser, chromium } from 'playwright-core'
import { chromiumOf, names, quiet } from '../../src/ports/browser.ts'

const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet]

/** The Chromium that TORCH_PARITY_CHROMIUM names, or that is on the path; without one tests fail instead of being left out. */
export function findChromium(environment: NodeJS.ProcessEnv = process.env): string {
  const found = chromiumOf(environment)
  if (found !== undefined) return found
  throw new Error(
    `expected one of ${names.join(', ')} on the path, got none\nset TORCH_PARITY_CHROMIUM to a Chromium, or install one`,
  )
}

/** A headless Chromium that asks nobody for anything. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args })
}

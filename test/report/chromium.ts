import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome']
const quiet = ['quic', 'background-networking', 'component-update', 'sync'].map((what) => `--disable-${what}`)
const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet]

/** The Chromium that TORCH_PARITY_CHROMIUM names, or that is on the path; without one tests fail instead of being left out. */
export function findChromium(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment['TORCH_PARITY_CHROMIUM']
  if (named !== undefined) return named
  const folders = (environment['PATH'] ?? '').split(delimiter)
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
  if (found !== undefined) return found
  throw new Error(
    `expected one of ${names.join(', ')} on the path, got none\nset TORCH_PARITY_CHROMIUM to a Chromium, or install one`,
  )
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A headless Chromium that asks nobody for anything. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args })
}

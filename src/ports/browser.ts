import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Browser, BrowserType } from 'playwright-core'

/** How Chromium is called on the path. */
export const names = ['chromium', 'chromium-browser', 'google-chrome']
/** It asks nobody for anything. */
export const quiet = ['quic', 'background-networking', 'component-update', 'sync'].map((what) => `--disable-${what}`)
/** WebGPU in a browser without a head, on the software adapter where there is no other. */
const webgpu = ['--enable-unsafe-webgpu', '--enable-unsafe-swiftshader', '--enable-features=Vulkan,WebGPU']

/** Which browser is opened, by playwright's name: chromium, firefox or webkit. */
const browserVariable = 'TORCH_PARITY_BROWSER'

/** The Chromium that TORCH_PARITY_CHROMIUM names, or that is on the path. */
export function chromiumOf(environment: NodeJS.ProcessEnv): string | undefined {
  const named = environment['TORCH_PARITY_CHROMIUM']
  if (named !== undefined) return named
  const folders = (environment['PATH'] ?? '').split(delimiter)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A headless browser. Throws where playwright-core is missing, or has none to open. */
export async function openBrowser(environment: NodeJS.ProcessEnv = process.env): Promise<Browser> {
  const kind = environment[browserVariable] ?? 'chromium'
  const playwright = await import('playwright-core').catch((cause: unknown) => {
    throw new Error('expected playwright-core, which opens browsers, got none: npm install playwright-core', { cause })
  })
  const type = (playwright.default as unknown as Record<string, BrowserType | undefined>)[kind]
  if (!['chromium', 'firefox', 'webkit'].includes(kind) || type === undefined)
    throw new Error(`${browserVariable}: expected chromium, firefox or webkit, got ${kind}`)
  if (kind !== 'chromium') return type.launch()
  const executablePath = chromiumOf(environment)
  const isRoot = process.getuid?.() === 0
  const args = [...(isRoot ? ['--no-sandbox'] : []), '--no-first-run', ...quiet, ...webgpu]
  return type.launch({ ...(executablePath !== undefined && { executablePath }), args })
}

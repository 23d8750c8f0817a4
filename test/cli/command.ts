import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { Results } from '../../src/report/results.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** What a run of the command line has come to. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

export interface Watch {
  /** Closes standard output at once, as `head -0` does. */
  readonly deaf?: boolean
  /** Variables that the command has besides those of the tests. */
  readonly env?: NodeJS.ProcessEnv
  /** Sends a signal after a while, or when a file is there, where the command shows nothing that could be waited for. */
  readonly after?: { readonly signal: NodeJS.Signals } & ({ readonly ms: number } | { readonly until: string })
  /** Called with everything standard output and standard error have shown so far; `kill` sends one signal only. */
  onOutput?(shown: string, kill: (signal: NodeJS.Signals) => void): void
}

/** A folder of its own for one test; commands run in it, so that messages hold no path of this machine. */
export interface Folder {
  path(name: string): string
  write(name: string, content: string | Uint8Array): Promise<void>
  mkdir(name: string): Promise<void>
  list(): Promise<string[]>
  /** `torch-parity …args` as a process. */
  run(args: readonly string[], watch?: Watch): Promise<Ended>
  /** A file of results, checked against its schema. */
  results(name: string): Promise<Results>
}

async function runCommand(cwd: string, args: readonly string[], watch: Watch): Promise<Ended> {
  const began = performance.now()
  const { FORCE_COLOR: _, ...environment } = process.env
  const child = spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { ...environment, NO_COLOR: '1', ...watch.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (watch.deaf) child.stdout.destroy()
  let stdout = ''
  let stderr = ''
  let signalled = false
  const kill = (signal: NodeJS.Signals): void => {
    // A second signal would end the command at once.
    if (!signalled) child.kill(signal)
    signalled = true
  }
  const { after } = watch
  if (after !== undefined && 'ms' in after) setTimeout(kill, after.ms, after.signal).unref()
  if (after !== undefined && 'until' in after) {
    const waiting = setInterval(() => {
      if (existsSync(after.until)) kill(after.signal)
    }, 50)
    child.on('close', () => clearInterval(waiting))
  }
  const shown = (): void => watch.onOutput?.(stdout + stderr, kill)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    shown()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    shown()
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, stdout, stderr, seconds: (performance.now() - began) / 1000 }
}

/** A Python that has torch; without it tests fail instead of being left out. */
export function realPython(): string {
  const python = process.env['TORCH_PARITY_PYTHON']
  if (python === undefined) throw new Error('expected TORCH_PARITY_PYTHON to name a Python that has torch')
  return python
}

/** `it` for tests that take `{ folder }`. */
export const it = test.extend<{ folder: Folder }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads which fixtures a function takes off its pattern
  folder: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), 'torch-parity-test-'))
    const path = (name: string): string => join(root, name)
    try {
      await use({
        path,
        write: (name, content) => writeFile(path(name), content),
        mkdir: (name) => mkdir(path(name)),
        list: async () => (await readdir(root)).toSorted(),
        run: (args, watch = {}) => runCommand(root, args, watch),
        results: async (name) => Results.parse(JSON.parse(await readFile(path(name), 'utf8'))),
      })
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  },
})

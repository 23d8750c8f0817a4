import { spawn } from 'node:child_process'

/** Runs a command of bash as a person would, not as a part of these tests. → its exit code, and what it has shown */
export async function runShell(
  cwd: string,
  command: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly shown: string }> {
  const outside = Object.entries(process.env).filter(
    ([name]) => !/^(?:VITEST|TEST$|NODE_ENV|FORCE_COLOR|CI$)/.test(name),
  )
  const child = spawn('bash', ['-c', `exec 2>&1\n${command}`], {
    cwd,
    env: { ...Object.fromEntries(outside), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, shown }
}

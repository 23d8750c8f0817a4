import { fileURLToPath } from 'node:url'
import { PythonShell } from 'python-shell'
import { ParityError } from './errors.ts'

/** A line that the Python package prints for us: what happened, and its particulars. */
export interface PythonEvent {
  readonly event: string
  readonly [key: string]: unknown
}

/** The folder of the Python package, beside dist/ in a checkout and in the npm package alike. */
const packageFolder = fileURLToPath(new URL('../python', import.meta.url))

/** The interpreter: what was asked for, TORCH_PARITY_PYTHON, or python3. */
export function interpreter(asked: string | undefined): string {
  return asked ?? process.env['TORCH_PARITY_PYTHON'] ?? 'python3'
}

/**
 * Runs `python -m torch_parity` and gives each event it prints to `onEvent`.
 * args: those after `torch_parity`; signal: ends Python as Ctrl-C does.
 * @throws ParityError PYTHON_FAILED when the interpreter is missing, Python fails or is killed, or ends without saying
 * that it is done.
 */
export async function runPython(
  python: string,
  args: readonly string[],
  onEvent: (event: PythonEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  // Never through a shell: arguments are what they are.
  const shell = new PythonShell('torch_parity', {
    pythonPath: python,
    pythonOptions: ['-u', '-m'],
    args: [...args],
    env: { ...process.env, PYTHONPATH: pythonPath(), PYTHONIOENCODING: 'utf-8' },
  })
  const said: string[] = []
  let done = false
  shell.on('message', (line: string) => {
    const event = parseEvent(line)
    if (event === undefined) said.push(line)
    else {
      done ||= event.event === 'done'
      onEvent(event)
    }
  })
  shell.on('stderr', (line: string) => said.push(line))
  // What python-shell makes of a failure is told from what Python said and how it ended.
  shell.on('pythonError', () => {})
  const abort = (): void => void shell.childProcess.kill('SIGINT')
  signal?.addEventListener('abort', abort)
  try {
    await new Promise<void>((resolve, reject) => {
      shell.on('error', (cause: Error) => reject(missing(python, cause)))
      shell.on('close', resolve)
    })
  } finally {
    signal?.removeEventListener('abort', abort)
  }
  if (signal?.aborted) throw new ParityError('PYTHON_FAILED', `${python}: expected it to finish, got an interruption`)
  const { exitCode, exitSignal } = shell
  if (exitCode === 0 && done) return
  const how = exitSignal ? `killed by ${exitSignal}` : `exit code ${exitCode}`
  throw new ParityError('PYTHON_FAILED', failure(said.filter((line) => line.trim() !== '').slice(-12), python, how))
}

/** Exit code 2 is the package's own, with a message made for people; anything else is told with Python's last words. */
function failure(words: readonly string[], python: string, how: string): string {
  const text = words.join('\n')
  const lacking = /No module named '?([\w.]+)/.exec(text)?.[1]
  if (lacking !== undefined) {
    return (
      `${python}: expected the Python package ${lacking}, got none of that name\n` +
      `name another Python with --python or TORCH_PARITY_PYTHON, or run ${python} -m pip install -r ${packageFolder}/requirements.txt`
    )
  }
  if (how === 'exit code 2' && words.length > 0) return text.replace(/^error /, '')
  return `${python} -m torch_parity: expected it to finish, got ${how}${text === '' ? '' : `\n${text}`}`
}

function missing(python: string, cause: Error): ParityError {
  return new ParityError(
    'PYTHON_FAILED',
    `${python}: expected a Python interpreter, got ${cause.message}\nname another with --python or TORCH_PARITY_PYTHON`,
    { cause },
  )
}

function pythonPath(): string {
  const before = process.env['PYTHONPATH']
  const separator = process.platform === 'win32' ? ';' : ':'
  return before === undefined || before === '' ? packageFolder : `${packageFolder}${separator}${before}`
}

function parseEvent(line: string): PythonEvent | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string'
      ? (value as PythonEvent)
      : undefined
  } catch {
    return undefined
  }
}

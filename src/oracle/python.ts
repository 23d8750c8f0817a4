import type { Readable } from 'node:stream'
import { type Options, PythonShell } from 'python-shell'
import { messageOf, ParityError, spelled } from '../format/errors.ts'
import { encodeFrame, frameReader } from '../ports/frames.ts'
import { packageFolder } from '../ports/interpreter.ts'
import { killProcessGroup } from '../ports/processes.ts'

/** A line that the Python package prints for us: what happened, and its particulars. */
interface PythonEvent {
  readonly event: string
  readonly [key: string]: unknown
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
  const shell = new PythonShell('torch_parity', { ...options(python, args), mode: 'binary' })
  const said: string[] = []
  let done = false
  const say = (line: string): void => {
    said.push(line)
    if (said.length > 100) said.splice(0, 50)
  }
  listen(shell.stdout, (line) => {
    const event = parseEvent(line)
    if (event === undefined) return say(line)
    done ||= event.event === 'done'
    onEvent(event)
  })
  // python-shell would keep all of it.
  shell.stderr.removeAllListeners('data')
  listen(shell.stderr, say)
  // What python-shell makes of a failure is told from what Python said and how it ended.
  shell.on('pythonError', () => {})
  let timer: NodeJS.Timeout | undefined
  const abort = (): void => {
    shell.childProcess.kill('SIGINT')
    timer = setTimeout(() => shell.childProcess.kill('SIGKILL'), interruptMs)
  }
  const kill = (): void => void shell.childProcess.kill('SIGKILL')
  process.on('exit', kill)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  try {
    await new Promise<void>((resolve, reject) => {
      shell.on('error', (cause: Error) => reject(missing(python, cause)))
      shell.on('close', resolve)
    })
  } finally {
    signal?.removeEventListener('abort', abort)
    process.off('exit', kill)
    clearTimeout(timer)
  }
  if (signal?.aborted) throw new ParityError('PYTHON_FAILED', `${python}: expected it to finish, got an interruption`)
  if (shell.exitCode === 0 && done) return
  throw new ParityError('PYTHON_FAILED', failure(said, python, howItEnded(shell), 'it to finish'))
}

/** No event is longer, and of anything else so much is enough. */
const longestLine = 65_536

/** Calls `onLine` for each line of a stream, of which no more than one is kept; what is past a length is left out. */
function listen(stream: Readable, onLine: (line: string) => void): void {
  let line = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    const [first = '', ...others] = text.split('\n')
    line += first.slice(0, longestLine - line.length)
    for (const next of others) {
      onLine(line.replace(/\r$/, ''))
      line = next.slice(0, longestLine)
    }
  })
  stream.on('end', () => {
    if (line !== '') onLine(line)
  })
}

/** How long Python may take to take its files away when it is interrupted. */
const interruptMs = 2000

export interface Conversation {
  /** Sends a message as a frame. */
  send(message: unknown): void
  /** Closes Python's input, which ends it; else, after a while, it is killed. Resolves when it is gone. */
  end(): Promise<void>
  /** Kills Python's process group. */
  kill(reason: ParityError): void
}

interface Listener {
  /** What it throws kills Python, and is the reason. */
  readonly onMessage: (message: unknown) => void
  /** Called once, unless `end` was: why there are no more messages. */
  readonly onEnd: (reason: ParityError) => void
}

/** How long Python may take to end once its input is closed. */
const endMs = 5000

/**
 * Starts `python -m torch_parity` to talk to it in frames. It is alone in its process group, which is killed when this process
 * exits; Python itself ends when its input or its parent does.
 */
export function converse(python: string, args: readonly string[], { onMessage, onEnd }: Listener): Conversation {
  const shell = new PythonShell('torch_parity', { ...options(python, args), mode: 'binary', detached: true })
  const said: string[] = []
  const { read } = frameReader('PYTHON_FAILED')
  let over = false
  const killGroup = (): void => killProcessGroup(shell.childProcess.pid)
  const finish = (reason: ParityError): void => {
    if (over) return
    over = true
    onEnd(reason)
  }
  const kill = (reason: ParityError): void => {
    killGroup()
    finish(reason)
  }
  const gone = new Promise<void>((resolve) => {
    shell.on('close', () => {
      finish(new ParityError('PYTHON_FAILED', failure(said, python, howItEnded(shell), 'an answer')))
      resolve()
    })
    shell.on('error', (cause: Error) => {
      finish(missing(python, cause))
      resolve()
    })
  })
  process.on('exit', killGroup)
  void gone.then(() => process.off('exit', killGroup))
  shell.on('pythonError', () => {})
  shell.stderr.removeAllListeners('data')
  listen(shell.stderr, (line) => {
    said.push(line)
    if (said.length > 100) said.splice(0, 50)
  })
  // Writing to a process that has just ended: how it ended is told by its end.
  shell.stdin.on('error', () => {})
  shell.stdout.on('data', (piece: Buffer) => {
    if (over) return
    try {
      for (const message of read(piece)) onMessage(message)
    } catch (error) {
      const reason = error instanceof ParityError ? error : new ParityError('PYTHON_FAILED', messageOf(error))
      kill(new ParityError('PYTHON_FAILED', `${python} -m torch_parity: ${reason.message}`, { cause: reason }))
    }
  })
  return {
    send: (message) => void shell.stdin.write(encodeFrame(message)),
    async end() {
      over = true
      shell.stdin.end()
      const timer = setTimeout(killGroup, endMs)
      await gone
      clearTimeout(timer)
    },
    kill,
  }
}

/** Never through a shell: arguments are what they are. */
function options(python: string, args: readonly string[]): Options {
  return {
    pythonPath: python,
    pythonOptions: ['-u', '-m'],
    args: [...args],
    env: { ...process.env, PYTHONPATH: pythonPath(), PYTHONIOENCODING: 'utf-8' },
  }
}

function howItEnded({ exitCode, exitSignal }: PythonShell): string {
  return exitSignal ? `killed by ${exitSignal}` : `exit code ${exitCode}`
}

/** Exit code 2 is the package's own, with a message made for people; anything else is told with Python's last words. */
function failure(said: readonly string[], python: string, how: string, expected: string): string {
  const words = said.flatMap((line) => (line.trim() === '' ? [] : spelled(line.slice(0, 16_000)))).slice(-12)
  const text = words.join('\n')
  const [, unnamed, named] = /No module named '?([\w.]+)|expected the package ([\w.]+), got none/.exec(text) ?? []
  const lacking = unnamed ?? named
  if (lacking !== undefined) {
    const wanted = lacking === 'ray' ? "'ray>=2.50'" : `-r ${packageFolder}/requirements.txt`
    return (
      `${python}: expected the Python package ${lacking}, got none of that name\n` +
      `name another Python with --python or TORCH_PARITY_PYTHON, or run ${python} -m pip install ${wanted}`
    )
  }
  if (how === 'exit code 2' && words.length > 0) return text.replace(/^error /, '')
  return `${python} -m torch_parity: expected ${expected}, got ${how}${text === '' ? '' : `\n${text}`}`
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

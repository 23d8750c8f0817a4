// The smaller exchange, one file in and one file out: fixtures/README.md specifies it.
import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readNpz } from '../format/actual/npz.ts'
import { readSafetensors } from '../format/actual/safetensors.ts'
import type { Tensors } from '../format/actual/tensors.ts'
import type { Outputs, Request } from '../format/case.ts'
import { messageOf, oneLine, ParityError } from '../format/errors.ts'
import { floatTensor } from '../format/tensor.ts'
import { shell } from './command.ts'
import { failure } from './conversation.ts'
import type { Host } from './host.ts'
import { minded } from './processes.ts'
import { requestAsNpz, requestAsSafetensors } from './requestfile.ts'

const places = /\{(in|out)(?:\.(safetensors|npz))?\}/g
/** What a command exits with where a request is not for it. */
const unsupportedCode = 3
/** No answer is near this size. */
const mostBytes = 2 ** 28

/** What came of a run: the string says why a request is not supported. */
type Outcome = Outputs | string

/**
 * Whether a command names the files that it reads and writes.
 * @throws ParityError USAGE where it names one of them alone
 */
export function isTemplate(command: string): boolean {
  const names = new Set([...command.matchAll(places)].map(([, name]) => name))
  if (names.size !== 1) return names.size === 2
  const [only = ''] = names
  const other = only === 'in' ? 'out' : 'in'
  throw new ParityError('USAGE', `--engine-command: expected {${other}} beside {${only}}, got ${oneLine(command)}`)
}

/**
 * An engine that is a command, run once for each request.
 * timeoutMs: how long each may take; signal: stops whatever is under way.
 */
export async function hostTemplate(command: string, timeoutMs: number, signal: AbortSignal): Promise<Host> {
  const name = oneLine(command)
  const folder = await mkdtemp(join(tmpdir(), 'torch-parity-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  const inTurn = turns(availableParallelism())
  let runs = 0

  const compute = async (request: Request): Promise<Outcome> => {
    const files = new Map<string, string>()
    const number = ++runs
    const filled = command.replace(places, (_, which: string, extension = 'safetensors') => {
      const path = join(folder, `${number}.${which}.${extension}`)
      files.set(which, path)
      return quoted(path)
    })
    const [input = '', output = ''] = [files.get('in'), files.get('out')]
    try {
      await writeFile(input, input.endsWith('.npz') ? requestAsNpz(request) : requestAsSafetensors(request))
      const why = await finished(name, shell(filled, 'ignore'), timeoutMs, signal)
      return why ?? (await answerIn(name, output, request))
    } finally {
      for (const path of [input, output]) await rm(path, { recursive: true, force: true })
    }
  }
  // Whether a request is supported only its run tells, which is then kept for whoever asks next.
  const kept = new WeakMap<Request['inputs'], { readonly request: Request; readonly outcome: Promise<Outcome> }>()
  const ask = (request: Request): Promise<Outcome> => inTurn(() => compute(request))
  return {
    engine: {
      name: name.slice(0, 200),
      async supports(request) {
        const outcome = ask(request)
        kept.set(request.inputs, { request, outcome })
        // What went wrong is told when it is run.
        const answer = await outcome.catch(() => undefined)
        return typeof answer === 'string' ? answer : true
      },
      async run(request) {
        const before = kept.get(request.inputs)
        kept.delete(request.inputs)
        const outcome = await (before !== undefined && isSame(before.request, request) ? before.outcome : ask(request))
        if (typeof outcome === 'string') throw failure(name, `it does not support this: ${outcome}`)
        return outcome
      },
    },
    take: () => [],
    release: async () => {},
    restart: async () => {},
    async close() {
      process.off('exit', remove)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function isSame(one: Request, other: Request): boolean {
  return (['module', 'config', 'dtype', 'params', 'inputs', 'cotangents', 'training'] as const).every(
    (key) => one[key] === other[key],
  )
}

/** → what runs no more than so many at a time */
function turns(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (run) => {
    if (running >= most) await new Promise<void>((go) => waiting.push(go))
    else running++
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}

/** Waits for a command. → why it does not support what it was asked; undefined where it has computed it */
async function finished(
  name: string,
  child: ChildProcess,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { kill, gone, lastWords } = minded(child, [child.stdout, child.stderr])
  let stopped: string | undefined
  const stop = (why: string): void => {
    stopped ??= why
    kill()
  }
  const abort = (): void => stop('a run was interrupted')
  const timer = setTimeout(() => stop(`a run took more than ${timeoutMs / 1000} s`), timeoutMs)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  const how = await gone
  clearTimeout(timer)
  signal.removeEventListener('abort', abort)
  if (stopped !== undefined) {
    const message = `engine ${name}: expected an answer, got none: ${stopped}${lastWords()}`
    throw new ParityError('ENGINE_TIMEOUT', message)
  }
  if (child.exitCode === 0) return undefined
  if (child.exitCode === unsupportedCode) return lastWords().split('\n').at(-1)?.trim() || 'it does not say why'
  const { code, message } = failure(name, how)
  throw new ParityError(code, `${message}${lastWords()}`)
}

async function answerIn(name: string, path: string, { dtype }: Request): Promise<Outputs> {
  const place = path.endsWith('.npz') ? '{out.npz}' : '{out}'
  const found = await stat(path).catch(() => undefined)
  const wrong = (got: string): ParityError => new ParityError('ENGINE_FAILED', `engine ${name}: ${got}`)
  if (found?.isFile() !== true) throw wrong(`${place}: expected a file, got none`)
  if (found.size > mostBytes) throw wrong(`${place}: expected at most ${mostBytes} bytes, got ${found.size}`)
  const bytes = await readFile(path)
  let tensors: Tensors
  try {
    tensors = path.endsWith('.npz') ? readNpz(bytes, place, mostBytes) : readSafetensors(bytes, place)
  } catch (error) {
    throw wrong(messageOf(error))
  }
  if (dtype !== 'float16' && dtype !== 'bfloat16') return tensors
  // numpy has no bfloat16, and few compute in float16.
  const asAsked = ([key, tensor]: readonly [string, Outputs[string]]): readonly [string, Outputs[string]] => [
    key,
    tensor.dtype === 'float32' ? floatTensor(dtype, tensor.shape, tensor.data) : tensor,
  ]
  return Object.fromEntries(Object.entries(tensors).map(asAsked))
}

function quoted(path: string): string {
  return /^[\w./:\\-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

// The exchange with an engine that is a process: fixtures/README.md specifies it.
import { type ChildProcess, spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import * as z from 'zod'
import { requestRecord } from '../format/case/write.ts'
import { messageOf, oneLine, ParityError } from '../format/errors.ts'
import { type DType, elementCount, formatShape, itemSize, type Tensor, tensorFromBytes } from '../format/tensor.ts'
import { failure, type Heard, type Way } from './conversation.ts'
import { encodeFrame, frameReader } from './frames.ts'
import { interpreter, packageFolder } from './interpreter.ts'
import type { Question } from './served.ts'

/** Of the exchange that we speak. */
const protocol = 1

/** An engine that a command of a shell starts, and that answers in frames. */
export function commandWay(command: string): Way {
  return framesWay(oneLine(command), () => shell(command, 'pipe'))
}

/**
 * A framework in Python, by the name of its adapter.
 * @throws ParityError FILE_MISSING where it is not installed
 */
export async function pythonWay(name: string): Promise<Way> {
  const { checkPython } = await import('../adapters/python.ts')
  await checkPython(name)
  // Not what stands in the current directory: a file keras.py there is no Keras.
  const args = ['-P', '-m', `torch_parity.adapters.${name.replaceAll('-', '_')}`]
  return framesWay(name, () => started(interpreter(), args, 'pipe'))
}

function framesWay(name: string, start: () => ChildProcess): Way {
  return {
    name,
    hasLastWords: true,
    start,
    prints: ({ stderr }) => [stderr],
    end: ({ stdin }) => stdin?.end(),
    open(child, heard) {
      const { read, left } = frameReader('ENGINE_FAILED')
      // What is under way, since an answer means what its question is about.
      const about = new Map<unknown, Question['about']>()
      let isGreeted = false
      const hear = (message: unknown): void => {
        if (isGreeted) hearAnswer(name, message, about, heard)
        else hearGreeting(name, message, heard)
        isGreeted = true
      }
      let isOver = false
      const fail = (reason: ParityError): void => {
        if (isOver) return
        isOver = true
        heard.fail(reason)
      }
      child.stdout?.on('data', (piece: Buffer) => {
        if (isOver) return
        try {
          for (const message of read(piece)) hear(message)
        } catch (error) {
          fail(garbage(name, messageOf(error)))
        }
      })
      // Writing to a process that has just ended: how it ended is told by its end.
      for (const stream of [child.stdin, child.stdout]) stream?.on('error', () => {})
      return {
        send(question) {
          about.set(question.ask, question.about)
          child.stdin?.write(encodeFrame(questionRecord(question)))
        },
        trouble() {
          const rest = left()
          return rest === undefined ? '' : `\na part of a frame has come, ${rest}\n${instead}`
        },
      }
    },
  }
}

function questionRecord({ ask, about, request, handle }: Question): object {
  const { params: _, ...rest } = request ?? {}
  const sent = about === 'run' && handle !== undefined ? rest : request
  return {
    ask,
    about,
    ...(handle !== undefined && { handle }),
    ...(sent !== undefined && { request: requestRecord(sent) }),
  }
}

/** Runs a command in a shell, as `started` does. */
export function shell(command: string, stdin: 'pipe' | 'ignore'): ChildProcess {
  if (process.platform === 'win32')
    return spawn(command, { shell: true, env: environment(), stdio: [stdin, 'pipe', 'pipe'] })
  return started('sh', ['-c', command], stdin)
}

/**
 * Runs a program in the current directory, as the leader of a process group; Python finds our package. When this process ends, however
 * that comes about, so does the group: a pipe that nobody writes into is closed then.
 */
function started(program: string, args: readonly string[], stdin: 'pipe' | 'ignore'): ChildProcess {
  const env = environment()
  if (process.platform === 'win32') return spawn(program, args, { env, stdio: [stdin, 'pipe', 'pipe'] })
  const watch = '(read -r gone <&3; kill -KILL 0) >/dev/null 2>&1 </dev/null & exec 3<&-; exec "$0" "$@"'
  return spawn('sh', ['-c', watch, program, ...args], { env, detached: true, stdio: [stdin, 'pipe', 'pipe', 'pipe'] })
}

function environment(): NodeJS.ProcessEnv {
  const before = process.env['PYTHONPATH']
  const ours = { TORCH_PARITY_ENGINE: String(protocol) }
  return { ...process.env, ...ours, PYTHONPATH: before ? `${before}${delimiter}${packageFolder}` : packageFolder }
}

const instead = 'print to standard error instead: standard output is for frames alone'

function garbage(name: string, what: string): ParityError {
  return new ParityError('ENGINE_FAILED', `engine ${name}: ${what}\n${instead}`)
}

const Greeted = z.object({
  protocol: z.unknown().optional(),
  name: z.unknown().optional(),
  supports: z.boolean().optional(),
  prepare: z.boolean().optional(),
})

function hearGreeting(name: string, message: unknown, heard: Heard): void {
  const invalid = (what: string): void => heard.fail(new ParityError('ENGINE_INVALID', `engine ${name}: ${what}`))
  const { data } = Greeted.safeParse(message)
  if (data?.protocol === undefined || data.name === undefined) {
    invalid(`expected a greeting { protocol, name, supports?, prepare? }, got ${shown(message)}`)
  } else if (data.protocol !== protocol) {
    invalid(`protocol: expected ${protocol}, got ${shown(data.protocol)}`)
  } else {
    heard.answer(0, { value: { name: data.name, supports: data.supports === true, prepares: data.prepare === true } })
  }
}

const Answered = z.object({
  ask: z.number(),
  value: z.unknown().optional(),
  error: z.string().optional(),
  conduct: z.array(z.unknown()).optional(),
})

function hearAnswer(name: string, message: unknown, questions: Map<unknown, Question['about']>, heard: Heard): void {
  const { data } = Answered.safeParse(message)
  if (data === undefined || (data.value === undefined && data.error === undefined)) {
    heard.fail(failure(name, `it sent what is no answer, ${shown(message)}`))
    return
  }
  const { ask, value, error, conduct = [] } = data
  const about = questions.get(ask)
  questions.delete(ask)
  if (error !== undefined) heard.answer(ask, { error: failure(name, error) })
  else if (about !== 'run') heard.answer(ask, { value })
  else {
    const outputs = outputsOf(value)
    if (typeof outputs !== 'string') heard.answer(ask, { value: { outputs, conduct } })
    else heard.answer(ask, { error: new ParityError('ENGINE_FAILED', `engine ${name}: ${outputs}`) })
  }
}

/** Whether they are what was asked for is judged elsewhere; → what is wrong where they are no tensors at all */
function outputsOf(value: unknown): Record<string, Tensor> | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    return `expected a map of tensors, got ${shown(value)}`
  const outputs: Record<string, Tensor> = {}
  for (const [name, record] of Object.entries(value)) {
    const tensor = tensorOf(record)
    if (typeof tensor === 'string') return `${oneLine(name)}: ${tensor}`
    outputs[name] = tensor
  }
  return outputs
}

function tensorOf(record: unknown): Tensor | string {
  const { dtype, shape, data }: { dtype?: unknown; shape?: unknown; data?: unknown } = Object(record)
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !(data instanceof Uint8Array))
    return `expected a tensor { dtype, shape, data: bin }, got ${shown(record)}`
  if (!Object.hasOwn(itemSize, dtype))
    return `dtype: expected one of ${Object.keys(itemSize).join(', ')}, got ${shown(dtype)}`
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    return `shape: expected whole numbers of at least 0, got ${shown(shape)}`
  const [is, sizes] = [dtype as DType, shape as readonly number[]]
  const wanted = elementCount(sizes) * itemSize[is]
  if (data.length !== wanted)
    return `expected ${wanted} bytes for ${dtype} of shape ${formatShape(sizes)}, got ${data.length}`
  return tensorFromBytes(is, sizes, data)
}

/** Something of others in a message. */
function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) => (part instanceof Uint8Array ? `${part.length} bytes` : part))
  return oneLine(text ?? String(value)).slice(0, 200)
}

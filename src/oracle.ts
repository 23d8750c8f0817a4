// A live Python, to be asked for cases that PyTorch records.
import * as z from 'zod'
import { measureBudget } from './verify/budget.ts'
import { parseCase } from './format/case/parse.ts'
import { parse } from './format/case/wording.ts'
import type { Case } from './format/case.ts'
import { ParityError } from './format/errors.ts'
import { Producer } from './format/fixture/header.ts'
import { tensorRecords } from './format/case/write.ts'
import { needsStates } from './oracle/recorded.ts'
import { type Conversation, converse } from './oracle/python.ts'
import { interpreter } from './ports/interpreter.ts'
import { conduct, type RayOptions } from './oracle/ray.ts'
import { RecordSpec } from './oracle/spec.ts'

export type { ModelSpec, RecurrentSpec } from './oracle/spec.ts'
export type { RayOptions, RecordSpec }

export interface OracleOptions {
  /** The interpreter; TORCH_PARITY_PYTHON, or the first of python3 and python, when absent. */
  readonly python?: string | undefined
  /** How long PyTorch may take for one case. */
  readonly timeoutMs?: number | undefined
  /** How long Python may take to import torch. */
  readonly startTimeoutMs?: number | undefined
  /** How many requests are sent ahead of their answers; for each actor, where Ray's actors record. */
  readonly maxInFlight?: number | undefined
  /** Has actors of Ray record, in the place of one process. */
  readonly ray?: RayOptions | undefined
}

/** PyTorch in a process of its own, to be asked for cases. */
export interface Oracle {
  readonly producer: Producer
  /**
   * Records a case; calls need not wait for each other.
   * @throws ParityError CASE_REFUSED when torch or the recorder refuses it; PYTHON_FAILED when Python hung or died over it,
   * and is started again for the requests after it, or several actors of Ray died over it.
   */
  record(spec: RecordSpec): Promise<Case>
  /** The same case as a fixture file holds it: its bytes are those that Python made. */
  recordForFile(spec: RecordSpec): Promise<unknown>
  /** Whether there is a Python to ask, or will be again: two that broke down one after the other are not followed by a third. */
  isOpen(): boolean
  /** Ends Python; what is still unanswered is rejected. */
  close(): Promise<void>
}

const Hello = z.strictObject({ protocol: z.literal(2), ...Producer.shape })
const Reply = z.union([
  z.strictObject({ id: z.int(), case: z.unknown() }),
  z.strictObject({ id: z.int(), error: z.string() }),
  z.strictObject({ id: z.int(), lost: z.string() }),
])

interface Job {
  readonly spec: z.output<typeof RecordSpec>
  /** Whether the states after every step are wanted. */
  readonly states: boolean
  /** What Python sent; throws what is wrong with it. */
  readonly resolve: (record: unknown) => void
  readonly reject: (error: ParityError) => void
}

interface Sent extends Job {
  readonly id: number
}

/** How long replies that have arrived may take to be read, when this process itself was busy. */
const graceMs = 50

/**
 * Starts Python and waits until torch is there.
 * @throws ParityError PYTHON_FAILED when the interpreter or a package is missing, too old, or does not answer.
 */
export async function openOracle({
  python,
  timeoutMs = 60_000,
  startTimeoutMs = 120_000,
  maxInFlight = 64,
  ray,
}: OracleOptions = {}): Promise<Oracle> {
  const command = interpreter(python)
  const { args, answerMs, helloMs, inFlight } = conduct({ timeoutMs, startTimeoutMs, maxInFlight, ray })
  const waiting: Job[] = []
  /** The oldest first, which is what Python works on. */
  let sent: Sent[] = []
  let conversation: Conversation | undefined
  let starting: Promise<void> | undefined
  /** Set when nothing can be asked any more. */
  let broken: ParityError | undefined
  let producer: Producer | undefined
  let lastId = 0
  /** Since the last answer: one is mended by another process, two in a row are not. */
  let failures = 0
  let timer: NodeJS.Timeout | undefined

  /** Ends Python when its next message is late; a message that waits to be read is not. */
  function expectMessage(ms: number, what: string): void {
    const late = conversation
    clearTimeout(timer)
    timer = setTimeout(() => {
      timer = setTimeout(() => {
        late?.kill(failed(`${command} -m torch_parity: expected ${what} within ${ms / 1000} s, got none`))
      }, graceMs)
    }, ms)
  }

  function start(): Promise<void> {
    return new Promise((resolve, reject) => {
      let greeted = false
      conversation = converse(command, args, {
        onMessage(message) {
          if (greeted) return readReply(message)
          const { protocol: _, ...about } = parse(Hello, message, 'its first message', 'PYTHON_FAILED')
          greeted = true
          producer = about
          clearTimeout(timer)
          resolve()
        },
        onEnd(reason) {
          clearTimeout(timer)
          conversation = undefined
          if (greeted) fail(reason)
          else reject(reason)
        },
      })
      expectMessage(helloMs, 'torch to be imported')
    })
  }

  function readReply(message: unknown): void {
    const reply = parse(Reply, message, 'its reply', 'PYTHON_FAILED')
    const job = sent[0]
    if (job?.id !== reply.id) throw failed(`expected a reply to request ${job?.id ?? 'none'}, got one to ${reply.id}`)
    sent.shift()
    failures = 0
    clearTimeout(timer)
    if ('error' in reply) {
      const text = `case ${job.spec.id}: expected a case that PyTorch records, got ${reply.error}`
      job.reject(new ParityError('CASE_REFUSED', text))
    } else if ('lost' in reply) {
      job.reject(failed(`case ${job.spec.id}: expected an answer, got ${reply.lost}`))
    } else {
      try {
        job.resolve(reply.case)
      } catch (error) {
        if (!(error instanceof ParityError)) throw error
        job.reject(error)
      }
    }
    if (sent.length > 0) expectMessage(answerMs, `an answer to case ${sent[0]!.spec.id}`)
    advance()
  }

  /** The request that Python worked on is lost with it; those behind it are asked again. */
  function fail(reason: ParityError): void {
    const [lost, ...others] = sent
    sent = []
    waiting.unshift(...others)
    lost?.reject(failed(`case ${lost.spec.id}: ${reason.message}`, reason))
    failures++
    if (failures > 1) giveUp(reason)
    else advance()
  }

  function giveUp(reason: ParityError): void {
    broken ??= reason
    for (const { spec, reject } of [...sent, ...waiting]) reject(failed(`case ${spec.id}: ${reason.message}`, reason))
    sent = []
    waiting.length = 0
  }

  function advance(): void {
    if (broken !== undefined || waiting.length === 0 || starting !== undefined) return
    if (conversation === undefined) {
      starting = start().then(
        () => {
          starting = undefined
          advance()
        },
        (error: ParityError) => giveUp(error),
      )
      return
    }
    while (sent.length < inFlight && waiting.length > 0) {
      const job = { ...waiting.shift()!, id: ++lastId }
      sent.push(job)
      conversation.send({ id: job.id, spec: job.spec, ...(job.states && { states: true }) })
      if (sent.length === 1) expectMessage(answerMs, `an answer to case ${job.spec.id}`)
    }
  }

  function ask<T>(asked: RecordSpec, states: boolean, read: (record: unknown) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const spec = parse(RecordSpec, asked, 'request', 'USAGE')
      if (broken !== undefined) throw failed(`case ${spec.id}: ${broken.message}`, broken)
      waiting.push({ spec, states, resolve: (record) => resolve(read(record)), reject })
      advance()
    })
  }

  /** What Python sent, and the case that it is: its budget is measured here. */
  async function recorded(spec: RecordSpec): Promise<{ readonly record: object; readonly case: Case }> {
    const read = (record: unknown): { readonly record: object; readonly case: Case } => ({
      case: parseCase(record, 'oracle', 1, measureBudget),
      record: record as object,
    })
    const first = await ask(spec, false, read)
    return needsStates(first.case) ? ask(spec, true, read) : first
  }

  await start()
  return {
    producer: producer!,
    record: async (spec) => (await recorded(spec)).case,
    async recordForFile(spec) {
      const { record, case: own } = await recorded(spec)
      return { ...record, budget: tensorRecords(own.budget) }
    },
    isOpen: () => broken === undefined,
    async close() {
      const idle = sent.length === 0 && starting === undefined
      const ending = conversation
      conversation = undefined
      clearTimeout(timer)
      const closed = failed('expected an oracle that is open, got one that was closed')
      giveUp(closed)
      if (!idle) ending?.kill(closed)
      await ending?.end()
    },
  }
}

function failed(message: string, cause?: ParityError): ParityError {
  return new ParityError('PYTHON_FAILED', message, { cause })
}

// What `torch-parity/vitest` gives, but for where fixtures come from: nothing here needs Node.
import { afterAll, describe, expect, it } from 'vitest'
import { show } from '../format/case/wording.ts'
import type { Case } from '../format/case.ts'
import type { Fixture } from '../format/fixture.ts'
import { type Judged, judgedFor } from '../cli/target.ts'
import { compare, type Judgement, type Tolerance } from '../verify/compare.ts'
import { askAgain, kept, once } from '../verify/again.ts'
import { watched } from '../verify/conduct.ts'
import { decide } from '../verify/decide.ts'
import { type Asked, asked, type PreparingEngine } from '../engine/prepared.ts'
import type { Engine } from '../engine/run.ts'
import { ParityError } from '../format/errors.ts'
import type { CausesOfRun } from '../diagnose/causes.ts'
import type { Axis } from '../format/module.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { renderComparison } from '../report/comparison.ts'
import { nothingOf, percent, renderConduct, renderMismatch } from '../report/text.ts'
import { broadcastStrides, elementCount, type FloatTensor, formatShape, type Tensor } from '../format/tensor.ts'
import { isFault, verify, verifyChain, type Verdict } from '../verify.ts'

/** An rtol and an atol: an element may be off by atol + rtol · |expected|. */
export interface Tolerances {
  readonly rtol: number
  readonly atol: number
}

export interface MatchOptions {
  /** What the message calls the tensor. */
  readonly tensor?: string
  /** The names of its axes, by which the message says where an element stands. */
  readonly axes?: readonly Axis['name'][]
  /** Whether NaN matches NaN. */
  readonly equalNan?: boolean
}

export interface ParityOptions {
  /** Only the cases whose `file#id` contains this text. */
  readonly filter?: string
  /** `budget` is the error that the fixture itself carries. */
  readonly tolerance?: 'budget' | 'torch' | Tolerances
  /** What engines may do otherwise than a CPU: `ftz`, `wgsl`, `tf32`, `f16`, or several such as `wgsl+tf32`. */
  readonly target?: string
  /** Whether NaN matches NaN. */
  readonly equalNan?: boolean
  /** How often each case is asked (2), with other numbers in between; an engine that answers otherwise fails. */
  readonly repeat?: number
}

declare module 'vitest' {
  interface Matchers<T> {
    /**
     * Whether a tensor is PyTorch's, within the error that is allowed.
     * allowed: a recorded budget, which broadcasts against `expected`, torch.testing.assert_close's defaults, or an rtol and an atol.
     */
    toMatchTensor(
      expected: FloatTensor,
      allowed: Tensor<'float64'> | 'torch' | Tolerances,
      options?: MatchOptions,
    ): void
  }
}

/**
 * A matcher for `expect.extend`: one tensor, judged as `torch-parity verify` judges it, with its message.
 * @throws ParityError USAGE where `expected` is no tensor, or what is allowed is not a budget of it.
 */
export function toMatchTensor(
  actual: unknown,
  expected: FloatTensor,
  allowed: Tensor<'float64'> | 'torch' | Tolerances,
  { tensor = 'tensor', axes, equalNan = true }: MatchOptions = {},
): { pass: boolean; message: () => string } {
  if (!isTensor(expected))
    throw usage('toMatchTensor: expected a tensor { dtype, shape, data } to compare with, got none')
  const { shape } = expected
  if (axes !== undefined && axes.length !== shape.length) {
    throw usage(`toMatchTensor: expected a name for each axis of ${formatShape(shape)}, got ${axes.length}`)
  }
  const named = (axes ?? []).map((name, i) => ({ name, size: shape[i] ?? 0, num_directions: 1 }))
  const byBudget = isTensor(allowed)
  if (byBudget && broadcastStrides(allowed.shape, shape) === undefined) {
    const got = formatShape(allowed.shape)
    throw usage(`toMatchTensor: expected a budget that broadcasts to ${formatShape(shape)}, got ${got}`)
  }
  const tolerance = byBudget ? ({ kind: 'budget' } as const) : toleranceOf(allowed, 'toMatchTensor: expected a budget')
  if (byBudget && decide(expected, allowed, tolerance).undecided > 0) {
    throw usage(
      `toMatchTensor: ${tensor}: expected a budget that decides something, got one so large that a match says little`,
    )
  }
  const comparison = compare(tensor, actual, expected, byBudget ? allowed : noBudget, named, { tolerance, equalNan })
  const pass = comparison.outcome === 'match'
  return {
    pass,
    message: () =>
      pass
        ? `${tensor}: expected a mismatch, got a match: ${percent(comparison.share)} of the allowed error used`
        : renderComparison(comparison).join('\n').trimStart(),
  }
}

const noBudget: Tensor<'float64'> = { dtype: 'float64', shape: [], data: Float64Array.of(0) }

/** Fixtures that have been looked for. */
export interface Found {
  readonly files: readonly string[]
  /** What was not found. */
  readonly errors: readonly ParityError[]
  readonly open: (file: string) => Promise<Fixture>
}

/** Registers a test for every case of fixtures: `describeParity`, wherever they come from. */
export async function describeFound(
  find: () => Promise<Found>,
  engine: Engine | PreparingEngine,
  { filter = '', tolerance = 'budget', target, equalNan = true, repeat = 2 }: ParityOptions,
): Promise<void> {
  if (typeof (engine as Partial<Engine> | undefined)?.run !== 'function') {
    throw new ParityError('ENGINE_INVALID', 'describeParity: expected an engine { name, run(request) }, got none')
  }
  if (!Number.isSafeInteger(repeat) || repeat < 1) {
    throw usage(`describeParity: repeat: expected a whole number of at least 1, got ${show(repeat)}`)
  }
  const policy: Tolerance =
    tolerance === 'budget' ? { kind: 'budget' } : toleranceOf(tolerance, "describeParity: expected 'budget'")
  const judged = judgedFor(target, policy, 'describeParity: target')
  const { files, errors, open } = await find()
  const groups: [file: string, tests: Registered[]][] = errors.map((error) => [
    error.message.split(': ')[0] ?? '',
    [{ name: 'is there', error }],
  ])
  for (const file of files) groups.push([file, await testsOf(file, open, filter)])
  const registered = groups.filter(([, tests]) => tests.length > 0)
  if (registered.length === 0) {
    const got = filter === '' ? 'no cases' : `no case that contains ${JSON.stringify(filter)}`
    throw new ParityError('NOTHING_JUDGED', `expected at least one case to judge, got ${got}`)
  }
  const run = { engine: asked(engine), judged, judgement: { tolerance: policy, equalNan }, repeat, why: newWhy() }
  for (const [file, tests] of registered) describeFile(file, tests, run)
}

/** A case to judge, or what keeps us from it. */
type Registered = { readonly name: string } & ({ readonly case: Case } | { readonly error: ParityError })

async function testsOf(file: string, open: Found['open'], filter: string): Promise<Registered[]> {
  const tests: Registered[] = []
  try {
    let number = 0
    for await (const read of (await open(file)).cases()) {
      number++
      if ('error' in read) tests.push({ name: `case ${number} can be read`, error: read.error })
      else if (`${file}#${read.case.id}`.includes(filter)) tests.push({ name: read.case.id, case: read.case })
    }
    return tests
  } catch (error) {
    if (!(error instanceof ParityError)) throw error
    return [{ name: 'can be read', error }]
  }
}

/** How every case is asked and judged. */
interface Run {
  readonly engine: Asked
  readonly judged: Judged
  readonly judgement: Judgement
  readonly repeat: number
  readonly why: Why
}

/** What is said of a mismatch beside its numbers: where it starts, what explains it, and what to change. */
type Why = (file: string, recorded: Case, outputs: unknown) => Promise<string[]>

/** Looking for causes may make a test so much slower, and all of them together. */
const searchMs = 1000
const searchesMs = 10_000

/** What explains one mismatch is tried first on those after it. */
function newWhy(): Why {
  let causes: CausesOfRun | undefined
  return async (file, recorded, outputs) => {
    const { CausesOfRun: Causes } = await import('../diagnose/causes.ts')
    causes ??= new Causes({ limitMs: searchesMs, searchMs, isEager: true, heldBytes: 0 })
    const diagnosis = causes.look(file, recorded, outputs)
    return diagnosis === undefined ? [] : [renderDiagnosis(diagnosis)]
  }
}

/** A verdict, and what the engine gave for the whole case. */
interface Asking {
  readonly verdict: Verdict
  readonly outputs: unknown
}

/** Asks for a case, for its parts, and again with other parameters in between. */
async function judgeMoreThanOnce(recorded: Case, { engine, judgement, repeat }: Run): Promise<Asking> {
  const { engine: seen, take } = watched(engine)
  let answer: unknown
  let outputs: unknown
  try {
    const free = await verify(recorded, seen, judgement, {
      onAnswer: (given) => (answer ??= kept(given)),
      // They may stand in memory that the engine uses again.
      onOutputs: (given) => (outputs ??= structuredClone(given)),
    })
    if (repeat === 1 || answer === undefined) return { verdict: { ...free, conduct: take() }, outputs }
    const { verdict } = await verifyChain(recorded, seen, free, judgement)
    const first = take()
    const answered = { recorded, name: `case ${recorded.id}`, verdict, answer, ms: 0 }
    const [again = []] = await askAgain([answered], seen, { repeat, seed: 0, take, tolerance: judgement.tolerance })
    return { verdict: { ...verdict, conduct: once([...first, ...again]) }, outputs }
  } finally {
    await engine.release()
  }
}

// oxlint-disable vitest/valid-title -- titles are what the fixtures say
function describeFile(file: string, tests: readonly Registered[], own: Run): void {
  describe(file, () => {
    let run = 0
    const skipped = { unsupported: 0, undecided: 0 }
    for (const test of tests) {
      it(test.name, async ({ skip }) => {
        run++
        if ('error' in test) throw test.error
        const recorded = own.judged.as(test.case)
        const { verdict, outputs } = await judgeMoreThanOnce(recorded, own)
        if (verdict.outcome === 'unsupported' || verdict.outcome === 'undecided') {
          skipped[verdict.outcome]++
          skip(verdict.outcome === 'undecided' ? `undecided: ${verdict.reason}` : verdict.reason)
        }
        if (verdict.outcome === 'mismatch') {
          // The whole run is right where only its parts are not, and so leaves nothing to explain.
          const why = verdict.chain === undefined ? await own.why(file, recorded, outputs) : []
          expect.fail([renderMismatch(file, verdict), ...why].join('\n'))
        }
        if (isFault(verdict)) expect.fail(renderConduct(`${file}: case ${verdict.id}`, verdict.conduct ?? []))
        expect(verdict.outcome).toBe('match')
      })
    }
    // Skipped tests alone are a pass to vitest.
    afterAll(() => {
      if (run > skipped.unsupported + skipped.undecided) return
      throw new ParityError('NOTHING_JUDGED', `${file}: expected at least one case to judge, got ${nothingOf(skipped)}`)
    })
  })
}

function toleranceOf(given: 'torch' | Tolerances, wanted: string): Tolerance {
  if (given === 'torch') return { kind: 'torch' }
  const { rtol, atol }: { rtol?: unknown; atol?: unknown } = Object(given)
  if (isSize(rtol) && isSize(atol)) return { kind: 'explicit', rtol, atol }
  throw usage(`${wanted}, 'torch', or { rtol, atol } of at least 0 each, got ${show(given)}`)
}

function isSize(x: unknown): x is number {
  return typeof x === 'number' && x >= 0 && x < Infinity
}

function isTensor(value: unknown): value is Tensor {
  if (typeof value !== 'object' || value === null || !('shape' in value) || !('data' in value)) return false
  const { shape, data } = value
  const isList = data instanceof Float32Array || data instanceof Float64Array
  return 'dtype' in value && Array.isArray(shape) && isList && data.length === elementCount(shape as number[])
}

function usage(message: string): ParityError {
  return new ParityError('USAGE', message)
}

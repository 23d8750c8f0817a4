// A test for each case of fixtures, whatever runs the tests and wherever the fixtures come from: nothing here needs Node.
import { show } from '../format/case/wording.ts'
import type { Case } from '../format/case.ts'
import type { Fixture } from '../format/fixture.ts'
import { type Judged, judgedFor } from '../cli/target.ts'
import { asWhole } from '../verify/filled.ts'
import type { Judgement, Tolerance } from '../verify/compare.ts'
import { askAgain, kept, once } from '../verify/again.ts'
import { watched } from '../verify/conduct.ts'
import { type Asked, asked, type PreparingEngine } from '../engine/prepared.ts'
import type { Engine } from '../engine/run.ts'
import { ParityError } from '../format/errors.ts'
import type { CausesOfRun } from '../diagnose/causes.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { nothingOf, renderConduct, renderMismatch } from '../report/text.ts'
import { isFault, requestOf, verify, verifyChain, type Verdict } from '../verify.ts'
import { toleranceOf, type Tolerances, usage } from './matcher.ts'

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
  runner: Runner,
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
  for (const [file, tests] of registered) await describeFile(file, tests, run, runner)
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
    const diagnosis = causes.look(file, asWhole(recorded), outputs)
    return diagnosis === undefined ? [] : [renderDiagnosis(diagnosis)]
  }
}

/** A verdict, and what the engine gave for the whole case. */
interface Asking {
  readonly verdict: Verdict
  readonly outputs: unknown
}

/** Tensors in memory of their own; Jest's typed arrays are not those of structuredClone. */
function copied(outputs: unknown): unknown {
  if (typeof outputs !== 'object' || outputs === null) return outputs
  const own = Object.entries(outputs as Readonly<Record<string, { readonly data?: unknown } | null>>).map(
    ([name, tensor]) => {
      const data = tensor?.data
      const isList = data instanceof Float32Array || data instanceof Float64Array
      return [name, isList ? { ...tensor, data: data.slice() } : tensor]
    },
  )
  return Object.fromEntries(own)
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
      onOutputs: (given) => (outputs ??= copied(given)),
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

/** What runs the tests. */
export interface Runner {
  describe(name: string, body: () => void): void
  /** skip: leaves the test out for a reason, and does not come back. */
  it(name: string, run: (skip: (reason: string) => never) => Promise<void>): void
  /** A test that is known to be left out; where there is no such thing it is found out when it is run. */
  readonly skipped?: (name: string, reason: string) => void
  afterAll(run: () => void): void
  /** Fails the test that runs. */
  fail(message: string): never
}

async function describeFile(file: string, tests: readonly Registered[], own: Run, runner: Runner): Promise<void> {
  const reasons = runner.skipped === undefined ? [] : await Promise.all(tests.map((test) => refusalOf(test, own)))
  runner.describe(file, () => {
    let run = 0
    const skipped = { unsupported: 0, undecided: 0 }
    for (const [i, test] of tests.entries()) {
      const reason = reasons[i]
      if (reason !== undefined) {
        run++
        skipped.unsupported++
        runner.skipped?.(test.name, reason)
        continue
      }
      runner.it(test.name, async (skip) => {
        run++
        if ('error' in test) throw test.error
        const recorded = own.judged.as(test.case)
        const { verdict, outputs } = await judgeMoreThanOnce(recorded, own)
        if (verdict.outcome === 'unsupported' || verdict.outcome === 'undecided') {
          skipped[verdict.outcome]++
          skip(verdict.outcome === 'undecided' ? `undecided: ${verdict.reason}` : (verdict.reason ?? 'not supported'))
        }
        if (verdict.outcome === 'mismatch') {
          // The whole run is right where only its parts are not, and so leaves nothing to explain.
          const why = verdict.chain === undefined ? await own.why(file, recorded, outputs) : []
          runner.fail([renderMismatch(file, verdict), ...why].join('\n'))
        }
        if (isFault(verdict)) runner.fail(renderConduct(`${file}: case ${verdict.id}`, verdict.conduct ?? []))
        if (verdict.outcome !== 'match') runner.fail(`expected a match, got ${verdict.outcome}`)
      })
    }
    // Skipped tests alone are a pass to whatever runs them.
    runner.afterAll(() => {
      if (run > skipped.unsupported + skipped.undecided) return
      throw new ParityError('NOTHING_JUDGED', `${file}: expected at least one case to judge, got ${nothingOf(skipped)}`)
    })
  })
}

/** Why an engine does not take a case, where it says so. */
async function refusalOf(test: Registered, { engine }: Run): Promise<string | undefined> {
  if ('error' in test) return undefined
  const answer: unknown = await engine.supports?.(requestOf(test.case))
  return typeof answer === 'string' ? answer : undefined
}

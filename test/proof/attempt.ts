import { type Case, expectedAxes, type Outputs } from '../../src/format/case.ts'
import { compare } from '../../src/verify/compare.ts'
import { diagnose, type Diagnosis, type Explanation } from '../../src/diagnose.ts'
import type { Engine } from '../../src/engine/run.ts'
import { isGiven } from '../../src/diagnose/condition.ts'
import { questionOf, withoutGradients } from '../../src/diagnose/question.ts'
import { runEdited } from '../../src/edits.ts'
import { confirmed } from '../../src/probe/confirm.ts'
import { messageOf } from '../../src/format/errors.ts'
import { settleTies } from '../../src/verify/ties.ts'
import { judge } from '../../src/verify.ts'
import type { Bug } from './bugs.ts'
import type { Recorded } from './cases.ts'
import { runPort } from './port.ts'

/** A case in which a port with a bug is seen to be wrong, and what it gives. */
export interface Shown {
  readonly recorded: Recorded
  readonly outputs: Outputs
}

/** An explanation, and in how many other cases its edits give the port's numbers. */
export interface Ranked {
  readonly says: string
  readonly isWhole: boolean
  readonly predicted: number
  readonly of: number
  /** The cases in which they do not, by file and id. */
  readonly missed: readonly string[]
  /** The same of what the explained case was asked for: one without gradients says nothing of gradients, nor of trainings. */
  readonly asAsked: { readonly predicted: number; readonly of: number }
}

/** One planted port, explained in one case. */
export interface Attempt {
  readonly planting: string
  readonly kind: 'single' | 'pair' | 'mapping' | 'stranger'
  readonly file: string
  readonly id: string
  /** The explanations, the best first. */
  readonly ranked: readonly Ranked[]
  readonly ms: number
  /** The same of the processor alone, which other work on the machine does not lengthen much. */
  readonly processorMs: number
  /** What is said first when the port has been asked for other requests, and whether these refute it. */
  readonly asked?: {
    readonly ranked: readonly Ranked[]
    readonly isRefuted: boolean
    readonly against?: string | undefined
  }
  /** What `diagnose` threw. */
  readonly failure?: string
}

export function isSeen(recorded: Case, outputs: Outputs): boolean {
  return judge(recorded, settleTies(recorded, outputs).outputs).some(({ outcome }) => outcome === 'mismatch')
}

/** Whether two ports give the same within the budget of a case, both in float64: then nothing in it tells them apart. */
export function cannotBeToldApart(recorded: Case, one: readonly Bug[], other: readonly Bug[], seed: number): boolean {
  const ours = runPort(recorded, { bugs: one, arithmetic: 'float64', seed })
  return isGivenBy(recorded, ours, runPort(recorded, { bugs: other, arithmetic: 'float64', seed }))
}

/** Whether outputs are those of another port, within the budget of a case. */
export function isGivenBy(recorded: Case, ours: Outputs, theirs: Outputs): boolean {
  const axes = expectedAxes(recorded)
  return Object.keys(recorded.expected).every((name) => {
    const expected = theirs[name]
    const budget = recorded.budget[name]!
    return expected !== undefined && compare(name, ours[name], expected, budget, axes[name]!).outcome === 'match'
  })
}

/** So many milliseconds the processor has worked for this process: other work on the machine does not count. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** How many explanations of a case are asked for what they predict. */
const mostRanked = 3

/**
 * Explains a port in one case, and asks the explanations for what it gives in others: a cause is what predicts, whatever it is called.
 * others: cases in which the port is seen to be wrong, too; engine: the port, which is asked as `explain --engine` does
 */
export async function attempt(
  name: string,
  kind: Attempt['kind'],
  shown: Shown,
  others: readonly Shown[],
  engine: Engine,
  limitMs: number,
): Promise<Attempt> {
  const { recorded, outputs } = shown
  const began = performance.now()
  const before = processorMs()
  let diagnosis: Diagnosis = { where: [], explanations: [] }
  let failure: string | undefined
  try {
    diagnosis = diagnose(recorded.case, outputs, { limitMs, now: processorMs })
  } catch (error) {
    failure = messageOf(error)
  }
  const ms = performance.now() - began
  const ofProcessor = processorMs() - before
  const rank = (explanation: Explanation): Ranked => ranked(explanation, recorded.case, others)
  const when = (): Promise<readonly string[]> => Promise.resolve([])
  const held = await confirmed(recorded.case, diagnosis, engine, { limitMs, when })
  const [first] = held.explanations
  const { confirmed: right, of } = first?.confirmation ?? { confirmed: 0, of: 0 }
  return {
    planting: name,
    kind,
    file: recorded.file,
    id: recorded.case.id,
    ranked: diagnosis.explanations.slice(0, mostRanked).map(rank),
    ms,
    processorMs: ofProcessor,
    asked: {
      ranked: held.explanations.slice(0, mostRanked).map(rank),
      isRefuted: right < of,
      against: first?.confirmation?.against,
    },
    ...(failure === undefined ? {} : { failure }),
  }
}

function ranked(explanation: Explanation, recorded: Case, others: readonly Shown[]): Ranked {
  const missed = others.filter((other) => !predicts(explanation, other)).map(placeOf)
  const { length } = others
  return {
    says: explanation.sentence,
    isWhole: explanation.complete || explanation.outputsAlone === true,
    predicted: length - missed.length,
    of: length,
    missed,
    asAsked: asAsked(explanation, recorded, others),
  }
}

function asAsked(
  explanation: Explanation,
  { cotangents, training }: Case,
  others: readonly Shown[],
): Ranked['asAsked'] {
  const hasAll = cotangents !== undefined || training !== undefined
  const asked = others.filter(({ recorded }) => hasAll || recorded.case.training === undefined)
  return { predicted: asked.filter((other) => predicts(explanation, other, !hasAll)).length, of: asked.length }
}

function placeOf({ recorded }: Shown): string {
  return `${recorded.file} ${recorded.case.id}`
}

function predicts({ edits }: Explanation, { recorded, outputs }: Shown, inOutputsAlone = false): boolean {
  try {
    const whole = questionOf(recorded.case, outputs)
    const question = inOutputsAlone ? withoutGradients(whole) : whole
    return isGiven(question, runEdited(edits, question.request), (request) => runEdited(edits, request))
  } catch {
    // An edit may leave nothing that runs in another module.
    return false
  }
}

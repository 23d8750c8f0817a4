// What explains a mismatch: where a port departs from PyTorch, and why.
import { type Case, isExported, type Outputs } from './format/case.ts'
import { type Advice, adviceOf } from './edits/advice.ts'
import { inLastOrLater } from './edits/alike.ts'
import { type Context, nodesAt } from './edits/context.ts'
import type { Edit } from './edits/edit.ts'
import { keyInLoop } from './edits/parts.ts'
import { supports } from './engine/run.ts'
import { asWhole } from './verify/filled.ts'
import { nameOf } from './edits/known.ts'
import { sentenceOf } from './edits/words.ts'
import { ownDeparture } from './diagnose/own.ts'
import { isSlight } from './diagnose/nearer.ts'
import { comparisonsWith, type Question, questionOf } from './diagnose/question.ts'
import { matches, ran, type Tried } from './diagnose/trials.ts'
import { type PartOff, partsOff } from './diagnose/parts.ts'
import { smallestNormal } from './format/tensor.ts'
import { where } from './diagnose/where.ts'
import { why } from './diagnose/why.ts'

/** An edit, or some together, that an engine may have. */
export interface Explanation {
  /** The names of its edits. */
  readonly faults: readonly string[]
  /** What it does otherwise than PyTorch, as data: `engineOf` makes an engine of it. */
  readonly edits: readonly Edit[]
  /** What such an engine does: `reads weight_hh transposed`. */
  readonly sentence: string
  /** How much of the departure from PyTorch it explains: 1 for all of it. */
  readonly explained: number
  /** Whether an engine with it gives what was given, within the budget. */
  readonly complete: boolean
  /** Whether it does so in the outputs alone: the gradients of a port that has it are others. */
  readonly outputsAlone?: boolean | undefined
  /** What to change, for each fault. */
  readonly advice?: readonly Advice[] | undefined
  /** Of other requests in which such an engine is wrong, in how many the port gives the same; where it could be asked. */
  readonly confirmation?: Confirmation | undefined
}

/** What became of an explanation in other requests. against: the first in which the port gives something else, in words. */
export interface Confirmation {
  readonly confirmed: number
  readonly of: number
  readonly against?: string | undefined
}

/** Where an engine departs from PyTorch, and why. */
export interface Diagnosis {
  /** What is to be read before all else: our own engine is wrong in this case, and then nothing is explained. */
  readonly ownDeparture?: string | undefined
  /** Sentences, the most telling first; empty when nothing departs. */
  readonly where: readonly string[]
  /** The best first; empty when nothing explains the departure. */
  readonly explanations: readonly Explanation[]
  /** Whether time was up before everything had been tried, with nothing found that explains everything. */
  readonly stopped?: boolean | undefined
  /** When the port is wrong, by experiments, as sentences; where it could be asked, and no explanation was confirmed. */
  readonly when?: readonly string[] | undefined
  /** A request in which the first two explanations say otherwise, where nobody could be asked. */
  readonly telling?: string | undefined
}

/** Without those of which nothing but samples is known. */
function known({ samples }: Case, outputs: Outputs): Outputs {
  if (samples === undefined) return outputs
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => !Object.hasOwn(samples, name)))
}

/** An explanation is confirmed where a port gives what it says for so many other requests at least. */
export const leastConfirming = 6

const mostExplanations = 5

/**
 * Says where outputs depart from PyTorch's, and which edits of PyTorch's program give just these. Nothing but the outputs is needed:
 * edited programs are run, and likely pairs, until one gives the same. Where our own engine is wrong, that is said instead.
 * answered: some or all of what the case expects; limitMs: after which nothing more is tried; now: the clock by which that is told, in
 * milliseconds, as of the processor alone where a machine has other work.
 */
export function diagnose(
  given: Case,
  answered: Outputs,
  { limitMs = 3000, now }: { limitMs?: number; now?: () => number } = {},
): Diagnosis {
  const recorded = asWhole(given)
  const outputs = known(recorded, answered)
  const question = questionOf(recorded, outputs)
  const comparisons = comparisonsWith(question, recorded.expected)
  if (comparisons.every(({ outcome }) => outcome === 'match')) return { where: [], explanations: [] }
  const parts =
    isExported(recorded) && recorded.config.part === undefined ? partsOff(recorded, outputs, comparisons) : []
  if (parts.length > 0) {
    const found = parts.map((part) => ofPart(part, limitMs / parts.length))
    const wrong = comparisons.flatMap(({ tensor, outcome }) => (outcome === 'mismatch' ? [tensor] : []))
    return inTheWhole(together(found), question, wrong)
  }
  const unknown = supports(recorded)
  if (unknown !== true) {
    return { where: [`nothing is explained: our engine ${unknown}`, ...where(question, comparisons)], explanations: [] }
  }
  const own = ownDeparture(recorded)
  if (own !== undefined) return { ownDeparture: own, where: where(question, comparisons), explanations: [] }
  // What flushes them, or loses them, gives what many engines would that are wrong otherwise.
  if (isOffInSubnormals(question)) {
    return {
      where: ['only subnormal numbers are off, which tell no cause', ...where(question, comparisons)],
      explanations: [],
    }
  }
  const { tried, stopped, context } = why(question, limitMs, now)
  const names = new Set<string>()
  // One by each name: what else bears it is the same in this case.
  const isWhole = tried.some(({ complete }) => complete)
  const explanations = tried
    .filter(({ complete }) => complete || !isWhole)
    .map((each) => explanationOf(each, context))
    .filter(({ faults }) => !names.has(faults.join('\n')) && names.add(faults.join('\n')))
    .flatMap((each, i) => [each, ...(i === 0 && each.complete ? inOtherLayers(each, context) : [])])
    .slice(0, mostExplanations)
  const areAsRoundingIs = explanations.length === 0 && isSlight(comparisons)
  const said = where(question, comparisons, { areAsRoundingIs })
  // Of a part there is one tensor.
  const isPart = isExported(recorded) && recorded.config.part !== undefined
  const kept = isPart ? said.filter((text) => !text.includes('first tensor')) : said
  return { where: kept, explanations, ...(stopped && { stopped }) }
}

/** What is the same in this case, and is to be told apart by one of more layers. */
function inOtherLayers(own: Explanation, context: Context): Explanation[] {
  return inLastOrLater(own.edits, context).map((edits) => {
    return explanationOf({ edits, explained: own.explained, complete: true, outputs: true }, context)
  })
}

function ofPart({ tap, at, recorded, outputs }: PartOff, limitMs: number): Diagnosis {
  const rest = diagnose(recorded, outputs, { limitMs })
  const explanations = rest.explanations.map((each) => ({
    ...each,
    edits: each.edits.map((edit) => ({ ...edit, at })),
  }))
  return { ...rest, explanations, where: rest.where.map((text) => `${tap}: ${text}`) }
}

/** What was found in one tap is so in all that the same line makes, unless the port says that it is in those alone that are wrong. */
function inTheWhole(found: Diagnosis, question: Question, wrong: readonly string[]): Diagnosis {
  const isWhole = (edits: readonly Edit[]): boolean => {
    const others = ran(edits, question.request)
    return others !== undefined && matches(question, others)
  }
  const explanations = found.explanations.map((each) => {
    if (isWhole(each.edits)) return each
    const alone = each.edits.map((edit): Edit => (edit.at ? { ...edit, at: { ...edit.at, taps: wrong } } : edit))
    return isWhole(alone) ? { ...each, edits: alone } : each
  })
  return { ...found, explanations }
}

/** Each is wrong by itself: what explains the first may be other than what explains the next. */
function together(found: readonly Diagnosis[]): Diagnosis {
  const all = distinct(found.map(({ explanations: [first] }) => first))
  const [one] = found
  const known = all.filter((each) => each !== undefined)
  const explanations =
    found.length === 1 || known.length < all.length
      ? found.flatMap((each) => each.explanations)
      : [
          {
            faults: known.flatMap(({ faults }) => faults),
            edits: known.flatMap(({ edits }) => edits),
            sentence: known.map(({ sentence }) => sentence).join(', and '),
            explained: Math.min(...known.map(({ explained }) => explained)),
            complete: known.every(({ complete }) => complete),
            advice: known.flatMap(({ advice = [] }) => advice),
          },
        ]
  const ownDeparture = found.find((each) => each.ownDeparture !== undefined)?.ownDeparture
  return {
    ...(ownDeparture !== undefined && { ownDeparture }),
    where: found.flatMap((each) => each.where),
    explanations: found.length === 1 ? one!.explanations : explanations,
    ...(found.some(({ stopped }) => stopped === true) && { stopped: true }),
  }
}

/** One of those that say the same, as of each step of a loop. */
function distinct(all: readonly (Explanation | undefined)[]): (Explanation | undefined)[] {
  const keys = new Set<string>()
  return all.filter((each) => {
    const key = each?.edits.map((edit) => keyInLoop(edit)).join('\n')
    return key === undefined || (!keys.has(key) && keys.add(key))
  })
}

/** Whether all that is off is subnormal, in the port and in PyTorch. */
function isOffInSubnormals({ recorded: { expected, dtype }, outputs, given, limits }: Question): boolean {
  const least = smallestNormal[dtype]
  return given.every((name) => {
    const [own, other, limit] = [outputs[name]!.data, expected[name]!.data, limits[name]!]
    return other.every((y, i) => {
      const x = own[i] ?? Number.NaN
      return Object.is(x, y) || Math.abs(x - y) <= limit[i]! || (Math.abs(x) < least && Math.abs(y) < least)
    })
  })
}

/** What is said of edits and of what they explain, in the words of a request. */
export function explanationOf(
  { edits: found, explained, complete, outputs }: Omit<Tried, 'digits'>,
  context: Context,
): Explanation {
  const named = isExported(context.request) ? found.map((edit) => inItsModule(edit, context)) : found
  return {
    faults: named.map((edit) => nameOf(edit)),
    edits: found,
    sentence: named.map((edit) => sentenceOf(edit, context)).join(', and '),
    explained,
    complete,
    ...(outputs && !complete && { outputsAlone: true }),
    advice: named.map((edit) => adviceOf(edit, context)),
  }
}

/** What was found in one part of a captured model is of its module alone, and not of all that are alike. */
function inItsModule(edit: Edit, context: Context): Edit {
  const parts = new Set(nodesAt(context, edit.operand, edit.scope).map(({ operand }) => operand.part))
  const [part] = parts
  return parts.size === 1 && part !== undefined ? { ...edit, operand: { ...edit.operand, part } } : edit
}

// An explanation is a prediction: what it says of other requests is held against what the port gives for them.
import { type Case, isModelRequest } from '../format/case.ts'
import type { Engine } from '../engine/run.ts'
import { type Context, contextOf } from '../edits/context.ts'
import { kept, known } from '../edits/back.ts'
import type { Edit } from '../edits/edit.ts'
import { isSuch, traitsOf } from '../edits/given.ts'
import { relativesOf } from '../edits/alike.ts'
import { judge, requestOf } from '../verify.ts'
import { type Diagnosis, type Explanation, explanationOf, leastConfirming } from '../diagnose.ts'
import { isGiven } from '../diagnose/condition.ts'
import { questionOf } from '../diagnose/question.ts'
import { farFrom, othersFor, withGradients } from './others.ts'
import { answerOf, areApart, confirm, confirmationOf, outputsOf, talliesOf, type Tally } from './tally.ts'

/** So many other ways to mean the same in the case are held against others. */
const mostRelatives = 12

function inOtherWords(own: Explanation, edits: readonly Edit[], context: Context): Explanation {
  return explanationOf({ edits, explained: own.explained, complete: own.complete, outputs: false }, context)
}

const isConfirmed = ({ confirmation }: Explanation): boolean =>
  confirmation !== undefined && confirmation.of >= leastConfirming && confirmation.confirmed === confirmation.of

/**
 * A diagnosis whose explanations are held against what a port gives for other requests: those that are confirmed come first, and alone.
 * Where none is, experiments around the case say when the port is wrong.
 */
export async function confirmed(
  recorded: Case,
  diagnosis: Diagnosis,
  engine: Engine,
  { limitMs, when }: { readonly limitMs: number; readonly when: () => Promise<readonly string[]> },
): Promise<Diagnosis> {
  if (diagnosis.ownDeparture !== undefined) return diagnosis
  const { explanations } = diagnosis
  const context = contextOf(requestOf(recorded))
  const relatives = explanations
    .filter(({ complete }) => complete)
    .flatMap((own) =>
      relativesOf(own.edits, context).map((edits) => ({ own, other: inOtherWords(own, edits, context) })),
    )
    .slice(0, mostRelatives)
  const asked = [...explanations, ...relatives.map(({ other }) => other)]
  const { held, tallies } = await heldAgainst(recorded, asked, engine, limitMs)
  // In the place of an explanation what is the same in this case, and is so in others.
  const all = explanations.map((explanation, i) => {
    const family = [
      held[i]!,
      ...relatives.flatMap(({ own }, j) => (own === explanation ? [held[explanations.length + j]!] : [])),
    ]
    return family.find((own) => isConfirmed(own)) ?? held[i]!
  })
  const ordered = all.toSorted((one, other) => shareOf(other) - shareOf(one))
  const own = ordered.filter((each) => isConfirmed(each))
  const inSome = own.length > 0 ? undefined : await confirmedInSome(recorded, held, tallies, engine, limitMs)
  const [first, ...rest] = inSome === undefined ? own : [inSome]
  if (first !== undefined) {
    return { ...diagnosis, explanations: [await withWayBack(recorded, first, engine, limitMs / 2), ...rest] }
  }
  const sentences = await when()
  return { ...diagnosis, explanations: ordered, ...(sentences.length > 0 && { when: sentences }) }
}

/**
 * Of explanations that are the same in the cases of a run, the first that a port confirms by what it gives for other requests; where it
 * confirms none, the first, with what refutes it.
 */
export async function confirmedAmong(
  recorded: Case,
  alike: readonly Explanation[],
  engine: Engine,
  limitMs: number,
): Promise<Explanation> {
  const { held, tallies } = await heldAgainst(recorded, alike, engine, limitMs)
  const confirmed =
    held.find((own) => isConfirmed(own)) ?? (await confirmedInSome(recorded, held, tallies, engine, limitMs))
  return confirmed === undefined ? held[0]! : await withWayBack(recorded, confirmed, engine, limitMs / 2)
}

const shareOf = ({ confirmation }: Explanation): number =>
  confirmation === undefined ? 0.5 : confirmation.confirmed / confirmation.of

async function heldAgainst(
  recorded: Case,
  asked: readonly Explanation[],
  engine: Engine,
  limitMs: number,
): Promise<{ readonly held: readonly Explanation[]; readonly tallies: readonly Tally[] }> {
  const tallies = await talliesOf(recorded, asked, engine, { limitMs })
  const held = asked.map((explanation, i): Explanation => {
    const tally = tallies[i]
    return tally === undefined || tally.of === 0 ? explanation : { ...explanation, confirmation: confirmationOf(tally) }
  })
  return { held, tallies }
}

/** So many explanations that are so in some requests alone are held against others. */
const mostInSome = 6

/**
 * Where an explanation is so in requests of one trait of the case alone, and the port is right in all others: the explanation with that
 * condition, if requests that were not looked at confirm it.
 */
async function confirmedInSome(
  recorded: Case,
  held: readonly Explanation[],
  tallies: readonly Tally[],
  engine: Engine,
  limitMs: number,
): Promise<Explanation | undefined> {
  const request = requestOf(recorded)
  const context = contextOf(request)
  const conditional = held.flatMap((own, i) => {
    const asked = tallies[i]?.asked ?? []
    if (!own.complete) return []
    const fitting = traitsOf(request).filter((trait) => {
      const isIn = asked.map((each) => isSuch(each.request, trait))
      return (
        asked.filter(({ isAsSaid }, j) => isIn[j] && isAsSaid).length > 1 &&
        isIn.includes(false) &&
        asked.every(({ isAsSaid, isRight }, j) => (isIn[j] ? isAsSaid : isRight))
      )
    })
    return fitting.map((given) =>
      inOtherWords(
        own,
        own.edits.map((edit) => ({ ...edit, given })),
        context,
      ),
    )
  })
  if (conditional.length === 0) return undefined
  const confirmations = await confirm(recorded, conditional.slice(0, mostInSome), engine, { limitMs, seed: 1 })
  for (const [i, confirmation] of confirmations.entries()) {
    const own = { ...conditional[i]!, confirmation }
    if (isConfirmed(own) && (await isRightElsewhere(recorded, own, engine, limitMs))) return own
  }
  return undefined
}

function everywhereOf(edit: Edit): Edit {
  const { given: _, ...rest } = edit
  return rest
}

/** So many requests are asked in which a condition is not met, and the port would be wrong without it. */
const askedElsewhere = 12

/** Whether a port is right where the condition of an explanation is not met, in requests that are other in several things. */
async function isRightElsewhere(
  recorded: Case,
  { edits }: Explanation,
  engine: Engine,
  limitMs: number,
): Promise<boolean> {
  if (isModelRequest(recorded)) return false
  const until = performance.now() + limitMs
  let of = 0
  for (const { other } of farFrom(recorded, 2)) {
    if (of >= askedElsewhere || performance.now() > until) break
    const request = requestOf(other)
    if (edits.some(({ given }) => isSuch(request, given))) continue
    const everywhere = outputsOf(
      edits.map((edit) => everywhereOf(edit)),
      request,
    )
    if (!areApart(other, [everywhere, other.expected])) continue
    const outputs = await answerOf(engine, other)
    if (outputs === undefined) continue
    of++
    if (judge(other, outputs).some(({ outcome }) => outcome === 'mismatch')) return false
  }
  return of >= leastConfirming
}

/** So many requests with gradients say what the way back of a port is. */
const askedBack = 4
const mostRefusals = 3
/** Where the two ways back are the same in so many, they are. */
const mostSame = 8

/**
 * An explanation of a case without gradients, which says nothing of them, as requests with gradients leave it: whether the way back of
 * the port knows of what it does otherwise.
 */
async function withWayBack(recorded: Case, own: Explanation, engine: Engine, limitMs: number): Promise<Explanation> {
  if (isModelRequest(recorded) || recorded.cotangents !== undefined || recorded.training !== undefined) return own
  const until = performance.now() + limitMs
  const ways = waysBackOf(own.edits)
  const right = ways.map(() => 0)
  let of = 0
  let refusals = 0
  let same = 0
  let against: string | undefined
  for (const { other, text } of withGradients(recorded, 0)) {
    if (of >= askedBack || refusals >= mostRefusals || same >= mostSame || performance.now() > until) break
    const says = ways.map((edits) => outputsOf(edits, requestOf(other)))
    if (!areApart(other, says)) {
      same++
      continue
    }
    const outputs = await answerOf(engine, other)
    if (outputs === undefined) {
      refusals++
      continue
    }
    of++
    const question = questionOf(other, outputs)
    const before = right[0]!
    for (const [i, edits] of ways.entries()) {
      const said = says[i]
      right[i]! += Number(said !== undefined && isGiven(question, said, (request) => outputsOf(edits, request)))
    }
    if (right[0] === before) against ??= text
  }
  const { confirmation } = own
  // Where neither is so, what the port gives there is something else.
  if (of > 1 && Math.max(...right) < of && confirmation !== undefined) {
    const confirmed = confirmation.confirmed + right[0]!
    return { ...own, confirmation: { confirmed, of: confirmation.of + of, against } }
  }
  const other = of > 1 && right[0]! < of ? ways[right.indexOf(of)] : undefined
  if (other === undefined) return own
  const context = contextOf(requestOf(recorded))
  const asked = { ...context, request: { ...context.request, cotangents: {} } }
  return { ...inOtherWords(own, other, asked), ...(own.confirmation && { confirmation: own.confirmation }) }
}

/** Themselves; all the other way, then all of one way, then each alone the other way. */
function waysBackOf(edits: readonly Edit[]): (readonly Edit[])[] {
  const isKept = edits.map(({ gradient }) => gradient === 'kept')
  const all = [
    isKept,
    isKept.map((own) => !own),
    ...(edits.length > 1 ? [true, false] : []).map((own) => edits.map(() => own)),
  ]
  const each = edits.length > 1 ? edits.map((_, i) => isKept.with(i, !isKept[i])) : []
  const keys = new Set<string>()
  return [...all, ...each].flatMap((ways) => {
    if (keys.has(ways.join()) || !keys.add(ways.join())) return []
    return [edits.map((edit, i) => (ways[i] === true ? kept(edit) : known(edit)))]
  })
}

/** A request that tells two explanations of a case apart, for somebody who can ask a port; undefined where none was found. */
export function tellingOf(recorded: Case, explanations: readonly Explanation[], limitMs: number): string | undefined {
  const [one, two] = explanations
  if (one === undefined || two === undefined) return undefined
  const until = performance.now() + limitMs
  for (const { other, text } of othersFor(recorded, 0)) {
    if (performance.now() > until) return undefined
    const [first, second] = [one, two].map(({ edits }) => outputsOf(edits, requestOf(other)))
    if (first === undefined || second === undefined) continue
    if (judge({ ...other, expected: first }, second).some(({ outcome }) => outcome === 'mismatch')) return text
  }
  return undefined
}

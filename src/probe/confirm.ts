// An explanation is a prediction: what it says of other requests is held against what the port gives for them.
import { type Case, isModelRequest, type Outputs, type Request } from '../format/case.ts'
import type { Engine } from '../engine/run.ts'
import { type Context, contextOf } from '../edits/context.ts'
import type { Edit } from '../edits/edit.ts'
import { relativesOf } from '../edits/relatives.ts'
import { runEdited } from '../edits.ts'
import { judge, requestOf } from '../verify.ts'
import { type Confirmation, type Diagnosis, type Explanation, explanationOf, leastConfirming } from '../diagnose.ts'
import { givenOf } from '../diagnose/given.ts'
import { isGiven } from '../diagnose/condition.ts'
import { comparisonsWith, questionOf } from '../diagnose/question.ts'
import { type Other, othersFor, withGradients } from './others.ts'

/** So many others are asked at most for each explanation. */
const asked = 12
/** So many other ways to mean the same in the case are held against others. */
const mostRelatives = 12
const mostAsRight = 6

/**
 * Asks a port for other requests, in which the explanations of one case say that it is wrong, or in which it is although they do not. limitMs: after which nothing more is asked. → one for each explanation; none for models
 */
export async function confirm(
  recorded: Case,
  explanations: readonly Explanation[],
  engine: Engine,
  { limitMs, seed = 0 }: { readonly limitMs: number; readonly seed?: number },
): Promise<Confirmation[]> {
  if (isModelRequest(recorded)) return []
  const until = performance.now() + limitMs
  const tallies = explanations.map(() => ({ confirmed: 0, of: 0, against: undefined as string | undefined }))
  let asRight = 0
  let plain = 0
  const ask = async ({ other, text }: Other, says: readonly (Outputs | undefined)[]): Promise<void> => {
    const outputs = await answerOf(engine, other)
    if (outputs === undefined) return
    const question = questionOf(other, outputs)
    const isRight = comparisonsWith(question, other.expected).every(({ outcome }) => outcome === 'match')
    for (const [i, own] of says.entries()) {
      const tally = tallies[i]!
      if (tally.of >= asked || (own === undefined && isRight)) continue
      const { edits } = explanations[i]!
      const isAsSaid = own !== undefined && isGiven(question, own, (request) => outputsOf(edits, request))
      tally.of++
      tally.confirmed += Number(isAsSaid)
      if (!isAsSaid) tally.against ??= text
    }
  }
  const isOver = (): boolean => performance.now() > until || tallies.every(({ of }) => of >= asked)
  const later: (readonly [Other, readonly (Outputs | undefined)[]])[] = []
  for (const own of othersFor(recorded, seed)) {
    if (isOver()) break
    const says = explanations.map(({ edits }) => predicted(edits, own.other))
    const isOpen = says.some((each, i) => each !== undefined && tallies[i]!.of < asked)
    // Where none says that the port is wrong it may be so all the same, a few times.
    if (!isOpen && asRight++ >= mostAsRight) continue
    // Half of what is asked is for where those differ that are not refuted.
    const standing = says.filter((_, i) => tallies[i]!.confirmed === tallies[i]!.of)
    const isPlain = standing.length > 1 && !own.isFirst && !areApart(own.other, standing)
    if (isPlain && plain++ >= asked / 4) later.push([own, says])
    else await ask(own, says)
  }
  for (const [own, says] of later) {
    if (isOver()) break
    await ask(own, says)
  }
  return tallies.map(({ against, ...counts }) => ({ ...counts, ...(against !== undefined && { against }) }))
}

/** Whether what is said of a port in a request differs. */
function areApart(other: Case, says: readonly (Outputs | undefined)[]): boolean {
  const [first, ...rest] = says
  return rest.some((own) => {
    if (own === undefined || first === undefined) return own !== first
    return judge({ ...other, expected: first }, own).some(({ outcome }) => outcome === 'mismatch')
  })
}

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
  if (diagnosis.ownDeparture !== undefined || isModelRequest(recorded)) return diagnosis
  const { explanations } = diagnosis
  const context = contextOf(requestOf(recorded))
  const relatives = explanations
    .filter(({ complete }) => complete)
    .flatMap((own) =>
      relativesOf(own.edits, context).map((edits) => ({ own, other: inOtherWords(own, edits, context) })),
    )
    .slice(0, mostRelatives)
  const asked = [...explanations, ...relatives.map(({ other }) => other)]
  const confirmations = await confirm(recorded, asked, engine, { limitMs })
  const held = asked.map((explanation, i): Explanation => {
    const confirmation = confirmations[i]
    return confirmation === undefined || confirmation.of === 0 ? explanation : { ...explanation, confirmation }
  })
  // In the place of an explanation what is the same in this case, and is so in others.
  const all = explanations.map((explanation, i) => {
    const family = [
      held[i]!,
      ...relatives.flatMap(({ own }, j) => (own === explanation ? [held[explanations.length + j]!] : [])),
    ]
    return family.find((own) => isConfirmed(own)) ?? held[i]!
  })
  const shareOf = ({ confirmation }: Explanation): number =>
    confirmation === undefined ? 0.5 : confirmation.confirmed / confirmation.of
  const ordered = all.toSorted((one, other) => shareOf(other) - shareOf(one))
  const own = ordered.filter((each) => isConfirmed(each))
  if (own.length > 0) {
    const [first, ...rest] = own
    return { ...diagnosis, explanations: [await withWayBack(recorded, first!, engine, limitMs / 2), ...rest] }
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
  const confirmations = await confirm(recorded, alike, engine, { limitMs })
  const held = alike.map((own, i): Explanation => {
    const confirmation = confirmations[i]
    return confirmation === undefined || confirmation.of === 0 ? own : { ...own, confirmation }
  })
  const confirmed = held.find((own) => isConfirmed(own))
  return confirmed === undefined ? held[0]! : await withWayBack(recorded, confirmed, engine, limitMs / 2)
}

/** So many requests with gradients say what the way back of a port is. */
const askedBack = 4
const mostRefusals = 3

/**
 * An explanation of a case without gradients, which says nothing of them, as requests with gradients leave it: whether the way back of
 * the port knows of what it does otherwise.
 */
async function withWayBack(recorded: Case, own: Explanation, engine: Engine, limitMs: number): Promise<Explanation> {
  if (isModelRequest(recorded) || recorded.cotangents !== undefined || recorded.training !== undefined) return own
  const until = performance.now() + limitMs
  const ways = [own.edits, own.edits.map(otherWayBack)]
  const right = ways.map(() => 0)
  let of = 0
  let refusals = 0
  for (const { other } of withGradients(recorded, 0)) {
    if (of >= askedBack || refusals >= mostRefusals || performance.now() > until) break
    const says = ways.map((edits) => outputsOf(edits, requestOf(other)))
    if (!areApart(other, says)) continue
    const outputs = await answerOf(engine, other)
    if (outputs === undefined) {
      refusals++
      continue
    }
    of++
    const question = questionOf(other, outputs)
    for (const [i, edits] of ways.entries()) {
      const said = says[i]
      right[i]! += Number(said !== undefined && isGiven(question, said, (request) => outputsOf(edits, request)))
    }
  }
  const isOther = of > 1 && right[1] === of && right[0]! < of
  if (!isOther) return own
  const context = contextOf(requestOf(recorded))
  const asked = { ...context, request: { ...context.request, cotangents: {} } }
  return { ...inOtherWords(own, ways[1]!, asked), ...(own.confirmation && { confirmation: own.confirmation }) }
}

function otherWayBack({ gradient, ...rest }: Edit): Edit {
  return gradient === undefined ? { ...rest, gradient: 'kept' } : rest
}

/** A request that tells two explanations of a case apart, for somebody who can ask a port; undefined where none was found. */
export function tellingOf(recorded: Case, explanations: readonly Explanation[], limitMs: number): string | undefined {
  const [one, two] = explanations
  if (isModelRequest(recorded) || one === undefined || two === undefined) return undefined
  const until = performance.now() + limitMs
  for (const { other, text } of othersFor(recorded, 0)) {
    if (performance.now() > until) return undefined
    const [first, second] = [one, two].map(({ edits }) => outputsOf(edits, requestOf(other)))
    if (first === undefined || second === undefined) continue
    if (judge({ ...other, expected: first }, second).some(({ outcome }) => outcome === 'mismatch')) return text
  }
  return undefined
}

/** What edits say that a port gives, where that is not what PyTorch gives. */
function predicted(edits: Explanation['edits'], other: Case): Outputs | undefined {
  const outputs = outputsOf(edits, requestOf(other))
  if (outputs === undefined) return undefined
  return judge(other, outputs).some(({ outcome }) => outcome === 'mismatch') ? outputs : undefined
}

/** undefined where an edit leaves nothing that runs. */
function outputsOf(edits: Explanation['edits'], request: Request): Outputs | undefined {
  try {
    return runEdited(edits, request)
  } catch {
    return undefined
  }
}

/** undefined where a port refuses, fails, or gives no tensors: that is another matter. */
async function answerOf(engine: Engine, other: Case): Promise<Outputs | undefined> {
  const request = requestOf(other)
  try {
    if (engine.supports !== undefined && (await engine.supports(request)) !== true) return undefined
    const outputs = givenOf(other, await engine.run(request))
    return outputs !== undefined && Object.keys(outputs).length === Object.keys(other.expected).length
      ? outputs
      : undefined
  } catch {
    return undefined
  }
}

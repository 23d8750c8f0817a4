// What other requests say of explanations: in how many a port gives what they say.
import type { Case, Outputs, Request } from '../format/case.ts'
import type { Engine } from '../engine/run.ts'
import { type Context, contextOf } from '../edits/context.ts'
import { runEdited } from '../edits.ts'
import { settleTies } from '../verify/ties.ts'
import { judge, requestOf } from '../verify.ts'
import type { Confirmation, Explanation } from '../diagnose.ts'
import { givenOf } from '../diagnose/given.ts'
import { isGiven } from '../diagnose/condition.ts'
import { comparisonsWith, questionOf } from '../diagnose/question.ts'
import type { Other } from './other.ts'
import { othersFor } from './others.ts'

/** So many others are asked at most for each explanation. */
const asked = 24
const mostAsRight = 6

/**
 * Asks a port for other requests, in which the explanations of one case say that it is wrong, or in which it is although they do not. limitMs: after which nothing more is asked. → one for each explanation
 */
export async function confirm(
  recorded: Case,
  explanations: readonly Explanation[],
  engine: Engine,
  options: { readonly limitMs: number; readonly seed?: number },
): Promise<Confirmation[]> {
  const tallies = await talliesOf(recorded, explanations, engine, options)
  return tallies.map(confirmationOf)
}

export function confirmationOf({ confirmed, of, against }: Tally): Confirmation {
  return { confirmed, of, ...(against !== undefined && { against }) }
}

/** What came of an explanation in other requests. */
export interface Tally {
  confirmed: number
  of: number
  against: string | undefined
  /** In each request whether the port gave what the explanation says, or what PyTorch gives. */
  readonly asked: { readonly request: Request; readonly isAsSaid: boolean; readonly isRight: boolean }[]
}

export async function talliesOf(
  recorded: Case,
  explanations: readonly Explanation[],
  engine: Engine,
  { limitMs, seed = 0 }: { readonly limitMs: number; readonly seed?: number },
): Promise<Tally[]> {
  const until = performance.now() + limitMs
  const tallies = explanations.map((): Tally => ({ confirmed: 0, of: 0, against: undefined, asked: [] }))
  let asRight = 0
  let plain = 0
  const ask = async ({ other, text }: Other, says: readonly (Outputs | undefined)[]): Promise<void> => {
    const outputs = await answerOf(engine, other)
    if (outputs === undefined) return
    const question = questionOf(other, outputs)
    const isRight = comparisonsWith(question, other.expected).every(({ outcome }) => outcome === 'match')
    for (const [i, own] of says.entries()) {
      const tally = tallies[i]!
      if (isClosed(tally) || (own === undefined && isRight)) continue
      const { edits } = explanations[i]!
      const isAsSaid = own !== undefined && isGiven(question, own, (request) => outputsOf(edits, request))
      tally.of++
      tally.confirmed += Number(isAsSaid)
      tally.asked.push({ request: question.request, isAsSaid, isRight })
      if (!isAsSaid) tally.against ??= text
    }
  }
  // What is refuted again and again need not be asked any more.
  const isClosed = ({ of, confirmed }: Tally): boolean => of >= asked || (of >= asked / 2 && confirmed <= of / 3)
  const isRefuted = ({ of, confirmed }: Tally): boolean => confirmed < of
  const isOver = (): boolean => {
    const isConfirmed = tallies.some((tally) => tally.of >= asked && !isRefuted(tally))
    // One is enough, where all that could be in its place are refuted.
    return performance.now() > until || tallies.every((each) => isClosed(each) || (isConfirmed && isRefuted(each)))
  }
  const later: (readonly [Other, readonly (Outputs | undefined)[]])[] = []
  for (const own of othersFor(recorded, seed)) {
    if (isOver()) break
    const context = contextOf(requestOf(own.other))
    const says = explanations.map(({ edits }, i) =>
      isClosed(tallies[i]!) ? undefined : predicted(edits, own.other, context),
    )
    const isOpen = says.some((each) => each !== undefined)
    // Where none says that the port is wrong it may be so all the same, a few times.
    if (!isOpen && asRight++ >= mostAsRight) continue
    // Half of what is asked is for where those differ that are not refuted.
    const standing = says.filter((_, i) => !isRefuted(tallies[i]!) && !isClosed(tallies[i]!))
    const isPlain = standing.length > 1 && !own.isFirst && !areApart(own.other, standing)
    if (isPlain && plain++ >= asked / 4) later.push([own, says])
    else await ask(own, says)
  }
  for (const [own, says] of later) {
    if (isOver()) break
    await ask(own, says)
  }
  return tallies
}

/** Whether what is said of a port in a request differs. */
export function areApart(other: Case, says: readonly (Outputs | undefined)[]): boolean {
  const [first, ...rest] = says
  return rest.some((own) => {
    if (own === undefined || first === undefined) return own !== first
    return judge({ ...other, expected: first }, own).some(({ outcome }) => outcome === 'mismatch')
  })
}

/** What edits say that a port gives, where that is not what PyTorch gives. */
function predicted(edits: Explanation['edits'], other: Case, context: Context): Outputs | undefined {
  const outputs = outputsOf(edits, context.request, context)
  if (outputs === undefined) return undefined
  return judge(other, outputs).some(({ outcome }) => outcome === 'mismatch') ? outputs : undefined
}

/** undefined where an edit leaves nothing that runs. */
export function outputsOf(edits: Explanation['edits'], request: Request, context?: Context): Outputs | undefined {
  try {
    return runEdited(edits, request, context)
  } catch {
    return undefined
  }
}

/** undefined where a port refuses, fails, or gives no tensors: that is another matter. */
export async function answerOf(engine: Engine, other: Case): Promise<Outputs | undefined> {
  const request = requestOf(other)
  try {
    if (engine.supports !== undefined && (await engine.supports(request)) !== true) return undefined
    const outputs = givenOf(other, settleTies(other, await engine.run(request)).outputs)
    return outputs !== undefined && Object.keys(outputs).length === Object.keys(other.expected).length
      ? outputs
      : undefined
  } catch {
    return undefined
  }
}

// What is said of a planted bug: whether it is seen, where, and why.
import type { ExportedRequest, Outputs } from '../../../src/format/case.ts'
import { isGiven } from '../../../src/diagnose/condition.ts'
import { diagnose } from '../../../src/diagnose.ts'
import { type Question, questionOf } from '../../../src/diagnose/question.ts'
import { runEdited } from '../../../src/edits.ts'
import type { Edit } from '../../../src/edits/edit.ts'
import type { Engine } from '../../../src/engine/run.ts'
import { messageOf } from '../../../src/format/errors.ts'
import { judge, requestOf } from '../../../src/verify.ts'
import { blameOf } from '../../../src/verify/parts.ts'
import { settleTies } from '../../../src/verify/ties.ts'
import { type Captured, planted, type Planting, tapsOf } from './plantings.ts'

export interface Marked {
  readonly id: string
  readonly planting: Planting
  /** Whether it gives just what it gave without the bug: then there is nothing to be seen. */
  readonly isSame: boolean
  readonly isSeen: boolean
  readonly wanted: readonly string[]
  readonly blamed: readonly string[]
  readonly says: string | undefined
  readonly isComplete: boolean
  /** Of the other case: whether the explanation gives what the port gives; undefined where the bug does nothing there. */
  readonly predicts: boolean | undefined
  readonly ms: number
  readonly failure?: string
}

export const isNamedFirst = ({ wanted, blamed }: Marked): boolean => wanted.includes(blamed[0] ?? '')
/** Whether nothing else is named beside. */
export const isNamedAlone = ({ wanted, blamed }: Marked): boolean => blamed.every((tap) => wanted.includes(tap))

/** engine: computes programs, with their bugs. other: a case of the same model. */
export async function mark(
  recorded: Captured,
  other: Captured,
  planting: Planting,
  engine: Engine,
  limitMs: number,
): Promise<Marked | undefined> {
  const [own, theirs] = [planted(request(recorded), planting), planted(request(other), planting)]
  if (own === undefined || theirs === undefined) return undefined
  const wanted = tapsOf(recorded.config, planting)
  const began = performance.now()
  const blank = { id: recorded.id, planting, wanted, isSame: false, isComplete: false, predicts: undefined }
  try {
    const outputs = await engine.run(own)
    const right = await engine.run(request(recorded))
    if (isAlike(outputs, right)) {
      return { ...blank, isSame: true, isSeen: false, blamed: [], says: undefined, ms: 0 }
    }
    const comparisons = judge(recorded, settleTies(recorded, outputs).outputs)
    const isSeen = comparisons.some(({ outcome }) => outcome === 'mismatch')
    const blamed = blameOf(recorded, comparisons).map(({ tap }) => tap)
    const { explanations } = diagnose(recorded, outputs, { limitMs })
    const [first] = explanations
    const ms = performance.now() - began
    const isComplete = first?.complete === true
    const said = { isSeen, blamed, says: first?.sentence, isComplete, ms }
    if (first === undefined) return { ...blank, ...said }
    const [outputsThere, rightThere] = [await engine.run(theirs), await engine.run(request(other))]
    if (isAlike(outputsThere, rightThere)) return { ...blank, ...said }
    const question = questionOf(other, outputsThere)
    const predicts = isPredicted(question, first.edits)
    return { ...blank, ...said, predicts }
  } catch (error) {
    return { ...blank, isSeen: true, blamed: [], says: undefined, ms: 0, failure: messageOf(error) }
  }
}

/** An edit may leave nothing that runs: what follows may want another size. */
function isPredicted(question: Question, edits: readonly Edit[]): boolean {
  try {
    return isGiven(question, runEdited(edits, question.request), (asked) => runEdited(edits, asked))
  } catch {
    return false
  }
}

function request(recorded: Captured): ExportedRequest {
  return requestOf(recorded) as ExportedRequest
}

function isAlike(one: Outputs, other: Outputs): boolean {
  return Object.entries(one).every(([name, { data }]) => {
    const own = other[name]!.data
    return own.length === data.length && data.every((x, i) => Object.is(x, own[i]))
  })
}

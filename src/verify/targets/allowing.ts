import type { Case, Request } from '../../format/case.ts'
import type { Engine } from '../../engine/run.ts'
import { ParityError } from '../../format/errors.ts'
import { defaultJudgement } from '../compare.ts'
import { targeted } from '../targets.ts'
import { verify, verifyChain, type Verdict } from '../../verify.ts'
import { type Target, targetOf, targetsToTry } from './specification.ts'

/** A mismatch, kept so that it can be judged again: a case and what an engine gave for the whole of it. */
interface Kept {
  readonly recorded: Case
  readonly outputs: unknown
  readonly bytes: number
}

/** The mismatches of a run, as far as they fit. */
export interface Mismatches {
  add(recorded: Case, outputs: unknown): void
  /**
   * The first target that allows every mismatch there was, and how many of them it leaves undecided, which is not all of them;
   * undefined when there is none, or when not all mismatches were kept.
   * engine: asked again for what a case asks beside the whole run, such as single steps; undefined where nobody can be asked.
   */
  allowedBy(engine: Engine | undefined): Promise<Allowed | undefined>
}

/** What a target makes of all mismatches of a run. */
export interface Allowed {
  readonly target: Target
  readonly count: number
  /** Of so many it cannot be told: the target lets them be nearly anything. */
  readonly undecided: number
}

export const mostKeptBytes = 64 * 2 ** 20

/** Keeps mismatches within so many bytes: one that does not fit is the end of it. */
export function newMismatches(mostBytes = mostKeptBytes): Mismatches {
  let kept: Kept[] | undefined = []
  let total = 0
  return {
    add(recorded, outputs) {
      const bytes = bytesOf(recorded) + bytesOf(outputs)
      total += bytes
      if (total > mostBytes) kept = undefined
      kept?.push({ recorded, outputs, bytes })
    },
    async allowedBy(engine) {
      if (kept === undefined || kept.length === 0) return undefined
      // A small case that a target does not allow ends its trial early.
      const cases = kept.toSorted((one, other) => one.bytes - other.bytes)
      for (const name of targetsToTry) {
        const target = targetOf(name)!
        const undecided = await undecidedWhereAllowed(target, cases, engine)
        if (undecided !== undefined && undecided < cases.length) return { target, count: cases.length, undecided }
      }
      return undefined
    },
  }
}

/** How many cases a target leaves undecided, where it allows every one; undefined where it does not. */
async function undecidedWhereAllowed(
  target: Target,
  cases: readonly Kept[],
  engine: Engine | undefined,
): Promise<number | undefined> {
  let undecided = 0
  for (const { recorded, outputs } of cases) {
    const again: Engine = {
      name: engine?.name ?? 'answers',
      run: (request: Request) =>
        request.inputs === recorded.inputs || engine === undefined
          ? (outputs as Awaited<ReturnType<Engine['run']>>)
          : engine.run(request),
    }
    try {
      const widened = targeted(recorded, target)
      const whole = await verify(widened, again, defaultJudgement, { wholeOnly: engine === undefined })
      const verdict = engine === undefined ? whole : (await verifyChain(widened, again, whole)).verdict
      if (verdict.outcome === 'mismatch') return undefined
      if (verdict.outcome === 'undecided' || isMostlyUnjudged(verdict)) undecided++
    } catch (error) {
      // It has been judged already: an engine that fails the second time is no reason to fail.
      if (error instanceof ParityError) return undefined
      throw error
    }
  }
  return undecided
}

/** Whether a target lets more than half of the numbers be anything. */
function isMostlyUnjudged({ comparisons }: Verdict): boolean {
  const elements = comparisons.reduce((sum, own) => sum + own.elements, 0)
  return comparisons.reduce((sum, { unjudged = 0 }) => sum + unjudged, 0) > elements / 2
}

/** Of all arrays of numbers in it. */
function bytesOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce<number>((sum, part) => sum + bytesOf(part), 0)
}

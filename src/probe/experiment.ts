import type { Case, Outputs, Request } from '../format/case.ts'
import { messageOf, ParityError } from '../format/errors.ts'
import { largest, sameShape, unitRoundoff } from '../format/tensor.ts'
import { kappa } from '../verify/compare.ts'
import { type Engine, run } from '../engine/run.ts'
import { type Draw, specOf } from '../oracle/fuzz/spec.ts'
import type { RecurrentSpec } from '../oracle.ts'
import { kept } from '../verify/again.ts'
import { measureBudget } from '../verify/budget.ts'
import type { Conduct } from '../verify/conduct.ts'
import { difference } from '../verify/conduct.ts'
import { requestOf, verify } from '../verify.ts'
import { type Facts, factsOf, type History } from './facts.ts'
import { type Places, placesOf } from './places.ts'
import { requestOfSpec } from './requests.ts'

/** A request that was drawn, asked and judged. */
export interface Experiment {
  readonly draw: Draw
  readonly spec: RecurrentSpec
  readonly facts: Facts
  /** `wrong`: other numbers than PyTorch's, by our own engine; `failed`: none. `passed`: nothing that could be judged. */
  readonly outcome: 'right' | 'wrong' | 'failed' | 'unsupported' | 'undecided'
  /** Where it is wrong. */
  readonly places?: Places
  /** Why it failed. */
  readonly error?: ParityError
  /** Whether the same answer came when it was asked again at once; of what was wrong. */
  readonly isRepeatable?: boolean
}

/** A request and what our own engine gives for it, which stands for PyTorch; its error is not measured yet. */
type Computed = Omit<Case, 'budget'>

function computedOf(request: Request, id: string): Computed {
  return { ...request, id, expected: run(request) }
}

function measured(computed: Computed): Case {
  return { ...computed, budget: measureBudget(computed as Case) } as Case
}

/** A request as a case, without PyTorch: what our own engine gives stands for it, and its error is measured. */
export function caseOf(request: Request, id: string): Case {
  return measured(computedOf(request, id))
}

export function caseOfSpec(spec: RecurrentSpec): Case {
  return caseOf(requestOfSpec(spec), spec.id)
}

/** Two roundings of the largest number that stands beside an element are part of every budget. */
function isSurelyRight({ expected, dtype }: Computed, answer: unknown): boolean {
  const given = Object(answer) as Partial<Outputs>
  if (Object.keys(given).length !== Object.keys(expected).length) return false
  return Object.entries(expected).every(([name, tensor]) => {
    const own = given[name]
    const data: unknown = own?.data
    const isAlike = own?.dtype === dtype && Array.isArray(own.shape) && sameShape(own.shape, tensor.shape)
    if (!isAlike || Object(data).constructor !== tensor.data.constructor) return false
    if (name === 'symbols' || own.data.length !== tensor.data.length) return false
    const width = tensor.shape.length > 1 ? tensor.shape.at(-1)! : 1
    for (let from = 0; from < own.data.length; from += width) {
      const row = tensor.data.subarray(from, from + width)
      const allowed = 2 * kappa * unitRoundoff[dtype] * largest(row.filter((x) => Number.isFinite(x)))
      const isNear = (x: number, i: number): boolean =>
        Object.is(x, own.data[from + i]) || Math.abs(x - own.data[from + i]!) <= allowed
      if (!row.every(isNear)) return false
    }
    return true
  })
}

export interface ExperimentOptions {
  /** What the engine has done beside computing, since this was last asked. */
  readonly take?: (() => readonly Conduct[]) | undefined
  /** Whether what is right is asked once more. What is wrong always is. */
  readonly isTwice?: boolean
}

/** Asks an engine one thing. */
export async function experiment(
  draw: Draw,
  engine: Engine,
  history: History,
  { take = () => [], isTwice = false }: ExperimentOptions = {},
): Promise<{ readonly experiment: Experiment; readonly conduct: readonly Conduct[] }> {
  const spec = specOf(draw)
  const facts = factsOf(spec, history)
  const asked = { draw, spec, facts }
  const computed = computedOf(requestOfSpec(spec), spec.id)
  const request = requestOf(computed as Case)
  const end = (outcome: Experiment['outcome'], more: object = {}): Awaited<ReturnType<typeof experiment>> => {
    const conduct = take()
    if (outcome !== 'unsupported') history.add(spec)
    return { experiment: { ...asked, outcome, ...more }, conduct }
  }
  try {
    if (engine.supports !== undefined) {
      const supported = await answerOf(engine, () => engine.supports?.(request))
      if (supported !== true) return end('unsupported')
    }
    const answer = kept(await answerOf(engine, () => engine.run(structuredClone(request))))
    const again = async (): Promise<string | undefined> => {
      const where = difference(answer, await answerOf(engine, () => engine.run(structuredClone(request))))
      history.add(spec)
      return where
    }
    const right = async (): Promise<Awaited<ReturnType<typeof experiment>>> => {
      const ended = end('right')
      const where = isTwice ? await again() : undefined
      if (where === undefined) return ended
      const text = `asked once more at once: ${where}`
      return { ...ended, conduct: [...ended.conduct, ...take(), { kind: 'not repeatable', text }] }
    }
    if (isSurelyRight(computed, answer)) return await right()
    const recorded = measured(computed)
    // The engine has been asked: only what it gave is judged, and single steps where that decides nothing.
    let isFirst = true
    const answering = {
      ...engine,
      run: (own: Request) => {
        const outputs = isFirst ? (answer as Outputs) : engine.run(own)
        isFirst = false
        return outputs
      },
    }
    const { outcome } = await verify(recorded, answering)
    if (outcome === 'match') return await right()
    if (outcome !== 'mismatch') return end(outcome)
    const ended = end('wrong', { places: placesOf(recorded, answer) })
    const isRepeatable = (await again()) === undefined
    take()
    return { ...ended, experiment: { ...ended.experiment, isRepeatable } }
  } catch (error) {
    if (!(error instanceof ParityError)) throw error
    const ended = end('failed', { error })
    if (isRestarted(error)) history.clear()
    return ended
  }
}

/** A process that hung or ended is started afresh for the next question. */
function isRestarted({ code, message }: ParityError): boolean {
  return code === 'ENGINE_TIMEOUT' || message.includes('its process ended')
}

/** What an engine throws is a failure of the engine; what is thrown here is a bug of ours. */
async function answerOf<T>(engine: Engine, ask: () => T): Promise<Awaited<T>> {
  try {
    return await ask()
  } catch (cause) {
    if (cause instanceof ParityError) throw cause
    throw new ParityError('ENGINE_FAILED', `${engine.name}: expected outputs, got ${messageOf(cause)}`, { cause })
  }
}

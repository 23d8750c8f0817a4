import { isOfLeaves, kept } from '../edits/back.ts'
import type { Edit } from '../edits/edit.ts'
import type { Clock } from './clock.ts'
import type { Attempt, Trials } from './trials.ts'

/** How long what is as good as something found is looked for, as a multiple of the time it took: as what explains all, or the outputs alone. */
const afterAll = 1.5
const afterOutputs = 2

/** Edits that are tried together, one after the other, until something is found and what is as good has been looked for. */
export class Together {
  readonly made: Attempt[] = []
  readonly #trials: Trials
  readonly #clock: Clock
  readonly #hasGradients: boolean
  #until = Infinity

  constructor(trials: Trials, clock: Clock) {
    this.#trials = trials
    this.#clock = clock
    this.#hasGradients = trials.context.request.cotangents !== undefined
  }

  isOver(part?: number): boolean {
    return this.#clock.isOver(part) || this.#clock.elapsed() > this.#until
  }

  /** Each with the way back of its own; where that is another, each of them with PyTorch's. attempt: a quicker way to the same */
  consider(edits: readonly Edit[], attempt: Trials['attempt'] = this.#trials.attempt): void {
    const { context } = this.#trials
    const { length } = this.made
    this.#add(
      attempt(this.#hasGradients ? edits : edits.map((edit) => (isOfLeaves(edit, context) ? kept(edit) : edit))),
    )
    const first = this.made[length]?.tried
    if (first?.outputs !== true || first.complete || !this.#hasGradients) return
    for (const other of keptOnes(edits)) if (this.#add(this.#trials.attempt(other))) break
  }

  /** → whether it explains all */
  #add(attempt: Attempt | undefined): boolean {
    if (attempt?.tried === undefined) return false
    this.made.push(attempt)
    const { complete, outputs } = attempt.tried
    const factor = complete ? afterAll : outputs ? afterOutputs : Infinity
    this.#until = Math.min(this.#until, factor * this.#clock.elapsed())
    return complete
  }
}

/** Edits with the way back of a port without them: all of them, then each alone. */
function keptOnes(edits: readonly Edit[]): (readonly Edit[])[] {
  const all = edits.map((edit) => kept(edit))
  return edits.length === 1 ? [all] : [all, ...edits.map((edit, i) => edits.with(i, kept(edit)))]
}

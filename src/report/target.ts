import type { Target } from '../verify/targets/specification.ts'
import type { Verdict } from '../verify.ts'
import { plural } from './text.ts'

/** How many numbers of some cases there are, and how many of them a target lets be anything. */
export interface Numbers {
  elements: number
  unjudged: number
}

export function addNumbers(numbers: Numbers, { comparisons }: Pick<Verdict, 'comparisons'>): void {
  for (const { elements, unjudged = 0 } of comparisons) {
    numbers.elements += elements
    numbers.unjudged += unjudged
  }
}

/** `target ftz: engines may flush subnormal numbers to 0`, above what is judged by it. */
export function renderTarget({ name, sentence }: Target): string {
  return `target ${name}: engines may ${sentence}`
}

/** `target wgsl: 1224269 of 1227927 numbers judged, the others may be anything`, below it. */
export function renderJudged(name: string, { elements, unjudged }: Numbers): string {
  const rest = unjudged === 0 ? '' : ', the others may be anything'
  return `target ${name}: ${elements - unjudged} of ${plural(elements, 'number')} judged${rest}`
}

/** `all 18 mismatches are what flushing subnormal numbers does: --target ftz` */
export function renderAllowed({ name, cause }: Target, count: number, undecided = 0): string {
  const all = count === 1 ? 'the one mismatch is' : `all ${count} mismatches are`
  const rest = undecided === 0 ? '' : ` (${undecided} of them can then not be decided)`
  return `${all} what ${cause}: --target ${name}${rest}`
}

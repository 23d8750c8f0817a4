// What rounding may leave: it is told from a cause by how much of it is put right.
import type { Comparison } from '../verify/compare.ts'

/** A cause leaves so many times less than there was; what changes a number a little, by chance the right way, leaves much of it. */
const clearly = 4
/** What is less than so many times the allowed error off is as far off as rounding may be, and one number can be made right by anything. */
const slight = 8

export const areMatches = (compared: readonly Comparison[]): boolean =>
  compared.every(({ outcome }) => outcome === 'match')

/** Whether all is so many times nearer than it was. before: how far off it is from PyTorch */
export function isClearlyNearer(compared: readonly Comparison[], before: readonly Comparison[]): boolean {
  return clearly * worstOf(compared) <= worstOf(before)
}

/** Whether nothing is further off than rounding may be, in an engine that rounds more coarsely than the budget allows for. */
export function isSlight(compared: readonly Comparison[]): boolean {
  return worstOf(compared) < slight
}

/** The largest share of the allowed error that a number is off: up to 1 matches. */
export function worstOf(compared: readonly Comparison[]): number {
  return Math.max(0, ...compared.map(({ share }) => share))
}

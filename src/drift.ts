import type { Case } from './case.ts'
import type { Comparison } from './compare.ts'
import type { Tensor } from './tensor.ts'
import { judge } from './verify.ts'

/** How a case that was recorded again differs from the one before. */
export interface Drift {
  /** The parameters, inputs and cotangents that are not byte for byte the same, and settings that are others. */
  readonly changed: readonly string[]
  /** The new outputs, judged by the old ones and their budget. */
  readonly comparisons: readonly Comparison[]
}

/** Compares a case with itself, recorded again: what went in byte for byte, what came out by the budget. */
export function driftOf(recorded: Case, again: Case): Drift {
  const changed: string[] = []
  for (const group of ['params', 'inputs', 'cotangents'] as const) {
    const before: Readonly<Record<string, Tensor>> = { ...recorded[group] }
    const after: Readonly<Record<string, Tensor>> = { ...again[group] }
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (!sameBytes(before[name], after[name])) changed.push(`${group}.${name}`)
    }
  }
  if (recorded.module !== again.module) changed.push('module')
  for (const key of ['config', 'training', 'source'] as const) {
    if (JSON.stringify(recorded[key]) !== JSON.stringify(again[key])) changed.push(key)
  }
  return { changed, comparisons: judge(recorded, again.expected) }
}

function sameBytes(before: Tensor | undefined, after: Tensor | undefined): boolean {
  if (before === undefined || after === undefined || before.dtype !== after.dtype) return false
  if (before.shape.join() !== after.shape.join()) return false
  const one = new Uint8Array(before.data.buffer, before.data.byteOffset, before.data.byteLength)
  const other = new Uint8Array(after.data.buffer, after.data.byteOffset, after.data.byteLength)
  return one.length === other.length && one.every((byte, i) => byte === other[i])
}

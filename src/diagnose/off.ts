import type { Axis } from '../format/module.ts'

/** A tensor that is off: every number beside what it should be and the error that is allowed in it. */
export interface Off {
  readonly actual: Float32Array | Float64Array
  readonly expected: Float32Array | Float64Array
  readonly limits: Float64Array
  readonly axes: readonly Axis[]
}

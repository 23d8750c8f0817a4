// Products of matrices. Source: torch.matmul.
import { elementCount } from '../../format/tensor.ts'
import { placesOf } from '../broadcast.ts'
import type { CallOptions } from '../operation.ts'
import { type Computed, gradOf, type Value } from '../value.ts'
import type { Call } from './options.ts'

/** The shape to which two broadcast, both of matrices in front. */
function outerOf(x: readonly number[], y: readonly number[]): number[] {
  const rank = Math.max(x.length, y.length)
  return Array.from({ length: rank }, (_, i) => {
    const [a, b] = [x[i - rank + x.length] ?? 1, y[i - rank + y.length] ?? 1]
    return a === 1 ? b : a
  })
}

/** (…, n, k) · (…, k, m) → (…, n, m); vectors as torch.matmul has them. */
const matmul: Call = ([one, other]) => {
  const [a, b] = [one!, other!]
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape
  const [n, k, m] = [left.at(-2)!, left.at(-1)!, right.at(-1)!]
  const outer = outerOf(left.slice(0, -2), right.slice(0, -2))
  const count = elementCount(outer)
  const [atA, atB] = [placesOf(left.slice(0, -2), outer), placesOf(right.slice(0, -2), outer)]
  const data = new Float64Array(count * n * m)
  for (let batch = 0; batch < count; batch++) {
    const [x, y, z] = [(atA?.[batch] ?? batch) * n * k, (atB?.[batch] ?? batch) * k * m, batch * n * m]
    for (let i = 0; i < n; i++) {
      for (let l = 0; l < k; l++) {
        const own = a.data[x + i * k + l]!
        for (let j = 0; j < m; j++) data[z + i * m + j]! += own * b.data[y + l * m + j]!
      }
    }
  }
  const shape = [...outer, ...(a.shape.length === 1 ? [] : [n]), ...(b.shape.length === 1 ? [] : [m])]
  return { shape, data }
}

export function matmulBack([one, other]: readonly Value[], _: CallOptions, __: Computed, d: Float64Array): void {
  const [a, b] = [one!, other!]
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape
  const [n, k, m] = [left.at(-2)!, left.at(-1)!, right.at(-1)!]
  const outer = outerOf(left.slice(0, -2), right.slice(0, -2))
  const [atA, atB] = [placesOf(left.slice(0, -2), outer), placesOf(right.slice(0, -2), outer)]
  const [da, db] = [gradOf(a), gradOf(b)]
  for (let batch = 0; batch < elementCount(outer); batch++) {
    const [x, y, z] = [(atA?.[batch] ?? batch) * n * k, (atB?.[batch] ?? batch) * k * m, batch * n * m]
    for (let i = 0; i < n; i++) {
      for (let l = 0; l < k; l++) {
        let sum = 0
        for (let j = 0; j < m; j++) {
          const by = d[z + i * m + j]!
          sum += by * b.data[y + l * m + j]!
          if (db !== undefined) db[y + l * m + j]! += by * a.data[x + i * k + l]!
        }
        if (da !== undefined) da[x + i * k + l]! += sum
      }
    }
  }
}

export const products: Readonly<Record<string, Call>> = { matmul }

// Operations along one dim, and those that read at the places that symbols name.
import type { Attributes } from './operation.ts'
import { around, type Computed, dimOf, gradOf, type Value } from './value.ts'

export function sum([x]: readonly Value[], { dim }: Attributes['sum']): Computed {
  const own = dim === undefined ? 0 : dimOf(x!.shape, dim)
  const whole = { outer: 1, size: x!.data.length, inner: 1 }
  const { outer, size, inner } = dim === undefined ? whole : around(x!.shape, own)
  const data = new Float64Array(outer * inner)
  for (let o = 0; o < outer; o++) {
    for (let s = 0; s < size; s++) {
      for (let i = 0; i < inner; i++) data[o * inner + i]! += x!.data[(o * size + s) * inner + i]!
    }
  }
  return {
    shape: dim === undefined ? [] : x!.shape.toSpliced(own, 1),
    data,
    back(d) {
      const grad = gradOf(x!)!
      for (let o = 0; o < outer; o++) {
        for (let s = 0; s < size; s++) {
          for (let i = 0; i < inner; i++) grad[(o * size + s) * inner + i]! += d[o * inner + i]!
        }
      }
    },
  }
}

/** Calls `visit` for every line along a dim, with where it begins and how far apart its numbers are. */
function forLines(x: Value, dim: number, visit: (start: number, size: number, step: number) => void): void {
  const { outer, size, inner } = around(x.shape, dimOf(x.shape, dim))
  for (let o = 0; o < outer; o++) for (let i = 0; i < inner; i++) visit(o * size * inner + i, size, inner)
}

function largestOf(data: Float64Array, start: number, size: number, step: number): number {
  let largest = -Infinity
  // NaN included.
  for (let s = 0; s < size; s++) largest = Math.max(largest, data[start + s * step]!)
  return largest
}

/** Shifted by the largest value, so that nothing overflows. */
export function softmax([x]: readonly Value[], { dim }: Attributes['softmax']): Computed {
  const data = new Float64Array(x!.data.length)
  forLines(x!, dim, (start, size, step) => {
    const largest = largestOf(x!.data, start, size, step)
    let sum = 0
    for (let at = start; at < start + size * step; at += step) sum += data[at] = Math.exp(x!.data[at]! - largest)
    for (let at = start; at < start + size * step; at += step) data[at]! /= sum
  })
  return {
    shape: x!.shape,
    data,
    back(d) {
      const grad = gradOf(x!)!
      forLines(x!, dim, (start, size, step) => {
        let dot = 0
        for (let at = start; at < start + size * step; at += step) dot += d[at]! * data[at]!
        for (let at = start; at < start + size * step; at += step) grad[at]! += data[at]! * (d[at]! - dot)
      })
    },
  }
}

export function log_softmax([x]: readonly Value[], { dim }: Attributes['log_softmax']): Computed {
  const data = new Float64Array(x!.data.length)
  forLines(x!, dim, (start, size, step) => {
    const largest = largestOf(x!.data, start, size, step)
    let sum = 0
    for (let at = start; at < start + size * step; at += step) sum += Math.exp(x!.data[at]! - largest)
    // Once for the line: what it is off by is the same for every class.
    const logarithm = Math.log(sum)
    for (let at = start; at < start + size * step; at += step) data[at] = x!.data[at]! - largest - logarithm
  })
  return {
    shape: x!.shape,
    data,
    back(d) {
      const grad = gradOf(x!)!
      forLines(x!, dim, (start, size, step) => {
        let sum = 0
        for (let at = start; at < start + size * step; at += step) sum += d[at]!
        for (let at = start; at < start + size * step; at += step) grad[at]! += d[at]! - Math.exp(data[at]!) * sum
      })
    },
  }
}

/** The first of the largest, NaN above all. */
export function argmax([x]: readonly Value[], { dim }: Attributes['argmax']): Computed {
  const own = dimOf(x!.shape, dim)
  const chosen: number[] = []
  forLines(x!, own, (start, size, step) => {
    let best = 0
    for (let s = 1; s < size; s++) {
      const [value, most] = [x!.data[start + s * step]!, x!.data[start + best * step]!]
      if (value > most || (Number.isNaN(value) && !Number.isNaN(most))) best = s
    }
    chosen.push(best)
  })
  return { shape: x!.shape.toSpliced(own, 1), data: Float64Array.from(chosen) }
}

export function embedding(
  [weight, symbols]: readonly Value[],
  { padding_idx, scale_grad_by_freq = false }: Attributes['embedding'] = {},
): Computed {
  const size = weight!.shape[1] ?? 0
  const data = new Float64Array(symbols!.data.length * size)
  for (const [i, symbol] of symbols!.data.entries()) {
    data.set(weight!.data.subarray(symbol * size, (symbol + 1) * size), i * size)
  }
  return {
    shape: [...symbols!.shape, size],
    data,
    back(d) {
      const grad = gradOf(weight!)!
      const counts = new Float64Array(weight!.shape[0]!).fill(scale_grad_by_freq ? 0 : 1)
      if (scale_grad_by_freq) for (const symbol of symbols!.data) counts[symbol]!++
      for (const [i, symbol] of symbols!.data.entries()) {
        if (symbol === padding_idx) continue
        for (let j = 0; j < size; j++) grad[symbol * size + j]! += d[i * size + j]! / counts[symbol]!
      }
    },
  }
}

export function nll_loss([log_probabilities, target]: readonly Value[]): Computed {
  const x = log_probabilities!
  const classes = x.shape.at(-1) ?? 0
  const data = Float64Array.from(target!.data, (symbol, row) => -x.data[row * classes + symbol]!)
  return {
    shape: target!.shape,
    data,
    back(d) {
      const grad = gradOf(x)!
      for (const [row, symbol] of target!.data.entries()) grad[row * classes + symbol]! -= d[row]!
    },
  }
}

// Convolutions over any number of axes. Source: torch.nn.functional.conv2d, conv_transpose2d and theirs of other ranks.
import { elementCount } from '../../format/tensor.ts'
import type { CallOptions } from '../operation.ts'
import { type Computed, gradOf, type Value } from '../value.ts'
import { type Call, numberOf, numbersOf, sized, stridesOf } from './options.ts'

/**
 * input (N, C_in, …), weight (C_out, C_in / groups, …) → (N, C_out, …): torch's is a correlation, of a kernel that is not flipped.
 * options: stride, padding, dilation for each axis, and groups.
 */
const convolution: Call = ([input, weight], options) => {
  const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map((name) => numbersOf(options, name)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ]
  const groups = numberOf(options, 'groups')
  const [N, C, ...from] = input!.shape as [number, number, ...number[]]
  const [O, c, ...kernel] = weight!.shape as [number, number, ...number[]]
  const to = from.map((size, i) => {
    return Math.floor((size + 2 * padding[i]! - dilation[i]! * (kernel[i]! - 1) - 1) / stride[i]!) + 1
  })
  sized([N, O, ...to])
  const places = placesOf(to, kernel, from, (out, k, i) => out * stride[i]! - padding[i]! + k * dilation[i]!)
  const [size, count, taps] = [elementCount(from), elementCount(to), elementCount(kernel)]
  const perGroup = O / groups
  const data = new Float64Array(N * O * count)
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      const first = Math.floor(o / perGroup) * c
      const z = (n * O + o) * count
      for (let own = 0; own < c; own++) {
        const [x, w] = [(n * C + first + own) * size, (o * c + own) * taps]
        for (let p = 0; p < count; p++) {
          let sum = 0
          for (let k = 0; k < taps; k++) {
            const at = places[p * taps + k]!
            if (at >= 0) sum += input!.data[x + at]! * weight!.data[w + k]!
          }
          data[z + p]! += sum
        }
      }
    }
  }
  return { shape: [N, O, ...to], data }
}

export function convolutionBack(
  [input, weight]: readonly Value[],
  options: CallOptions,
  { shape }: Computed,
  d: Float64Array,
): void {
  const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map((name) => numbersOf(options, name)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ]
  const [N, C, ...from] = input!.shape as [number, number, ...number[]]
  const [O, c, ...kernel] = weight!.shape as [number, number, ...number[]]
  const to = shape.slice(2)
  const places = placesOf(to, kernel, from, (out, k, i) => out * stride[i]! - padding[i]! + k * dilation[i]!)
  const [size, count, taps] = [elementCount(from), elementCount(to), elementCount(kernel)]
  const perGroup = O / numberOf(options, 'groups')
  const [dx, dw] = [gradOf(input!), gradOf(weight!)]
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      const first = Math.floor(o / perGroup) * c
      for (let own = 0; own < c; own++) {
        const [x, w, z] = [(n * C + first + own) * size, (o * c + own) * taps, (n * O + o) * count]
        for (let p = 0; p < count * taps; p++) {
          const at = places[p]!
          if (at < 0) continue
          const by = d[z + Math.floor(p / taps)]!
          if (dx !== undefined) dx[x + at]! += by * weight!.data[w + (p % taps)]!
          if (dw !== undefined) dw[w + (p % taps)]! += by * input!.data[x + at]!
        }
      }
    }
  }
}

export function transposeBack(
  [input, weight]: readonly Value[],
  options: CallOptions,
  { shape }: Computed,
  d: Float64Array,
): void {
  const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map((name) => numbersOf(options, name)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ]
  const groups = numberOf(options, 'groups')
  const [N, C, ...from] = input!.shape as [number, number, ...number[]]
  const [, o, ...kernel] = weight!.shape as [number, number, ...number[]]
  const to = shape.slice(2)
  const places = placesOf(from, kernel, to, (at, k, i) => at * stride[i]! - padding[i]! + k * dilation[i]!)
  const [size, count, taps] = [elementCount(from), elementCount(to), elementCount(kernel)]
  const perGroup = C / groups
  const [dx, dw] = [gradOf(input!), gradOf(weight!)]
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const first = Math.floor(c / perGroup) * o
      for (let own = 0; own < o; own++) {
        const [x, w, z] = [(n * C + c) * size, (c * o + own) * taps, (n * groups * o + first + own) * count]
        for (let p = 0; p < size * taps; p++) {
          const at = places[p]!
          if (at < 0) continue
          const by = d[z + at]!
          if (dx !== undefined) dx[x + Math.floor(p / taps)]! += by * weight!.data[w + (p % taps)]!
          if (dw !== undefined) dw[w + (p % taps)]! += by * input!.data[x + Math.floor(p / taps)]!
        }
      }
    }
  }
}

/** input (N, C_in, …), weight (C_in, C_out / groups, …): what a convolution would make of its output, the way back. */
const conv_transpose: Call = ([input, weight], options) => {
  const [stride, padding, dilation, more] = ['stride', 'padding', 'dilation', 'output_padding'].map((name) =>
    numbersOf(options, name),
  ) as [readonly number[], readonly number[], readonly number[], readonly number[]]
  const groups = numberOf(options, 'groups')
  const [N, C, ...from] = input!.shape as [number, number, ...number[]]
  const [, o, ...kernel] = weight!.shape as [number, number, ...number[]]
  const to = from.map((size, i) => {
    return (size - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (kernel[i]! - 1) + more[i]! + 1
  })
  sized([N, groups * o, ...to])
  const places = placesOf(from, kernel, to, (at, k, i) => at * stride[i]! - padding[i]! + k * dilation[i]!)
  const [size, count, taps] = [elementCount(from), elementCount(to), elementCount(kernel)]
  const perGroup = C / groups
  const data = new Float64Array(N * groups * o * count)
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const first = Math.floor(c / perGroup) * o
      for (let own = 0; own < o; own++) {
        const [x, w, z] = [(n * C + c) * size, (c * o + own) * taps, (n * groups * o + first + own) * count]
        for (let p = 0; p < size; p++) {
          for (let k = 0; k < taps; k++) {
            const at = places[p * taps + k]!
            if (at >= 0) data[z + at]! += input!.data[x + p]! * weight!.data[w + k]!
          }
        }
      }
    }
  }
  return { shape: [N, groups * o, ...to], data }
}

/** For each place and each tap of a kernel, where it falls in a space; −1 outside of it. */
function placesOf(
  outer: readonly number[],
  kernel: readonly number[],
  space: readonly number[],
  at: (place: number, tap: number, axis: number) => number,
): Int32Array {
  const [count, taps] = [elementCount(outer), elementCount(kernel)]
  const [steps, tapSteps, spaceSteps] = [stridesOf(outer), stridesOf(kernel), stridesOf(space)]
  const places = new Int32Array(count * taps)
  for (let p = 0; p < count; p++) {
    for (let k = 0; k < taps; k++) {
      let place = 0
      for (let axis = 0; axis < outer.length; axis++) {
        const own = Math.floor(p / steps[axis]!) % outer[axis]!
        const tap = Math.floor(k / tapSteps[axis]!) % kernel[axis]!
        const found = at(own, tap, axis)
        if (found < 0 || found >= space[axis]!) {
          place = -1
          break
        }
        place += found * spaceSteps[axis]!
      }
      places[p * taps + k] = place
    }
  }
  return places
}

export const convolutions: Readonly<Record<string, Call>> = { convolution, conv_transpose }

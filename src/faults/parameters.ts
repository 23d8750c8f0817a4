import type { RecurrentRequest } from '../format/case.ts'
import { roundToBfloat16, roundToFloat16 } from '../format/precision.ts'
import type { FloatTensor } from '../format/tensor.ts'
import { always, type Fault, hasBias, isBidirectional, isGRU, map, type Params, reading, zeros } from './fault.ts'

/** The numbers are read as if they were stored (columns, rows) and then turned, which is the same for a square matrix. */
function transpose(tensor: FloatTensor): FloatTensor {
  const [rows = 1, columns = 1] = tensor.shape
  return map(tensor, (_, offset) => tensor.data[(offset % columns) * rows + Math.floor(offset / columns)]!)
}

/** A gradient by what `transpose` has read, in the order in which it is stored. */
function transposeBack(tensor: FloatTensor): FloatTensor {
  const [rows = 1, columns = 1] = tensor.shape
  return map(tensor, (_, offset) => tensor.data[(offset % rows) * columns + Math.floor(offset / rows)]!)
}

function transposeSquare(tensor: FloatTensor): FloatTensor {
  return tensor.shape[0] === tensor.shape[1] ? transpose(tensor) : tensor
}

const isSquare = ({ params }: RecurrentRequest): boolean =>
  Object.entries(params).some(([name, { shape }]) => name.startsWith('weight_ih') && shape[0] === shape[1])

/** The element of middling size: the largest would be the easiest to see, the smallest may be next to nothing. */
function onePercentOff(parameter: FloatTensor): (x: number, offset: number) => number {
  const bySize = Array.from(parameter.data.keys()).toSorted(
    (i, j) => Math.abs(parameter.data[i]!) - Math.abs(parameter.data[j]!),
  )
  const middle = bySize[Math.floor(bySize.length / 2)]
  return (x, offset) => (offset === middle ? 1.01 * x : x)
}

/** The first weight_hh, which is the only one of a cell. */
function isFirst(name: string, params: Params): boolean {
  return name === Object.keys(params).find((first) => first.startsWith('weight_hh'))
}

const swapped = (name: string): string =>
  name.startsWith('bias_ih') ? name.replace('_ih', '_hh') : name.replace('_hh', '_ih')

const swapBiases = reading(
  'bias_',
  (_, name, params) => params[swapped(name)]!,
  (_, name, gradients) => gradients[swapped(name)]!,
)

/** What is read for another has its gradient too; what is read by nobody has none. */
function byForwardToo(gradient: FloatTensor, name: string, gradients: Params): FloatTensor {
  if (name.endsWith('_reverse')) return zeros(gradient)
  const reverse = gradients[`${name}_reverse`]
  return reverse === undefined ? gradient : map(gradient, (x, i) => x + reverse.data[i]!)
}

export const isWide = ({ dtype }: RecurrentRequest): boolean => dtype === 'float32' || dtype === 'float64'

/** Faults in how weights and biases are read. */
export const parameterFaults: readonly Fault<RecurrentRequest>[] = [
  {
    name: 'weight_hh transposed',
    sentence: 'reads weight_hh transposed',
    appliesTo: always,
    plant: reading('weight_hh', transpose, transposeBack),
  },
  {
    name: 'weight_ih transposed',
    sentence: 'reads weight_ih transposed where it is square',
    appliesTo: isSquare,
    plant: reading('weight_ih', transposeSquare, transposeSquare),
  },
  {
    name: 'weight_ih misread',
    sentence: 'reads weight_ih as if it were stored (input_size, rows)',
    appliesTo: (request) => !isSquare(request),
    plant: reading('weight_ih', transpose, transposeBack),
  },
  {
    name: 'weight_hr transposed',
    sentence: 'reads weight_hr as if it were stored (hidden_size, proj_size)',
    appliesTo: ({ config }) => 'proj_size' in config && config.proj_size > 0,
    plant: reading('weight_hr', transpose, transposeBack),
  },
  {
    name: 'bias_ih dropped',
    sentence: 'leaves bias_ih out',
    appliesTo: hasBias,
    plant: reading('bias_ih', zeros, zeros),
  },
  {
    name: 'bias_hh dropped',
    sentence: 'leaves bias_hh out',
    appliesTo: hasBias,
    plant: reading('bias_hh', zeros, zeros),
  },
  {
    name: 'bias_ih added twice',
    sentence: 'adds bias_ih twice',
    appliesTo: hasBias,
    plant: reading('bias_ih', double, double),
  },
  {
    name: 'bias_hh added twice',
    sentence: 'adds bias_hh twice',
    appliesTo: hasBias,
    plant: reading('bias_hh', double, double),
  },
  {
    name: 'biases swapped',
    sentence: 'takes bias_ih for bias_hh and the other way round',
    appliesTo: (request) => hasBias(request) && !isGRU(request),
    equivalent: 'RNN and LSTM add both biases to the same sum',
    plant: swapBiases,
  },
  {
    name: 'biases of a GRU swapped',
    sentence: 'takes bias_ih for bias_hh and the other way round, of which r multiplies the second',
    appliesTo: (request) => hasBias(request) && isGRU(request),
    plant: swapBiases,
  },
  {
    name: 'no recurrence',
    sentence: 'leaves out the product of h and weight_hh',
    appliesTo: always,
    plant: reading('weight_hh', zeros, zeros),
  },
  {
    name: 'reverse with forward weights',
    sentence: 'uses the forward parameters for the reverse direction',
    appliesTo: isBidirectional,
    plant: reading('', (parameter, name, params) => params[name.replace(/_reverse$/, '')] ?? parameter, byForwardToo),
  },
  {
    name: 'weights in float16',
    sentence: 'rounds the weights to float16',
    appliesTo: isWide,
    plant: reading('weight', (weight) => map(weight, roundToFloat16)),
  },
  {
    name: 'weights in bfloat16',
    sentence: 'rounds the weights to bfloat16',
    appliesTo: isWide,
    plant: reading('weight', (weight) => map(weight, roundToBfloat16)),
  },
  {
    name: 'one weight_hh 1 % off',
    sentence: 'has one element of weight_hh 1 % off',
    appliesTo: always,
    plant: reading('weight_hh', (weight, name, params) =>
      isFirst(name, params) ? map(weight, onePercentOff(weight)) : weight,
    ),
  },
]

function double(tensor: FloatTensor): FloatTensor {
  return map(tensor, (x) => 2 * x)
}

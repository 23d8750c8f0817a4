// A large tap that is kept as samples, and as sums of all its numbers. python/torch_parity/capture/samples.py is the other half, and says why.
import { budgets, tensors } from '../case/tensors.ts'
import type { SampledRecord } from '../case/record.ts'
import { invalid } from '../case/wording.ts'
import { unitsOf } from '../generated.ts'
import {
  broadcastStrides,
  elementCount,
  type FloatDType,
  type FloatTensor,
  floatTensor,
  formatShape,
  type Tensor,
} from '../tensor.ts'

/** What is known of a tensor of which not all numbers are. */
export interface Sampled {
  readonly shape: readonly number[]
  /** Where the samples are, in C order. */
  readonly places: Float64Array
  /** (samples) */
  readonly values: FloatTensor
  /** Broadcasts against the samples. */
  readonly budget: Tensor<'float64'>
  /** For the whole tensor, in a run and alone; absent where the budgets are those of the samples. */
  readonly whole?: { readonly budget: Tensor<'float64'>; readonly alone: Tensor<'float64'> }
  /** Of the weights. */
  readonly seed: number
  /** How many numbers, one after the other, are added up. */
  readonly block: number
  readonly sums: Float64Array
  /** What each sum may be off, as a budget says it. */
  readonly sumsBudget: Float64Array
  /** Which numbers are NaN and infinite. */
  readonly kinds: number
}

/** @throws ParityError CASE_INVALID that names the tap and the tensor */
export function readSampled(
  record: SampledRecord,
  shape: readonly number[],
  dtype: FloatDType,
  where: string,
): Sampled {
  const { stream, block, kinds } = record
  const size = elementCount(shape)
  const [count = -1, ...more] = record.values.shape
  if (more.length > 0 || count < 1 || count > Math.min(size, mostSamples)) {
    throw invalid(
      `${where}.values: expected 1 to ${Math.min(size, mostSamples)} samples in one axis, got shape ${formatShape(record.values.shape)}`,
    )
  }
  const blocks = Math.ceil(size / block)
  const { values } = tensors({ values: record.values }, { values: [count] }, dtype, where)
  const { sums } = tensors({ sums: record.sums }, { sums: [blocks] }, 'float64', where)
  const { sums_budget } = budgets({ sums_budget: record.sums_budget }, { sums_budget: [blocks] }, where)
  const odd = sums!.data.find((sum) => !Number.isFinite(sum))
  if (odd !== undefined) throw invalid(`${where}.sums: expected finite numbers, got ${odd}`)
  const bySample = record.budget.shape.length === 1 && record.budget.shape[0] === count
  const wanted = bySample ? [count] : shape
  const given = { budget: record.budget, ...(record.alone && { alone: record.alone }) }
  const { budget, alone } = budgets(given, { budget: wanted, ...(record.alone && { alone: wanted }) }, where)
  const { places, seed } = placesOf(stream, size, count)
  return {
    shape,
    places,
    values: values!,
    budget: bySample ? budget! : atPlaces(budget!, shape, places),
    ...(!bySample && alone && { whole: { budget: budget!, alone } }),
    seed,
    block,
    sums: Float64Array.from(sums!.data),
    sumsBudget: Float64Array.from(
      { length: blocks },
      (_, i) => sums_budget!.data[sums_budget!.data.length === 1 ? 0 : i]!,
    ),
    kinds,
  }
}

/** So many, that places in 2²⁷ numbers are exact. */
const mostSamples = 2 ** 20

/** One of each of `count` parts of the numbers in order. */
function placesOf(
  stream: string,
  size: number,
  count: number,
): { readonly places: Float64Array; readonly seed: number } {
  const units = unitsOf(stream)
  const seed = Math.floor(units() * 2 ** 32)
  const edge = (i: number): number => Math.floor((i * size) / count)
  const places = Float64Array.from({ length: count }, (_, i) => edge(i) + Math.floor(units() * (edge(i + 1) - edge(i))))
  return { places, seed }
}

function atPlaces(budget: Tensor<'float64'>, shape: readonly number[], places: Float64Array): Tensor<'float64'> {
  if (budget.data.length === 1) return { dtype: 'float64', shape: [1], data: budget.data }
  const strides = broadcastStrides(budget.shape, shape) ?? []
  const data = places.map((place) => {
    let rest = place
    let at = 0
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * strides[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    return budget.data[at]!
  })
  return { dtype: 'float64', shape: [data.length], data }
}

/** Source: MurmurHash3, fmix32, by Austin Appleby. */
function mixed(value: number): number {
  let own = value ^ (value >>> 16)
  own = Math.imul(own, 0x85ebca6b)
  own ^= own >>> 13
  own = Math.imul(own, 0xc2b2ae35)
  return (own ^ (own >>> 16)) >>> 0
}

/** For each block the sum of its finite numbers times their weights, from first to last, and which numbers are of another kind. */
export function summed(
  data: ArrayLike<number>,
  { seed, block }: Sampled,
): { readonly sums: Float64Array; readonly kinds: number } {
  const sums = new Float64Array(Math.ceil(data.length / block))
  let kinds = 0
  for (let i = 0; i < data.length; i++) {
    const hash = mixed(i ^ seed)
    const value = data[i]!
    if (Number.isFinite(value)) {
      const weight = 0.5 + (hash >>> 1) * 2 ** -31
      const cell = Math.floor(i / block)
      sums[cell] = sums[cell]! + value * (hash & 1 ? -weight : weight)
    } else kinds += (Number.isNaN(value) ? 1 : value > 0 ? 2 : 3) * (1 + (hash >>> 12))
  }
  return { sums, kinds }
}

/** The samples of a whole tensor. */
export function samplesOf({ dtype, data }: FloatTensor, { places }: Sampled): FloatTensor {
  const own = dtype === 'float64' ? new Float64Array(places.length) : new Float32Array(places.length)
  for (let i = 0; i < own.length; i++) own[i] = data[places[i]!]!
  return floatTensor(dtype, [own.length], own)
}

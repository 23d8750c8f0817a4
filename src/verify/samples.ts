// A tap of which samples are kept is judged by them, and by sums of all its numbers.
import type { Case, ExportedRequest } from '../format/case.ts'
import { plainAxes } from '../format/exported.ts'
import { type Sampled, samplesOf, summed } from '../format/exported/samples.ts'
import { placeOf } from '../format/place.ts'
import { elementCount, type FloatTensor, indexAt } from '../format/tensor.ts'
import { compare, type Comparison, failed, type Judgement, kappa, problemOf, type SumOff } from './compare.ts'

/** Judges one tensor of which samples are kept. actual: what the engine gave, unchecked. */
export function compareSampled(
  tensor: string,
  actual: unknown,
  sampled: Sampled,
  dtype: ExportedRequest['dtype'],
  judgement: Judgement,
): Comparison {
  const { shape, places, values, budget } = sampled
  const of = elementCount(shape)
  const problem = problemOf(actual, { dtype, shape })
  if (problem !== undefined) return failed(tensor, problem, of)
  const own = actual as FloatTensor
  const compared = compare(tensor, samplesOf(own, sampled), values, budget, plainAxes([places.length]), judgement)
  const { worst } = compared
  const index = worst && indexAt(shape, places[worst.index[0]!]!)
  const moved = worst && index && { worst: { ...worst, index, place: placeOf(plainAxes(shape), index) } }
  const { sum, share, isOfKinds } = sumsOff(own, sampled, judgement)
  return {
    ...compared,
    ...moved,
    ...((sum !== undefined || !isOfKinds) && { outcome: 'mismatch' }),
    share: isOfKinds ? Math.max(share, compared.share) : Infinity,
    ...(!isOfKinds && compared.differing === 0 && { problem: otherKinds }),
    sampled: { of, ...(sum && { sum }) },
  }
}

const otherKinds = 'expected NaN and infinities where PyTorch has them, got them elsewhere, beside the samples'

/** The sum that is farthest off. By a tolerance of somebody's own, of elements, sums are not judged. */
function sumsOff(
  { shape, data }: FloatTensor,
  sampled: Sampled,
  { tolerance, equalNan }: Judgement,
): { readonly sum?: SumOff; readonly share: number; readonly isOfKinds: boolean } {
  const { sums, kinds } = summed(data, sampled)
  const isOfKinds = kinds === sampled.kinds && (equalNan || !data.some((value) => Number.isNaN(value)))
  if (tolerance.kind !== 'budget') return { share: 0, isOfKinds }
  let [off, worst, share] = [0, -1, 0]
  for (const [i, sum] of sums.entries()) {
    const error = Math.abs(sum - sampled.sums[i]!)
    const allowed = kappa * sampled.sumsBudget[i]!
    if (!(error <= allowed)) off++
    // Both may be 0; what is above its limit stays so when the quotient rounds down to 1.
    const own = error <= allowed ? (error === 0 ? 0 : error / allowed) : Math.max(error / allowed, 1 + Number.EPSILON)
    if (worst < 0 || !(own <= share)) [worst, share] = [i, own]
  }
  if (off === 0) return { share, isOfKinds }
  const last = Math.min((worst + 1) * sampled.block, data.length) - 1
  const sum = {
    from: indexAt(shape, worst * sampled.block),
    to: indexAt(shape, last),
    error: Math.abs(sums[worst]! - sampled.sums[worst]!),
    allowed: kappa * sampled.sumsBudget[worst]!,
    off,
    blocks: sums.length,
  }
  return { sum, share, isOfKinds }
}

/** The samples of a case in the place of the tensors that they are of, for those who ask what is decided. */
export function withSamples<C extends Case>(recorded: C): C {
  const { samples, expected, budget } = recorded
  if (samples === undefined) return recorded
  const own = Object.entries(samples)
  return {
    ...recorded,
    expected: { ...expected, ...Object.fromEntries(own.map(([name, { values }]) => [name, values])) },
    budget: { ...budget, ...Object.fromEntries(own.map(([name, each]) => [name, each.budget])) },
  }
}

// One tensor pair in words.
import { oneLine } from '../format/errors.ts'
import { formatPlace } from '../format/place.ts'
import type { Comparison, Departure, SumOff } from '../verify/compare.ts'
import { percent, scientific, twoOf, value } from './numbers.ts'

/** One tensor pair: how much of it differs, and the element that is farthest off. */
export function renderComparison(comparison: Comparison, how = ''): string[] {
  const { tensor, outcome, problem, elements, differing, worst, share, firstStep, sampled } = comparison
  const name = `  ${oneLine(tensor)}${how === '' ? '' : ` (${how})`}`
  if (problem !== undefined) return [`${name}: ${oneLine(problem)}`]
  if (outcome === 'match') return [`${name}: matches, ${percent(share)} of the allowed error used`]
  const among = sampled === undefined ? 'elements' : `samples of ${sampled.of} elements`
  const part = `${differing} of ${elements} ${among} differ (${percent(differing / elements)})`
  return [
    `${name}: ${part}${firstStep === undefined ? '' : `, the first at ${firstOf(firstStep, worst?.place.step !== undefined)}`}`,
    ...(worst === undefined || (differing === 0 && sampled !== undefined)
      ? []
      : [`    worst: ${renderDeparture(worst)}`]),
    ...(sampled?.sum === undefined ? [] : [`    ${renderSum(sampled.sum)}`]),
  ]
}

function renderSum({ from, to, error, allowed, off, blocks }: SumOff): string {
  const where = `elements [${from.join(', ')}] to [${to.join(', ')}]`
  const times = allowed === 0 ? '' : ` (${Number((error / allowed).toPrecision(2))} times)`
  return `${off} of ${blocks} weighted sums of all elements differ; worst: of ${where}, error ${scientific(error)}, allowed ${scientific(allowed)}${times}`
}

function firstOf({ forward, reverse }: NonNullable<Comparison['firstStep']>, ofOptimizer: boolean): string {
  if (ofOptimizer) return `step ${forward}`
  return [
    forward === undefined ? '' : `t ${forward}`,
    reverse === undefined ? '' : `t ${reverse} of the reverse direction`,
  ]
    .filter((part) => part !== '')
    .join(' and ')
}

function renderDeparture({ place, index, actual, expected, error, allowed }: Departure): string {
  // Nobody may have said what the axes are called.
  const where = `${formatPlace(place)} [${index.join(', ')}]`.trimStart()
  const values = `actual ${value(actual)}, expected ${value(expected)}`
  if (Number.isNaN(actual) && Number.isNaN(expected)) return `${where}: ${values}: NaN was asked to match nothing`
  if (Number.isNaN(error)) return `${where}: ${values}: another kind of value`
  const times = allowed === 0 ? '' : ` (${twoOf(error / allowed)} times)`
  return `${where}: ${values}, error ${scientific(error)}, allowed ${scientific(allowed)}${times}`
}

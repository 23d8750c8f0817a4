import type { Comparison } from '../verify/compare.ts'

/** Of single steps, what is off of each tensor as one: there is a comparison for each layer and direction. */
export function alone(comparisons: readonly Comparison[]): Comparison[] {
  const all = new Map<string, Comparison>()
  for (const comparison of comparisons) {
    const { tensor, outcome, problem } = comparison
    if (outcome !== 'mismatch') continue
    const key = `${tensor} ${problem ?? ''}`
    const before = all.get(key)
    all.set(key, before === undefined ? comparison : together(before, comparison))
  }
  return [...all.values()]
}

function together(one: Comparison, other: Comparison): Comparison {
  const worse = other.share > one.share ? other : one
  const earlier = (direction: 'forward' | 'reverse'): object => {
    const steps = [one, other].flatMap(({ firstStep = {} }) => firstStep[direction] ?? [])
    return steps.length === 0 ? {} : { [direction]: Math.min(...steps) }
  }
  const firstStep = { ...earlier('forward'), ...earlier('reverse') }
  return {
    ...worse,
    elements: one.elements + other.elements,
    differing: one.differing + other.differing,
    ...(Object.keys(firstStep).length > 0 && { firstStep }),
  }
}

import type { Draw } from '../oracle/fuzz/spec.ts'
import { affordable } from './draw.ts'
import type { Experiment } from './experiment.ts'
import type { Rule } from './rule.ts'

/** Which choice makes a quantity what it is. */
const choiceOf: Readonly<Record<string, 'input_size' | 'hidden_size' | 'seq_len' | 'batch' | 'num_layers'>> = {
  input_size: 'input_size',
  hidden_size: 'hidden_size',
  seq_len: 'seq_len',
  batch: 'batch',
  num_layers: 'num_layers',
  'the length of a sum': 'input_size',
  'the rows of a weight': 'hidden_size',
  'the rows of input (seq_len · batch)': 'batch',
  'the elements of input': 'input_size',
  'the elements of output': 'batch',
  'the elements of a weight': 'input_size',
}

/** Requests that say more closely where a bound of a rule lies: in the middle of what is not known. */
export function pressing(rule: Rule, inside: readonly Experiment[]): Draw[] {
  const [example] = inside
  if (example === undefined) return []
  const draws: Draw[] = []
  for (const condition of rule.flat()) {
    if (condition.kind !== 'from' && condition.kind !== 'to') continue
    const [low, high] = condition.kind === 'from' ? [condition.above, condition.k] : [condition.k, condition.below]
    const choice = choiceOf[condition.of]
    if (choice === undefined || high - low < 2) continue
    for (const own of inside.slice(0, 8)) {
      const has = own.facts.numbers[condition.of][0]
      if (has === undefined) continue
      for (const wanted of [(low + high) >> 1, low + 1, high - 1]) {
        // What a quantity has of a choice, beside others, stays as it is.
        const size = Math.round((wanted * own.draw[choice]) / has)
        if (size > 0 && size !== own.draw[choice]) draws.push(affordable({ ...own.draw, [choice]: size }))
      }
    }
  }
  return draws
}

import { isLayer } from '../module.ts'
import type { RecordSpec } from '../oracle.ts'
import { fuzzedModules, profiles } from './spec.ts'

/** How often each option, and each pair of them, was in a case that was judged. */
export interface Coverage {
  /** Every option that can be drawn, by its name, in the order of the table. */
  readonly options: readonly string[]
  /** By option. */
  readonly counts: readonly number[]
  /** By the later option, then the earlier one; undefined where no case can have both. */
  readonly pairs: readonly (readonly (number | undefined)[])[]
}

/** Options of which a case has one at most. */
const choices: readonly (readonly string[])[] = [
  fuzzedModules,
  ['float64', 'float16', 'bfloat16'],
  profiles.filter((name) => name !== 'default'),
  ['gradients', 'SGD', 'Adam'],
]
const ofLayers = ['num_layers', 'batch_first', 'bidirectional', 'proj_size', 'dropout', 'lengths', 'seq_len > 1']
const others = ['relu', 'no bias', 'no h_0', 'unbatched', 'sizes of 1']
const all = [...choices.flat(), ...ofLayers, ...others]

/** Pairs that are left out of what is drawn: see src/fuzz/spec.ts. */
const excluded: readonly (readonly [readonly string[], readonly string[]])[] = [
  [fuzzedModules.filter((name) => !isLayer(name)), ofLayers],
  [fuzzedModules.filter((name) => !isLayer(name)), ['chaotic']],
  [fuzzedModules.filter((name) => !name.startsWith('RNN')), ['relu']],
  [fuzzedModules.filter((name) => name !== 'LSTM'), ['proj_size']],
  [['unbatched'], ['lengths']],
  [['relu'], ['proj_size', 'chaotic', 'huge', 'saturated']],
  [['SGD', 'Adam'], ['dropout']],
  [['no h_0'], ['nan_state']],
  [
    ['gradients', 'SGD', 'Adam'],
    [
      'float16',
      'bfloat16',
      'saturated',
      'chaotic',
      'huge',
      'subnormal',
      'negative_zero',
      'nan',
      'infinite',
      'negative_infinite',
      'nan_state',
    ],
  ],
  [['float16'], ['huge', 'subnormal']],
  [['bfloat16'], ['subnormal']],
  [['float16', 'bfloat16'], []],
  [['proj_size'], ['sizes of 1']],
]

function canBeTogether(one: string, other: string): boolean {
  const excludes = ([some, more]: (typeof excluded)[number]): boolean =>
    (some.includes(one) && more.includes(other)) || (some.includes(other) && more.includes(one))
  return !choices.some((names) => names.includes(one) && names.includes(other)) && !excluded.some(excludes)
}

/** Counts the cases it is told of. */
export function newCoverage(): Coverage & { add(spec: RecordSpec): void } {
  const counts = all.map(() => 0)
  const pairs: (number | undefined)[][] = all.map((one, i) =>
    all.slice(0, i).map((other) => (canBeTogether(one, other) ? 0 : undefined)),
  )
  return {
    options: all,
    counts,
    pairs,
    add(spec) {
      const present = optionsOf(spec)
      for (const [i, one] of all.entries()) {
        if (!present.has(one)) continue
        counts[i]!++
        for (let j = 0; j < i; j++) if (present.has(all[j]!)) pairs[i]![j] = (pairs[i]![j] ?? 0) + 1
      }
    },
  }
}

function optionsOf(spec: RecordSpec): ReadonlySet<string> {
  const { module, options = {}, dtype, profile, training, batch, state, seq_len = 1 } = spec
  const present = new Set<string>([module])
  const note = (name: string, is: boolean): void => {
    if (is) present.add(name)
  }
  if (dtype !== undefined) present.add(dtype)
  if (profile !== undefined) present.add(profile)
  if (training) present.add(String(training['optimizer']))
  for (const name of ['batch_first', 'bidirectional'] as const) note(name, options[name] === true)
  note('num_layers', (options.num_layers ?? 1) > 1)
  note('proj_size', (options.proj_size ?? 0) > 0)
  note('relu', options.nonlinearity === 'relu')
  note('no bias', options.bias === false)
  note('dropout', spec.masked === true)
  note('gradients', spec.gradients === true)
  note('lengths', Array.isArray(spec.lengths))
  note('no h_0', state === false)
  note('unbatched', batch === null)
  note('seq_len > 1', seq_len > 1)
  note('sizes of 1', spec.input_size === 1 && spec.hidden_size === 1)
  return present
}

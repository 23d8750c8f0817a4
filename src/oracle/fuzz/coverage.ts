import type { ModelName } from '../../format/model.ts'
import type { ModuleName } from '../../format/module.ts'
import type { ModelSpec, RecordSpec, RecurrentSpec } from '../../oracle.ts'
import { isModelSpec } from './models.ts'
import { differentiable, fuzzedModules, profiles, profilesOfLayers, profilesOfLengths } from './spec.ts'

/** How often each option, and each pair of them, was in a case that was judged. */
export interface Coverage {
  /** Every option that can be drawn, by its name, in the order of the table. */
  readonly options: readonly string[]
  /** By option. */
  readonly counts: readonly number[]
  /** By the later option, then the earlier one; undefined where no case can have both. */
  readonly pairs: readonly (readonly (number | undefined)[])[]
}

const layerOptions = [
  'num_layers',
  'batch_first',
  'bidirectional',
  'dropout',
  'lengths',
  'seq_len > 1',
  'chaotic',
  ...profilesOfLayers,
]
const otherProfiles = profiles.filter((name) => ![...profilesOfLayers, 'default', 'chaotic'].includes(name))
const halves = ['float16', 'bfloat16']
const ofAll = [
  'float64',
  ...halves,
  ...otherProfiles,
  'gradients',
  'SGD',
  'Adam',
  'no bias',
  'no h_0',
  'unbatched',
  'batch > 8',
  'sizes of 1',
]
const rnns = ['of RNN', 'of LSTM', 'of GRU']
const contexts = [
  'context last',
  'context transformed_last',
  'context transformed_all',
  'context additive',
  'context dot',
]
const ofModels = ['float64', 'seq_len > 1', 'batch > 8', 'gradients', 'large logits', ...rnns]

/** What each module can have: see src/oracle/fuzz/spec.ts and src/oracle/fuzz/models.ts. */
const optionsOf: Readonly<Record<ModuleName | ModelName, readonly string[]>> = {
  RNNCell: [...ofAll, 'relu'],
  LSTMCell: ofAll,
  GRUCell: ofAll,
  RNN: [...ofAll, ...layerOptions, 'relu'],
  LSTM: [...ofAll, ...layerOptions, 'proj_size'],
  GRU: [...ofAll, ...layerOptions],
  ManyToMany: [...ofModels, 'num_layers', 'lengths'],
  ManyToOne: [...ofModels, 'num_layers', 'lengths', 'mean'],
  OneToMany: [...ofModels, 'num_layers', 'fed at every step'],
  LanguageModel: [...ofModels, 'num_layers', 'greedy'],
  EncoderDecoder: [...ofModels, 'lengths', 'greedy', 'fed at every step', ...contexts],
}

/** Options of which a case has one at most. */
const choices: readonly (readonly string[])[] = [
  fuzzedModules,
  ['float64', ...halves],
  profiles,
  ['gradients', 'SGD', 'Adam'],
  ['unbatched', 'batch > 8'],
  rnns,
  contexts,
]
const all = [...new Set([...fuzzedModules, ...Object.values(optionsOf).flat()])]

/** Pairs that are never drawn although a module can have either. */
const excluded: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['unbatched'], ['lengths', ...profilesOfLengths]],
  [['relu'], ['chaotic', 'huge', 'saturated']],
  [['SGD', 'Adam'], ['dropout']],
  [['no h_0'], ['nan_state']],
  [
    ['gradients', 'SGD', 'Adam'],
    [...halves, ...profiles.filter((name) => !differentiable.has(name))],
  ],
  [['float16'], ['huge', 'subnormal']],
  [['bfloat16'], ['subnormal']],
  [['proj_size'], ['sizes of 1']],
  [['gradients'], ['greedy', 'large logits']],
]

function canBeTogether(one: string, other: string): boolean {
  const excludes = ([some, more]: (typeof excluded)[number]): boolean =>
    (some.includes(one) && more.includes(other)) || (some.includes(other) && more.includes(one))
  const has = (module: string, options: readonly string[], name: string): boolean =>
    name === module || options.includes(name)
  return (
    Object.entries(optionsOf).some(([module, options]) => has(module, options, one) && has(module, options, other)) &&
    !choices.some((names) => names.includes(one) && names.includes(other)) &&
    !excluded.some(excludes)
  )
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
      const present = isModelSpec(spec) ? presentInModel(spec) : presentIn(spec)
      for (const [i, one] of all.entries()) {
        if (!present.has(one)) continue
        counts[i]!++
        for (let j = 0; j < i; j++) if (present.has(all[j]!)) pairs[i]![j] = (pairs[i]![j] ?? 0) + 1
      }
    },
  }
}

function presentIn(spec: RecurrentSpec): ReadonlySet<string> {
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
  note('batch > 8', (batch ?? 0) > 8)
  note('seq_len > 1', seq_len > 1)
  note('sizes of 1', spec.input_size === 1 && spec.hidden_size === 1)
  return present
}

function presentInModel({
  module,
  config,
  dtype,
  lengths,
  seq_len = 6,
  batch = 3,
  gradients,
  logits,
}: ModelSpec): ReadonlySet<string> {
  const { rnn, num_layers = 1, pooling, feeding, injection, decoding, context } = config
  const present = new Set<string>([module, `of ${rnn}`])
  if (dtype !== undefined) present.add(dtype)
  if (context !== undefined) present.add(`context ${context}`)
  const named = {
    num_layers: Number(num_layers) > 1,
    lengths: Array.isArray(lengths),
    'seq_len > 1': Number(config['seq_len'] ?? seq_len) > 1,
    'batch > 8': batch > 8,
    gradients: gradients === true,
    'large logits': logits !== undefined,
    mean: pooling === 'mean',
    greedy: decoding === 'greedy',
    'fed at every step': feeding === 'every' || injection === 'every_step',
  }
  for (const [name, is] of Object.entries(named)) if (is) present.add(name)
  return present
}

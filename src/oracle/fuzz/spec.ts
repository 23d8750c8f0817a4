import * as fc from 'fast-check'
import { isLayer, kinds, type ModuleName } from '../../format/module.ts'
import { isModel, type ModelName } from '../../format/model.ts'
import type { RecordSpec, RecurrentSpec } from '../../oracle.ts'
import { mostly, seldomLarge, size } from './draw.ts'
import { fuzzedModels, modelSpecs } from './models.ts'

/** The modules that are drawn, the simplest first. */
export const fuzzedLayers = Object.keys(kinds) as readonly ModuleName[]

export const fuzzedModules: readonly (ModuleName | ModelName)[] = [...fuzzedLayers, ...fuzzedModels]

/** What kinds of numbers a case may have; python/torch_parity/cases.py says what each is. */
export const profiles = [
  'default',
  'large',
  'tiny',
  'saturated',
  'chaotic',
  'sparse',
  'positive',
  'huge',
  'subnormal',
  'negative_zero',
  'nan',
  'infinite',
  'negative_infinite',
  'nan_state',
  'nan_padding',
  'infinite_padding',
  'infinite_last',
] as const

/** What a cell has not: rows that end. */
export const profilesOfLayers: readonly string[] = ['nan_padding', 'infinite_padding', 'infinite_last']
/** What has no meaning without lengths. */
export const profilesOfLengths: readonly string[] = ['nan_padding', 'infinite_padding']

export interface Limits {
  /** The modules to draw from, the simplest first. */
  readonly modules: readonly (ModuleName | ModelName)[]
  /** The largest input_size, hidden_size and seq_len. */
  readonly maxSize: number
  /** The largest batch; 256 where it is not said. Above 8 it is rare. */
  readonly maxBatch?: number | undefined
}

/** Every choice, whether it means something for the module or not; the first of a list is the simplest. */
export interface Draw {
  readonly module: ModuleName
  readonly input_size: number
  readonly hidden_size: number
  readonly seq_len: number
  /** 0 when unbatched. */
  readonly batch: number
  readonly num_layers: number
  readonly nonlinearity: string
  readonly bias: boolean
  readonly batch_first: boolean
  readonly bidirectional: boolean
  /** 0 for none. */
  readonly proj_size: number
  /** Of a tenth; 0 for evaluation mode. */
  readonly dropout: number
  /** Of each row, from the end; empty for none. */
  readonly shortened: readonly number[]
  readonly state: boolean
  readonly dtype: 'float16' | 'bfloat16' | 'float32' | 'float64'
  readonly profile: (typeof profiles)[number]
  readonly asked: 'forward' | 'gradients' | 'training'
  readonly optimizer: (typeof optimizers)[number]
  readonly steps: number
  readonly seed: number
}

export const optimizers = [
  { optimizer: 'SGD' },
  { optimizer: 'SGD', weight_decay: 0.1 },
  { optimizer: 'SGD', momentum: 0.9 },
  { optimizer: 'SGD', momentum: 0.9, nesterov: true },
  { optimizer: 'Adam' },
  { optimizer: 'Adam', weight_decay: 0.1 },
] as const

/** Specifications of cases that PyTorch records: what goes in follows from `seed`. */
export function specs({ modules, maxSize, maxBatch = 256 }: Limits): fc.Arbitrary<RecordSpec> {
  const models = modules.filter((name) => isModel(name))
  const recurrent = modules.filter((name) => !isModel(name))
  if (models.length === 0) return recurrentSpecs(recurrent, maxSize, maxBatch)
  if (recurrent.length === 0) return modelSpecs(models, maxSize, maxBatch)
  return fc.oneof(
    { arbitrary: recurrentSpecs(recurrent, maxSize, maxBatch), weight: 5 },
    { arbitrary: modelSpecs(models, maxSize, maxBatch), weight: 1 },
  )
}

function recurrentSpecs(asked: readonly ModuleName[], maxSize: number, maxBatch: number): fc.Arbitrary<RecordSpec> {
  return fc
    .record<Draw>({
      module: fc.constantFrom(...asked),
      input_size: size(1, maxSize),
      hidden_size: size(1, maxSize),
      seq_len: size(1, maxSize),
      batch: fc.oneof({ arbitrary: seldomLarge(1, 8, maxBatch), weight: 7 }, fc.constant(0)),
      num_layers: size(1, 3),
      nonlinearity: fc.constantFrom('tanh', 'relu'),
      bias: mostly(true, false),
      batch_first: mostly(false, true),
      bidirectional: mostly(false, true),
      proj_size: fc.oneof(fc.constant(0), size(1, maxSize)),
      dropout: fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, fc.integer({ min: 1, max: 7 })),
      shortened: fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, fc.array(fc.nat(maxSize), { maxLength: 8 })),
      state: mostly(true, false),
      dtype: mostly('float32', 'float64', 'float16', 'bfloat16'),
      profile: mostly(...profiles),
      asked: fc.oneof(
        { arbitrary: fc.constant('forward'), weight: 24 },
        { arbitrary: fc.constant('gradients'), weight: 5 },
        { arbitrary: fc.constant('training'), weight: 1 },
      ),
      optimizer: fc.constantFrom(...optimizers),
      steps: fc.integer({ min: 1, max: 5 }),
      seed: fc.noShrink(fc.nat(2 ** 31 - 1)),
    })
    .map(specOf)
}

const isHalf = (dtype: string): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** Whose gradients decide something, by the numbers themselves. */
const smooth = ['default', 'tiny', 'sparse', 'positive', 'large']
/** By which of them are finite. */
const notFinite = ['nan', 'infinite', 'negative_infinite', 'nan_state', ...profilesOfLayers]
export const differentiable: ReadonlySet<string> = new Set([...smooth, ...notFinite])

/** So many products at most in a case of many rows, that it does not take as long as a thousand others. */
const mostProducts = 2 ** 24

/** As drawn, but that what is large in everything has fewer steps and, if that is not enough, fewer rows. */
function affordable(draw: Draw): Draw {
  const { input_size, hidden_size, num_layers, bidirectional, seq_len, batch } = draw
  const products = batch * seq_len * 4 * hidden_size * (input_size + hidden_size) * num_layers * (bidirectional ? 2 : 1)
  if (batch <= 8 || products <= mostProducts) return draw
  const fewer = Math.max(1, Math.floor((seq_len * mostProducts) / products))
  const left = (products * fewer) / seq_len
  return { ...draw, seq_len: fewer, batch: Math.max(8, Math.floor(batch * Math.min(1, mostProducts / left))) }
}

/** Leaves out what means nothing for the module, and what overflows in between, so that the order of summation decides. */
export function specOf(drawn: Draw): RecurrentSpec {
  const draw = affordable(drawn)
  const { module, input_size, hidden_size, seed } = draw
  const layer = isLayer(module)
  const batch = draw.batch === 0 ? null : draw.batch
  const profile = limited(draw)
  const asked = differentiable.has(profile) && !isHalf(draw.dtype) ? draw.asked : 'forward'
  const relu = module.startsWith('RNN') && draw.nonlinearity === 'relu' && isBounded(draw, profile)
  const dropout = layer && draw.num_layers > 1 && asked !== 'training' ? draw.dropout / 10 : 0
  const proj_size =
    module === 'LSTM' && hidden_size > 1 && draw.proj_size > 0 ? 1 + (draw.proj_size % (hidden_size - 1)) : 0
  const options = {
    ...(relu && { nonlinearity: 'relu' }),
    ...(!draw.bias && { bias: false }),
    ...(layer && draw.num_layers > 1 && { num_layers: draw.num_layers }),
    ...(layer && draw.batch_first && { batch_first: true }),
    ...(layer && draw.bidirectional && { bidirectional: true }),
    ...(proj_size > 0 && { proj_size }),
    ...(dropout > 0 && { dropout }),
  }
  const shortened = draw.shortened.length === 0 && profilesOfLengths.includes(profile) ? [1, 0] : draw.shortened
  const lengths =
    layer && batch !== null && shortened.length > 0
      ? Array.from({ length: batch }, (_, row) => draw.seq_len - (shortened[row % shortened.length]! % draw.seq_len))
      : undefined
  return {
    // Numbers depend on it: those of a smaller case are the first ones of the larger.
    id: `seed-${seed}`,
    module,
    input_size,
    hidden_size,
    ...(layer && { seq_len: draw.seq_len }),
    batch,
    ...(Object.keys(options).length > 0 && { options }),
    ...(lengths && { lengths }),
    ...(!draw.state && { state: false }),
    ...(draw.dtype !== 'float32' && { dtype: draw.dtype }),
    ...(profile !== 'default' && { profile }),
    ...(asked === 'gradients' && { gradients: true }),
    ...(asked === 'training' && { training: { ...draw.optimizer, steps: draw.steps } }),
    ...(dropout > 0 && { masked: true }),
    seed,
  }
}

function limited({ profile, dtype, state, module, batch }: Draw): string {
  const padded = isLayer(module) && batch > 0
  if (profilesOfLengths.includes(profile) && !padded) return profile === 'nan_padding' ? 'nan' : 'infinite'
  if (profilesOfLayers.includes(profile) && !isLayer(module)) return 'infinite'
  if (profile === 'nan_state' && !state) return 'nan'
  if (dtype === 'float16' && (profile === 'huge' || profile === 'subnormal')) return 'large'
  if (profile === 'subnormal' && isHalf(dtype)) return 'tiny'
  return module.endsWith('Cell') && profile === 'chaotic' ? 'large' : profile
}

/** relu has no bound: it would leave float32, or float16. */
function isBounded({ dtype, num_layers, seq_len }: Draw, profile: string): boolean {
  if (profile === 'huge' || profile === 'chaotic' || profile === 'saturated') return false
  if (isHalf(dtype)) return profile === 'default'
  return (profile !== 'positive' && profile !== 'large') || (seq_len <= 8 && num_layers <= 2)
}

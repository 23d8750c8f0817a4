import type { RecurrentRequest } from '../format/case.ts'
import { extentOf, isLayer, type LayerConfig, type ModuleName } from '../format/module.ts'
import { edges } from '../oracle/fuzz/draw.ts'
import { differentiable, type Draw, optimizers, profiles } from '../oracle/fuzz/spec.ts'

export type Random = () => number

/** What an experiment may be. */
export interface Bounds {
  readonly modules: readonly ModuleName[]
  /** The largest size of each kind, one of them at a time. */
  readonly largest: number
}

const sizes = ['input_size', 'hidden_size', 'seq_len', 'batch'] as const
type Size = (typeof sizes)[number]

/** As simple as it gets: from here one thing at a time is made another. */
export function simplest(module: ModuleName): Draw {
  return {
    module,
    input_size: 3,
    hidden_size: 3,
    seq_len: 3,
    batch: 2,
    num_layers: 1,
    nonlinearity: 'tanh',
    bias: true,
    batch_first: false,
    bidirectional: false,
    proj_size: 0,
    dropout: 0,
    shortened: [],
    state: true,
    dtype: 'float32',
    profile: 'default',
    asked: 'forward',
    optimizer: optimizers[0],
    steps: 2,
    seed: 0,
  }
}

const beyond = 17
/** In some, all sizes may be so large: what is wrong may need two of them. */
const beyondTogether = 130
const swept = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 96, 100]

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

function sizeOf(random: Random, most: number): number {
  const kind = random()
  if (kind < 0.5) return 1 + Math.floor(random() * Math.min(9, most))
  if (kind < 0.75) return pick(random, edges(3, Math.max(5, most)))
  return Math.max(1, Math.floor(Math.exp(random() * Math.log(most + 1))))
}

/** A request around another: each choice is that one's, or another. isWide: also larger ones, of which each takes longer. */
export function drawnAround(base: Draw, bounds: Bounds, random: Random, isWide = false): Draw {
  const draw: Record<string, unknown> = { ...base, seed: Math.floor(random() * 2 ** 31) }
  if (random() < 0.5) draw['module'] = pick(random, bounds.modules)
  // One large size at a time, or none: what is large in everything takes as long as a thousand others.
  const large = random() < 0.4 ? pick(random, sizes) : undefined
  const others = isWide && random() < 0.4 ? Math.min(beyondTogether, bounds.largest) : beyond
  for (const size of sizes) {
    if (random() < 0.4 && size !== large) continue
    draw[size] = sizeOf(random, size === large ? bounds.largest : others)
  }
  const maybe = (name: keyof Draw, value: () => unknown): void => {
    if (random() < 0.3) draw[name] = value()
  }
  maybe('batch', () => (random() < 0.3 ? 0 : draw['batch']))
  maybe('num_layers', () => 1 + Math.floor(random() * (isWide ? 5 : 3)))
  maybe('nonlinearity', () => pick(random, ['tanh', 'relu']))
  maybe('bias', () => random() < 0.5)
  maybe('batch_first', () => random() < 0.5)
  maybe('bidirectional', () => random() < 0.5)
  maybe('proj_size', () => (random() < 0.5 ? 0 : 1 + Math.floor(random() * 16)))
  maybe('dropout', () => (random() < 0.7 ? 0 : 5))
  maybe('shortened', () => drawnLengths(random, isWide ? (draw['seq_len'] as number) : 0))
  maybe('state', () => random() < 0.5)
  maybe('dtype', () => pick(random, ['float32', 'float32', 'float64', 'float16', 'bfloat16']))
  maybe('profile', () => (random() < 0.7 ? 'default' : pick(random, profiles)))
  maybe('asked', () => pick(random, ['forward', 'gradients', 'gradients', 'training']))
  maybe('optimizer', () => pick(random, optimizers))
  if (isWide) maybe('steps', () => 1 + Math.floor(random() * 4))
  return affordable(draw as unknown as Draw)
}

function drawnLengths(random: Random, seq_len: number): number[] {
  if (random() < 0.4) return []
  return Array.from({ length: 1 + Math.floor(random() * 4) }, () => Math.floor(random() * Math.max(6, seq_len)))
}

/** So many products at most in an experiment. */
const mostProducts = 2 ** 21

/** As it is, but that what is too large has fewer layers, then a smaller second size. */
export function affordable(draw: Draw): Draw {
  const { input_size, hidden_size, num_layers, bidirectional, seq_len, batch, asked } = draw
  const runs = (asked === 'training' ? 3 * draw.steps : asked === 'gradients' ? 3 : 1) * (bidirectional ? 2 : 1)
  const products =
    Math.max(batch, 1) * (isLayer(draw.module) ? seq_len : 1) * 4 * hidden_size * (input_size + hidden_size) * runs
  if (products * num_layers <= mostProducts) return draw
  if (asked !== 'forward') return affordable({ ...draw, asked: 'forward' })
  if (num_layers > 1) return affordable({ ...draw, num_layers: 1 })
  const [first] = sizes.toSorted((one, other) => draw[other] - draw[one])
  const [second = 'batch'] = sizes
    .filter((size) => size !== first && draw[size] > 1)
    .toSorted((one, other) => draw[other] - draw[one])
  return draw[second] > 1 ? affordable({ ...draw, [second]: draw[second] >> 1 }) : draw
}

/** The same with one choice made otherwise: every choice, and of sizes many. */
export function* variationsOf(base: Draw, { modules, largest }: Bounds): Generator<Draw> {
  for (const size of sizes) if (size !== 'seq_len' || isLayer(base.module)) yield* sizesOf(base, size, largest)
  for (const module of modules) if (module !== base.module) yield { ...base, module }
  yield* choicesOf(base)
}

/** The same of other sizes of one kind. */
export function* sizesOf(base: Draw, size: Size, largest: number): Generator<Draw> {
  for (const value of [...swept.filter((own) => own <= largest), ...edges(65, largest)]) {
    if (value !== base[size]) yield affordable({ ...base, [size]: value })
  }
}

/** The same with one choice that is no size made otherwise. */
export function* choicesOf(base: Draw): Generator<Draw> {
  const choices: { readonly [name in keyof Draw]?: readonly Draw[name][] } = {
    batch: [0],
    num_layers: [1, 2, 3],
    nonlinearity: ['tanh', 'relu'],
    bias: [true, false],
    batch_first: [false, true],
    bidirectional: [false, true],
    proj_size: [0, 1, 2],
    dropout: [0, 5],
    shortened: [[], [0], [0, 1], [1, 0], [1]],
    state: [true, false],
    dtype: ['float32', 'float64', 'float16', 'bfloat16'],
    asked: differentiable.has(base.profile) ? ['forward', 'gradients', 'training'] : ['forward'],
    profile: ['default', 'large', 'tiny', 'nan', 'infinite', 'subnormal', 'negative_zero', 'huge'],
    optimizer: base.asked === 'training' ? optimizers : [],
    steps: base.asked === 'training' ? [1, 2, 3] : [],
  }
  for (const [name, values] of Object.entries(choices)) {
    for (const value of values as readonly unknown[]) {
      if (JSON.stringify(value) !== JSON.stringify(base[name as keyof Draw])) yield { ...base, [name]: value }
    }
  }
}

/** The same made simpler by one thing, the greatest step first. */
export function* simplerOf(draw: Draw): Generator<Draw> {
  const simple = simplest(draw.module)
  const rest = { ...simple, seed: draw.seed }
  for (const name of Object.keys(simple) as (keyof Draw)[]) {
    if (sizes.includes(name as Size) || name === 'module' || name === 'seed') continue
    if (JSON.stringify(draw[name]) !== JSON.stringify(simple[name])) yield { ...draw, [name]: rest[name] }
  }
  for (const size of sizes) {
    const own = draw[size]
    for (const fewer of [1, 2, 3, 4, 5, own >> 1, own - (own >> 2), own - (own >> 3), own - (own >> 4), own - 1]) {
      if (fewer > 0 && fewer < own) yield { ...draw, [size]: fewer }
    }
  }
}

/** The choices of a recorded case: other numbers of the same sizes and options. */
export function drawOf({ module, config, dtype, inputs, cotangents, training }: RecurrentRequest): Draw {
  const { seq_len, batch } = extentOf(module, config, inputs.input.shape)
  const options = config as Partial<LayerConfig & { nonlinearity: string; proj_size: number }>
  const { proj_size = 0 } = options
  const lengths = inputs.lengths === undefined ? [] : Array.from(inputs.lengths.data, Number)
  return {
    ...simplest(module),
    input_size: config.input_size,
    hidden_size: config.hidden_size,
    seq_len: seq_len ?? 1,
    batch: batch ?? 0,
    num_layers: options.num_layers ?? 1,
    nonlinearity: options.nonlinearity ?? 'tanh',
    bias: config.bias,
    batch_first: options.batch_first ?? false,
    bidirectional: options.bidirectional ?? false,
    proj_size: proj_size === 0 ? 0 : proj_size + config.hidden_size - 2,
    dropout: inputs.dropout_mask === undefined ? 0 : 5,
    shortened: lengths.map((length) => (seq_len ?? length) - length),
    state: inputs.h_0 !== undefined,
    dtype,
    asked: training === undefined ? (cotangents === undefined ? 'forward' : 'gradients') : 'training',
    optimizer: optimizers.find((own) => own.optimizer === training?.optimizer) ?? optimizers[0],
  }
}

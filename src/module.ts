import { z } from 'zod'

const size = z
  .int()
  .min(1)
  .max(2 ** 24)
const cellSize = z
  .int()
  .min(0)
  .max(2 ** 24)
const nonlinearity = z.enum(['tanh', 'relu'])

/** Constructor arguments of torch.nn.RNNCell. */
const RNNCellConfig = z.strictObject({
  input_size: cellSize,
  hidden_size: cellSize,
  bias: z.boolean(),
  nonlinearity,
})

/** Constructor arguments of torch.nn.RNN. */
const RNNConfig = z.strictObject({
  input_size: size,
  hidden_size: size,
  num_layers: z.int().min(1).max(1024),
  nonlinearity,
  bias: z.boolean(),
  batch_first: z.boolean(),
  dropout: z.number().min(0).max(1),
  bidirectional: z.boolean(),
})

export type RNNCellConfig = z.infer<typeof RNNCellConfig>
export type RNNConfig = z.infer<typeof RNNConfig>

/** The constructor arguments of each module, by its torch class name. */
export const configSchemas = { RNNCell: RNNCellConfig, RNN: RNNConfig } as const

export type ModuleName = keyof typeof configSchemas
export type Config<M extends ModuleName = ModuleName> = z.infer<(typeof configSchemas)[M]>

/**
 * One axis of a tensor. `state` counts layers and directions as h_n does (layer 0 forward, layer 0 reverse, layer 1
 * forward, …); `unit` is the last axis, with the directions of a layer one after the other.
 */
export interface Axis {
  readonly name: 'seq_len' | 'batch' | 'state' | 'unit'
  readonly size: number
  readonly num_directions: number
}

/** What torch says the tensors of a module are, for one configuration and one input. */
export interface Signature {
  readonly params: Readonly<Record<string, readonly number[]>>
  readonly inputs: Readonly<Record<string, readonly number[]>>
  readonly expected: Readonly<Record<string, readonly Axis[]>>
  readonly states: Readonly<Record<string, readonly Axis[]>>
}

export interface Extent {
  /** undefined for a cell. */
  readonly seq_len: number | undefined
  /** undefined when unbatched. */
  readonly batch: number | undefined
}

export function isLayer(module: ModuleName): module is 'RNN' {
  return module === 'RNN'
}

/** 2 when bidirectional, else 1. */
export function numDirections(config: { readonly bidirectional: boolean }): 1 | 2 {
  return config.bidirectional ? 2 : 1
}

/** The shapes that `input` may have, in words, and the axes of each by its rank. */
export function inputLayout(module: ModuleName, config: Config): { ranks: [number, number]; words: string } {
  if (!isLayer(module)) return { ranks: [1, 2], words: '(input_size) or (batch, input_size)' }
  const batched =
    'batch_first' in config && config.batch_first ? '(batch, seq_len, input_size)' : '(seq_len, batch, input_size)'
  return { ranks: [2, 3], words: `(seq_len, input_size) or ${batched}` }
}

/** Reads seq_len and batch off the shape of `input`, whose rank must be one of `inputLayout`'s. */
export function extentOf(module: ModuleName, config: Config, input: readonly number[]): Extent {
  if (!isLayer(module)) return { seq_len: undefined, batch: input.length === 2 ? input[0] : undefined }
  if (input.length === 2) return { seq_len: input[0], batch: undefined }
  const batchFirst = 'batch_first' in config && config.batch_first
  return batchFirst ? { seq_len: input[1], batch: input[0] } : { seq_len: input[0], batch: input[1] }
}

/** Suffix of the parameters of a layer and direction: `_l0`, `_l0_reverse`, `_l1`, … */
export function suffix(layer: number, direction: number): string {
  return `_l${layer}${direction === 1 ? '_reverse' : ''}`
}

/**
 * Every tensor of a module and its shape or axes.
 * Source: torch.nn.RNN and torch.nn.RNNCell, "Inputs", "Outputs", "Variables".
 */
export function signatureOf(module: ModuleName, config: Config, extent: Extent): Signature {
  return 'num_layers' in config ? layerSignature(config, extent) : cellSignature(config, extent)
}

function cellSignature(config: RNNCellConfig, { batch }: Extent): Signature {
  const { input_size, hidden_size } = config
  const rows = batch === undefined ? [] : [axis('batch', batch)]
  const state = [...rows, axis('unit', hidden_size)]
  return {
    params: weights('', input_size, hidden_size, config.bias),
    inputs: { input: [...sizes(rows), input_size], h_0: sizes(state) },
    expected: { h_1: state },
    states: {},
  }
}

function layerSignature(config: RNNConfig, { seq_len = 0, batch }: Extent): Signature {
  const { input_size, hidden_size, num_layers } = config
  const directions = numDirections(config)
  const params: Record<string, readonly number[]> = {}
  for (let layer = 0; layer < num_layers; layer++) {
    const width = layer === 0 ? input_size : directions * hidden_size
    for (let direction = 0; direction < directions; direction++) {
      Object.assign(params, weights(suffix(layer, direction), width, hidden_size, config.bias))
    }
  }
  const time = axis('seq_len', seq_len)
  const rows = batch === undefined ? [] : [axis('batch', batch)]
  const states = axis('state', num_layers * directions, directions)
  const unit = axis('unit', hidden_size)
  const outer = config.batch_first && batch !== undefined ? [...rows, time] : [time, ...rows]
  const state = [states, ...rows, unit]
  return {
    params,
    inputs: {
      input: [...sizes(outer), input_size],
      h_0: sizes(state),
      ...(batch === undefined ? {} : { lengths: [batch] }),
    },
    expected: { output: [...outer, axis('unit', directions * hidden_size, directions)], h_n: state },
    states: { h_t: [time, states, axis('batch', batch ?? 1), unit] },
  }
}

function weights(
  suffix: string,
  input_size: number,
  hidden_size: number,
  bias: boolean,
): Record<string, readonly number[]> {
  return {
    [`weight_ih${suffix}`]: [hidden_size, input_size],
    [`weight_hh${suffix}`]: [hidden_size, hidden_size],
    ...(bias ? { [`bias_ih${suffix}`]: [hidden_size], [`bias_hh${suffix}`]: [hidden_size] } : {}),
  }
}

function axis(name: Axis['name'], size: number, num_directions = 1): Axis {
  return { name, size, num_directions }
}

/** The shape of a tensor with these axes. */
export function sizes(axes: readonly Axis[]): number[] {
  return axes.map((axis) => axis.size)
}

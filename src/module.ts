import type { z } from 'zod'
import type { configSchemas } from './module/config.ts'

export type ModuleName = keyof typeof configSchemas
export type Config<M extends ModuleName = ModuleName> = z.infer<(typeof configSchemas)[M]>
export type LayerName = 'RNN' | 'LSTM' | 'GRU'
export type LayerConfig = Config<LayerName>

/** What makes a module an RNN, an LSTM or a GRU. */
export interface Kind {
  /** The blocks of hidden_size rows in weight_ih and weight_hh, by torch's letters. */
  readonly gates: readonly string[]
  /** Whether there is a c beside h. */
  readonly hasCellState: boolean
  readonly isLayer: boolean
}

const rnn = { gates: ['h'], hasCellState: false }
const lstm = { gates: ['i', 'f', 'g', 'o'], hasCellState: true }
const gru = { gates: ['r', 'z', 'n'], hasCellState: false }

export const kinds: Readonly<Record<ModuleName, Kind>> = {
  RNNCell: { ...rnn, isLayer: false },
  LSTMCell: { ...lstm, isLayer: false },
  GRUCell: { ...gru, isLayer: false },
  RNN: { ...rnn, isLayer: true },
  LSTM: { ...lstm, isLayer: true },
  GRU: { ...gru, isLayer: true },
}

/**
 * One axis of a tensor. `state` counts layers and directions as h_n does (layer 0 forward, layer 0 reverse, layer 1
 * forward, …); `unit` is the last axis, with the directions of a layer one after the other; `row` and `column` are those
 * of a parameter; `step` is a step of an optimizer; `source` a step of what an encoder has read.
 */
export interface Axis {
  readonly name: 'seq_len' | 'batch' | 'state' | 'unit' | 'row' | 'column' | 'step' | 'source'
  readonly size: number
  readonly num_directions: number
}

type Shapes = Readonly<Record<string, readonly number[]>>
type Axes = Readonly<Record<string, readonly Axis[]>>

/** What torch says the tensors of a module are, for one configuration and one input. */
export interface Signature {
  readonly params: Shapes
  /** Everything that may go into `forward`, and what training adds: `dropout_mask`, `target`. */
  readonly inputs: Shapes
  /** What `forward` gives. */
  readonly outputs: Axes
  /** The gradients of everything that went in, if it went in. */
  readonly gradients: Axes
  readonly states: Axes
}

export interface Extent {
  /** undefined for a cell. */
  readonly seq_len: number | undefined
  /** undefined when unbatched. */
  readonly batch: number | undefined
}

export function isLayer(module: ModuleName): module is LayerName {
  return kinds[module].isLayer
}

/** The same arguments where they are those of a layer. */
export function layerConfig(config: Config): LayerConfig | undefined {
  return 'num_layers' in config ? config : undefined
}

/** 2 when bidirectional, else 1. */
export function numDirections(config: { readonly bidirectional: boolean }): 1 | 2 {
  return config.bidirectional ? 2 : 1
}

/** How many units h has: proj_size of an LSTM that has one, else hidden_size. */
export function stateSize(config: Config): number {
  return 'proj_size' in config && config.proj_size > 0 ? config.proj_size : config.hidden_size
}

/** The shapes that `input` may have, in words, and the axes of each by its rank. */
export function inputLayout(module: ModuleName, config: Config): { ranks: [number, number]; words: string } {
  if (!isLayer(module)) return { ranks: [1, 2], words: '(input_size) or (batch, input_size)' }
  const batched =
    layerConfig(config)?.batch_first === true ? '(batch, seq_len, input_size)' : '(seq_len, batch, input_size)'
  return { ranks: [2, 3], words: `(seq_len, input_size) or ${batched}` }
}

/** Reads seq_len and batch off the shape of `input`, whose rank must be one of `inputLayout`'s. */
export function extentOf(module: ModuleName, config: Config, input: readonly number[]): Extent {
  if (!isLayer(module)) return { seq_len: undefined, batch: input.length === 2 ? input[0] : undefined }
  if (input.length === 2) return { seq_len: input[0], batch: undefined }
  const batchFirst = layerConfig(config)?.batch_first === true
  return batchFirst ? { seq_len: input[1], batch: input[0] } : { seq_len: input[0], batch: input[1] }
}

/** Suffix of the parameters of a layer and direction: `_l0`, `_l0_reverse`, `_l1`, … */
export function suffix(layer: number, direction: number): string {
  return `_l${layer}${direction === 1 ? '_reverse' : ''}`
}

/**
 * Every tensor of a module and its shape or axes.
 * Source: torch.nn.RNN, LSTM, GRU and their cells, "Inputs", "Outputs", "Variables".
 */
export function signatureOf(module: ModuleName, config: Config, extent: Extent): Signature {
  const layers = layerConfig(config)
  const shape = layers === undefined ? cellShape(config, extent) : layerShape(layers, extent)
  const { hasCellState } = kinds[module]
  const params = layers === undefined ? weights(module, config, '', config.input_size) : layerParams(module, layers)
  const { h, c } = layers === undefined ? { h: 'h_1', c: 'c_1' } : { h: 'h_n', c: 'c_n' }
  const outer = shape.outer ?? shape.rows
  const before: Axes = { h_0: shape.h, ...(hasCellState ? { c_0: shape.c } : {}) }
  const outputs: Axes = {
    ...(shape.output === undefined ? {} : { output: shape.output }),
    [h]: shape.h,
    ...(hasCellState ? { [c]: shape.c } : {}),
  }
  const input = [...outer, axis('unit', config.input_size)]
  return {
    params,
    inputs: {
      input: sizes(input),
      ...shapesOf(before),
      ...(shape.lengths === undefined ? {} : { lengths: shape.lengths }),
      ...(shape.dropout_mask === undefined ? {} : { dropout_mask: shape.dropout_mask }),
      target: sizes(shape.output ?? shape.h),
    },
    outputs,
    // Few cases ask for them.
    get gradients() {
      return {
        grad_input: input,
        ...prefixed('grad_', before),
        ...prefixed('grad_', parameterAxes(params)),
      }
    },
    states: shape.states === undefined ? {} : { h_t: shape.states.h, ...(hasCellState ? { c_t: shape.states.c } : {}) },
  }
}

interface Shape {
  readonly rows: readonly Axis[]
  readonly h: readonly Axis[]
  readonly c: readonly Axis[]
  /** The axes of `input` but the last one. */
  readonly outer?: readonly Axis[]
  readonly output?: readonly Axis[]
  readonly lengths?: readonly number[]
  readonly dropout_mask?: readonly number[]
  readonly states?: { readonly h: readonly Axis[]; readonly c: readonly Axis[] }
}

function cellShape(config: Config, { batch }: Extent): Shape {
  const rows = batch === undefined ? [] : [axis('batch', batch)]
  const state = [...rows, axis('unit', config.hidden_size)]
  return { rows, h: state, c: state }
}

function layerShape(config: LayerConfig, { seq_len = 0, batch }: Extent): Shape {
  const { hidden_size, num_layers } = config
  const D = numDirections(config)
  const time = axis('seq_len', seq_len)
  const rows = batch === undefined ? [] : [axis('batch', batch)]
  const everyRow = axis('batch', batch ?? 1)
  const states = axis('state', num_layers * D, D)
  const h = axis('unit', stateSize(config))
  const c = axis('unit', hidden_size)
  const outer = config.batch_first && batch !== undefined ? [...rows, time] : [time, ...rows]
  return {
    rows,
    outer,
    h: [states, ...rows, h],
    c: [states, ...rows, c],
    output: [...outer, axis('unit', D * h.size, D)],
    ...(batch === undefined ? {} : { lengths: [batch] }),
    ...(num_layers === 1 ? {} : { dropout_mask: [num_layers - 1, seq_len, everyRow.size, D * h.size] }),
    states: { h: [time, states, everyRow, h], c: [time, states, everyRow, c] },
  }
}

function layerParams(module: ModuleName, config: LayerConfig): Shapes {
  const D = numDirections(config)
  const params: Record<string, readonly number[]> = {}
  for (let layer = 0; layer < config.num_layers; layer++) {
    const width = layer === 0 ? config.input_size : D * stateSize(config)
    for (let direction = 0; direction < D; direction++) {
      Object.assign(params, weights(module, config, suffix(layer, direction), width))
    }
  }
  return params
}

function weights(module: ModuleName, config: Config, suffix: string, input_size: number): Shapes {
  const rows = kinds[module].gates.length * config.hidden_size
  const state = stateSize(config)
  return {
    [`weight_ih${suffix}`]: [rows, input_size],
    [`weight_hh${suffix}`]: [rows, state],
    ...(config.bias ? { [`bias_ih${suffix}`]: [rows], [`bias_hh${suffix}`]: [rows] } : {}),
    ...('proj_size' in config && config.proj_size > 0 ? { [`weight_hr${suffix}`]: [state, config.hidden_size] } : {}),
  }
}

/** The axes of parameters, or of their gradients. */
export function parameterAxes(params: Shapes): Axes {
  return Object.fromEntries(
    Object.entries(params).map(([name, [rows = 0, columns]]) => [
      name,
      [axis('row', rows), ...(columns === undefined ? [] : [axis('column', columns)])],
    ]),
  )
}

export function axis(name: Axis['name'], size: number, num_directions = 1): Axis {
  return { name, size, num_directions }
}

function prefixed(prefix: string, axes: Axes): Axes {
  return Object.fromEntries(Object.entries(axes).map(([name, of]) => [prefix + name, of]))
}

/** The shape of a tensor with these axes. */
export function sizes(axes: readonly Axis[]): number[] {
  return axes.map((axis) => axis.size)
}

export function shapesOf(axes: Axes): Record<string, number[]> {
  return Object.fromEntries(Object.entries(axes).map(([name, of]) => [name, sizes(of)]))
}

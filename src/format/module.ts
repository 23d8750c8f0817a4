import type * as z from 'zod'
import type { configSchemas } from './module/config.ts'

export type ModuleName = keyof typeof configSchemas
export type Config<M extends ModuleName = ModuleName> = z.infer<(typeof configSchemas)[M]>
export type LayerName = 'RNN' | 'LSTM' | 'GRU'
export type LayerConfig = Config<LayerName>

/** What makes a module an RNN, an LSTM or a GRU. */
interface Kind {
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
  readonly name: 'seq_len' | 'batch' | 'state' | 'unit' | 'row' | 'column' | 'step' | 'source' | 'dim'
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

const suffixes: string[] = []

/** Suffix of the parameters of a layer and direction: `_l0`, `_l0_reverse`, `_l1`, … */
export function suffix(layer: number, direction: number): string {
  return (suffixes[2 * layer + direction] ??= `_l${layer}${direction === 1 ? '_reverse' : ''}`)
}

/** The last signatures that were asked for: those of a case and its parts are asked for again and again. */
const last: {
  readonly config: Config
  readonly module: ModuleName
  readonly extent: Extent
  readonly signature: Signature
}[] = []
const kept = 4

/**
 * Every tensor of a module and its shape or axes. What a signature gives is shared, and never written to.
 * Source: torch.nn.RNN, LSTM, GRU and their cells, "Inputs", "Outputs", "Variables".
 */
export function signatureOf(module: ModuleName, config: Config, extent: Extent): Signature {
  for (const one of last) {
    const { seq_len, batch } = one.extent
    if (one.config === config && one.module === module && seq_len === extent.seq_len && batch === extent.batch) {
      return one.signature
    }
  }
  const signature = newSignature(module, config, extent)
  last.unshift({ config, module, extent, signature })
  if (last.length > kept) last.pop()
  return signature
}

/** What few ask for is made when it is asked for. */
function newSignature(module: ModuleName, config: Config, extent: Extent): Signature {
  const layers = layerConfig(config)
  const shape = layers === undefined ? cellShape(config, extent) : layerShape(layers, extent)
  const { hasCellState } = kinds[module]
  const before = (): Axes => (hasCellState ? { h_0: shape.h, c_0: shape.c } : { h_0: shape.h })
  const input = (): readonly Axis[] => [...(shape.outer ?? shape.rows), axis('unit', config.input_size)]
  let params: Shapes | undefined
  const paramsOf = (): Shapes =>
    (params ??= layers === undefined ? weights(module, config, '', config.input_size) : layerParams(module, layers))
  return {
    get params() {
      return paramsOf()
    },
    get inputs() {
      return {
        input: sizes(input()),
        ...shapesOf(before()),
        ...(shape.lengths === undefined ? {} : { lengths: shape.lengths }),
        ...(shape.dropout_mask === undefined ? {} : { dropout_mask: shape.dropout_mask }),
        target: sizes(shape.output ?? shape.h),
      }
    },
    outputs: outputsOf(shape, layers !== undefined, hasCellState),
    get gradients() {
      return {
        grad_input: input(),
        ...prefixed('grad_', before()),
        ...prefixed('grad_', parameterAxes(paramsOf())),
      }
    },
    get states() {
      if (layers === undefined) return {}
      const { h, c } = statesOf(layers, extent)
      return hasCellState ? { h_t: h, c_t: c } : { h_t: h }
    },
  }
}

function outputsOf({ h, c, output }: Shape, isLayer: boolean, hasCellState: boolean): Axes {
  if (!isLayer || output === undefined) return hasCellState ? { h_1: h, c_1: c } : { h_1: h }
  return hasCellState ? { output, h_n: h, c_n: c } : { output, h_n: h }
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
    ...(num_layers === 1 ? {} : { dropout_mask: [num_layers - 1, seq_len, batch ?? 1, D * h.size] }),
  }
}

/** Of every layer and direction after every step. */
function statesOf(
  config: LayerConfig,
  { seq_len = 0, batch = 1 }: Extent,
): { readonly h: readonly Axis[]; readonly c: readonly Axis[] } {
  const D = numDirections(config)
  const outer = [axis('seq_len', seq_len), axis('state', config.num_layers * D, D), axis('batch', batch)]
  return { h: [...outer, axis('unit', stateSize(config))], c: [...outer, axis('unit', config.hidden_size)] }
}

function layerParams(module: ModuleName, config: LayerConfig): Shapes {
  const D = numDirections(config)
  const params: Record<string, readonly number[]> = {}
  for (let layer = 0; layer < config.num_layers; layer++) {
    const width = layer === 0 ? config.input_size : D * stateSize(config)
    for (let direction = 0; direction < D; direction++) {
      addWeights(params, module, config, suffix(layer, direction), width)
    }
  }
  return params
}

function weights(module: ModuleName, config: Config, suffix: string, input_size: number): Shapes {
  const params: Record<string, readonly number[]> = {}
  addWeights(params, module, config, suffix, input_size)
  return params
}

function addWeights(
  params: Record<string, readonly number[]>,
  module: ModuleName,
  config: Config,
  suffix: string,
  input_size: number,
): void {
  const rows = kinds[module].gates.length * config.hidden_size
  const state = stateSize(config)
  const [weight_ih, weight_hh, bias_ih, bias_hh, weight_hr] = namesOf(suffix)
  params[weight_ih] = [rows, input_size]
  params[weight_hh] = [rows, state]
  if (config.bias) {
    params[bias_ih] = [rows]
    params[bias_hh] = [rows]
  }
  if ('proj_size' in config && config.proj_size > 0) params[weight_hr] = [state, config.hidden_size]
}

type ParameterNames = readonly [string, string, string, string, string]
const namesBySuffix = new Map<string, ParameterNames>()

/** The names of the parameters of a layer and direction: one that is put together anew is slow to look up. */
function namesOf(suffix: string): ParameterNames {
  const known = namesBySuffix.get(suffix)
  if (known !== undefined) return known
  const names = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'].map((name) => name + suffix)
  namesBySuffix.set(suffix, names as unknown as ParameterNames)
  return namesOf(suffix)
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
  const shapes: Record<string, number[]> = {}
  for (const name of Object.keys(axes)) shapes[name] = sizes(axes[name]!)
  return shapes
}

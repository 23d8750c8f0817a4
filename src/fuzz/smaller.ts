import { isLayer } from '../module.ts'
import type { RecordSpec } from '../oracle.ts'
import { fuzzedModules } from './spec.ts'

type Options = NonNullable<RecordSpec['options']>

/** Specifications that are simpler by one thing, the greatest step first: fewer options, then smaller sizes, simpler numbers. */
export function* smaller(spec: RecordSpec): Generator<RecordSpec> {
  yield* simplerModules(spec)
  const { gradients, training, masked, lengths, options = {}, seq_len = 1, batch = 4, dtype, profile, state } = spec
  if (training) {
    yield without(spec, 'training')
    const { optimizer, steps } = training
    for (const name of Object.keys(training)) {
      if (name !== 'optimizer' && name !== 'steps') yield { ...spec, training: omit(training, name) }
    }
    if (optimizer === 'Adam') yield { ...spec, training: { ...training, optimizer: 'SGD' } }
    for (const fewer of below(Number(steps))) yield { ...spec, training: { ...training, steps: fewer } }
  }
  if (gradients === true) yield without(spec, 'gradients')
  if (masked === true) yield withOptions(without(spec, 'masked'), omit(options, 'dropout'))
  for (const name of ['bidirectional', 'batch_first', 'proj_size', 'nonlinearity', 'bias'] as const) {
    if (options[name] !== undefined) yield withOptions(spec, omit(options, name))
  }
  for (const num_layers of below(options.num_layers ?? 1)) yield withLayers(spec, num_layers)
  if (lengths) {
    yield without(spec, 'lengths')
    for (const [row, length] of lengths.entries()) {
      if (length < seq_len) yield { ...spec, lengths: lengths.with(row, seq_len) }
    }
  }
  if (dtype !== undefined && dtype !== 'float32') yield without(spec, 'dtype')
  if (profile !== undefined && profile !== 'default') yield without(spec, 'profile')
  if (state === false) yield without(spec, 'state')
  if (batch === null) yield { ...spec, batch: 1 }
  for (const fewer of below(batch ?? 1))
    yield { ...spec, batch: fewer, ...(lengths && { lengths: lengths.slice(0, fewer) }) }
  if (isLayer(spec.module)) {
    for (const fewer of below(seq_len)) {
      yield { ...spec, seq_len: fewer, ...(lengths && { lengths: lengths.map((length) => Math.min(length, fewer)) }) }
    }
  }
  for (const fewer of below(spec.hidden_size)) {
    const { proj_size = 0 } = options
    if (proj_size === 0) yield { ...spec, hidden_size: fewer }
    else if (fewer > 1)
      yield { ...spec, hidden_size: fewer, options: { ...options, proj_size: Math.min(proj_size, fewer - 1) } }
  }
  for (const fewer of below(options.proj_size ?? 1)) yield { ...spec, options: { ...options, proj_size: fewer } }
  for (const fewer of below(spec.input_size)) yield { ...spec, input_size: fewer }
}

/** The cell of a layer, then the modules that are drawn before this one. */
function* simplerModules(spec: RecordSpec): Generator<RecordSpec> {
  const { module, options = {} } = spec
  if (isLayer(module)) {
    const { nonlinearity, bias } = options
    const { seq_len: _, lengths: __, masked: ___, ...rest } = spec
    const own = { ...(nonlinearity !== undefined && { nonlinearity }), ...(bias !== undefined && { bias }) }
    yield withOptions({ ...rest, module: `${module}Cell` }, own)
  }
  for (const simpler of fuzzedModules.slice(0, fuzzedModules.indexOf(module))) {
    if (isLayer(simpler) !== isLayer(module)) continue
    yield withOptions({ ...spec, module: simpler }, omit(omit(options, 'proj_size'), 'nonlinearity'))
  }
}

/** 1, 2, half, one less. */
function below(size: number): number[] {
  return [...new Set([1, 2, size >> 1, size - 1])]
    .filter((fewer) => fewer > 0 && fewer < size)
    .toSorted((x, y) => x - y)
}

function omit<T extends object, K extends keyof T>(from: T, name: K): Omit<T, K> {
  const { [name]: _, ...rest } = from
  return rest
}

function without(spec: RecordSpec, name: keyof RecordSpec): RecordSpec {
  const { [name]: _, ...rest } = spec
  return rest as RecordSpec
}

function withOptions(spec: RecordSpec, options: Options): RecordSpec {
  return Object.keys(options).length === 0 ? without(spec, 'options') : { ...spec, options }
}

/** A single layer has no dropout after it. */
function withLayers(spec: RecordSpec, num_layers: number): RecordSpec {
  const { options = {}, masked } = spec
  if (num_layers > 1) return { ...spec, options: { ...options, num_layers } }
  const single = omit(omit(options, 'num_layers'), 'dropout')
  return withOptions(masked === true ? without(spec, 'masked') : spec, single)
}

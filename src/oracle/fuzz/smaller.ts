import { isLayer } from '../../format/module.ts'
import type { RecordSpec, RecurrentSpec } from '../../oracle.ts'
import { below, omit } from './draw.ts'
import { isModelSpec, smallerModels } from './models.ts'
import { fuzzedLayers } from './spec.ts'

type Options = NonNullable<RecurrentSpec['options']>

/** Specifications that are simpler by one thing, the greatest step first: fewer options, then smaller sizes, simpler numbers. */
export function* smaller(spec: RecordSpec): Generator<RecordSpec> {
  yield* isModelSpec(spec) ? smallerModels(spec) : smallerLayers(spec)
}

function* smallerLayers(spec: RecurrentSpec): Generator<RecurrentSpec> {
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
  if (lengths) yield without(spec, 'lengths')
  if (dtype !== undefined && dtype !== 'float32') yield without(spec, 'dtype')
  if (profile !== undefined && profile !== 'default') yield without(spec, 'profile')
  if (state === false) yield without(spec, 'state')
  if (batch === null) yield { ...spec, batch: 1 }
  for (const fewer of below(batch ?? 1))
    yield { ...spec, batch: fewer, ...(lengths && { lengths: lengths.slice(0, fewer) }) }
  // Fewer rows before longer ones: there may be hundreds.
  for (const [row, length] of (lengths ?? []).entries()) {
    if (length < seq_len) yield { ...spec, lengths: lengths!.with(row, seq_len) }
  }
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
function* simplerModules(spec: RecurrentSpec): Generator<RecurrentSpec> {
  const { module, options = {} } = spec
  if (isLayer(module)) {
    const { nonlinearity, bias } = options
    const { seq_len: _, lengths: __, masked: ___, ...rest } = spec
    const own = { ...(nonlinearity !== undefined && { nonlinearity }), ...(bias !== undefined && { bias }) }
    yield withOptions({ ...rest, module: `${module}Cell` }, own)
  }
  for (const simpler of fuzzedLayers.slice(0, fuzzedLayers.indexOf(module))) {
    if (isLayer(simpler) !== isLayer(module)) continue
    yield withOptions({ ...spec, module: simpler }, omit(omit(options, 'proj_size'), 'nonlinearity'))
  }
}

function without(spec: RecurrentSpec, name: keyof RecurrentSpec): RecurrentSpec {
  const { [name]: _, ...rest } = spec
  return rest as RecurrentSpec
}

function withOptions(spec: RecurrentSpec, options: Options): RecurrentSpec {
  return Object.keys(options).length === 0 ? without(spec, 'options') : { ...spec, options }
}

/** A single layer has no dropout after it. */
function withLayers(spec: RecurrentSpec, num_layers: number): RecurrentSpec {
  const { options = {}, masked } = spec
  if (num_layers > 1) return { ...spec, options: { ...options, num_layers } }
  const single = omit(omit(options, 'num_layers'), 'dropout')
  return withOptions(masked === true ? without(spec, 'masked') : spec, single)
}

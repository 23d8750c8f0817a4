// Requests of the specifications that a search draws, without Python: the numbers are of the kinds that python/torch_parity/cases.py has.
import { isModelRequest, type Outputs, type Request, expectedAxes } from '../format/case.ts'
import { unitsOf } from '../format/generated.ts'
import { isModelSpec } from '../oracle/fuzz/models.ts'
import { type ModelConfig, modelSignature } from '../format/model.ts'
import { type Config, kinds, shapesOf, signatureOf } from '../format/module.ts'
import type { ModelSpec, RecordSpec, RecurrentSpec } from '../oracle.ts'
import { elementCount, type FloatDType, type FloatTensor, floatTensor, type Tensor } from '../format/tensor.ts'

type Shape = readonly number[]
type Units = () => number

export function requestOfSpec(spec: RecordSpec): Request {
  const request = isModelSpec(spec) ? modelRequest(spec) : recurrentRequest(spec)
  return spec.gradients === true ? { ...request, cotangents: cotangentsOf(request) } : request
}

function streamOf({ seed, id }: RecordSpec, name: string): Units {
  return unitsOf(`${seed}/drawn/${id}/${name}`)
}

function normal(units: Units, shape: Shape): number[] {
  return Array.from({ length: elementCount(shape) }, () => 2 * (units() + units() + units()) - 3)
}

function cotangentsOf(request: Request): Outputs {
  const all = Object.entries(shapesOf(expectedAxes(request)))
  const asked = isModelRequest(request) ? all.filter(([name]) => name === 'loss') : all
  const units = unitsOf(`cotangents of ${all.map(([name, shape]) => `${name} ${shape.join()}`).join()}`)
  return Object.fromEntries(
    asked.map(([name, shape]) => [name, floatTensor(request.dtype, shape, normal(units, shape))]),
  )
}

/** Much larger than torch's default, or smaller: weight_ih and biases, then weight_hh. */
const scales: Readonly<Record<string, readonly [number, number]>> = {
  large: [4, 2],
  chaotic: [1, 5],
  saturated: [40, 3],
  tiny: [2 ** -20, 1],
  subnormal: [1, 0.5],
}

function parameter(spec: RecurrentSpec, name: string, shape: Shape): number[] {
  const { profile = 'default', hidden_size, module } = spec
  const units = streamOf(spec, name)
  const gated = profile === 'chaotic' && !module.startsWith('RNN') ? ([1, 12] as const) : undefined
  const [other, recurrent] = gated ?? scales[profile] ?? [1, 1]
  // torch takes 1 / √hidden_size; of sums that are much longer every tanh would be ±1, whatever is wrong in them.
  const bound =
    (1 / Math.sqrt(Math.max(hidden_size, 1, (shape[1] ?? 1) / 16))) * (/^weight_h[hr]/.test(name) ? recurrent : other)
  return Array.from({ length: elementCount(shape) }, () => {
    const value = (2 * units() - 1) * bound
    if (profile === 'positive') return Math.abs(value)
    if (profile === 'subnormal' && name.startsWith('bias')) return value * 2 ** -135
    if (profile === 'sparse') return units() < 0.6 ? 0 : value
    return profile === 'negative_zero' && name.startsWith('bias') ? -0 : value
  })
}

/** place: of each number of an input whether its row has ended, whether it is in the last step of the shortest one. */
function fill(
  spec: RecurrentSpec,
  name: string,
  shape: Shape,
  place: (i: number) => 'ended' | 'last' | undefined,
): number[] {
  const { profile = 'default' } = spec
  const units = streamOf(spec, name)
  const middle = Math.floor(elementCount(shape) / 2)
  const singles: Readonly<Record<string, number>> = {
    nan: Number.NaN,
    infinite: Infinity,
    negative_infinite: -Infinity,
  }
  return normal(units, shape).map((value, i) => {
    const chosen = units()
    if (profile === 'nan_state' && name !== 'input' && i === middle) return Number.NaN
    if (name === 'input') {
      if (profile in singles && i === middle) return singles[profile]!
      if (profile === 'nan_padding' && place(i) === 'ended') return Number.NaN
      if (profile === 'infinite_padding' && place(i) === 'ended') return chosen < 0.5 ? -Infinity : Infinity
      if (profile === 'infinite_last' && place(i) === 'last') return Infinity
    }
    if (profile === 'positive') return Math.abs(value)
    if (profile === 'huge') return value * (chosen < 0.3 ? 1e30 : chosen < 0.6 ? 1e5 : 1)
    if (profile === 'tiny') return value * 2 ** -20
    if (profile === 'subnormal') return value * 2 ** -135
    if (profile === 'sparse') return chosen < 0.7 ? 0 : value
    return profile === 'negative_zero' && chosen < 0.5 ? -0 : value
  })
}

/** What torch takes for what a training does not say, but for `lr`, with which numbers move. */
const trainings = {
  SGD: { lr: 0.5, weight_decay: 0, momentum: 0, dampening: 0, nesterov: false, steps: 20 },
  Adam: { lr: 0.02, weight_decay: 0, betas: [0.9, 0.999], eps: 1e-8, steps: 20 },
} as const

function recurrentRequest(spec: RecurrentSpec): Request {
  const {
    module,
    input_size,
    hidden_size,
    seq_len = 1,
    batch: given = 4,
    options,
    lengths,
    training,
    state = true,
  } = spec
  const { isLayer, hasCellState } = kinds[module]
  const batch = given ?? undefined
  const dtype: FloatDType = spec.dtype ?? 'float32'
  const { nonlinearity, bias = true, proj_size = 0, ...others } = options ?? {}
  const layer = { num_layers: 1, batch_first: false, dropout: 0, bidirectional: false, ...others }
  const config = {
    input_size,
    hidden_size,
    bias,
    ...(module.startsWith('RNN') && { nonlinearity: nonlinearity ?? 'tanh' }),
    ...(isLayer && layer),
    ...(module === 'LSTM' && { proj_size }),
  } as Config
  const signature = signatureOf(module, config, { seq_len: isLayer ? seq_len : undefined, batch })
  const rows = batch ?? 1
  const own = lengths ?? Array.from({ length: rows }, () => seq_len)
  const shortest = own.indexOf(Math.min(...own))
  const place = (i: number): 'ended' | 'last' | undefined => {
    const at = Math.floor(i / input_size)
    const [t, row] =
      layer.batch_first && batch !== undefined
        ? [at % seq_len, Math.floor(at / seq_len)]
        : [Math.floor(at / rows), at % rows]
    if (t >= own[row]!) return 'ended'
    return row === shortest && t === own[row]! - 1 && i % input_size === 0 ? 'last' : undefined
  }
  const tensor = (shape: Shape, values: readonly number[]): FloatTensor => floatTensor(dtype, shape, values)
  const params = Object.entries(signature.params).map(([name, shape]) => [
    name,
    tensor(shape, parameter(spec, name, shape)),
  ])
  const names = ['input', ...(state ? ['h_0', ...(hasCellState ? ['c_0'] : [])] : [])]
  const inputs: Record<string, Tensor> = {}
  for (const name of names) {
    const shape = signature.inputs[name]!
    inputs[name] = tensor(shape, fill(spec, name, shape, place))
  }
  if (lengths) inputs['lengths'] = { dtype: 'int64', shape: [rows], data: BigInt64Array.from(lengths, BigInt) }
  const drawn = (name: string, of: (unit: number) => number): void => {
    const shape = signature.inputs[name]!
    const units = streamOf(spec, name)
    inputs[name] = tensor(
      shape,
      Array.from({ length: elementCount(shape) }, () => of(units())),
    )
  }
  if (spec.masked) drawn('dropout_mask', (unit) => (unit >= (options?.dropout ?? 0) ? 1 : 0))
  if (training) drawn('target', (unit) => 0.9 * (2 * unit - 1))
  // The specification has the arguments of the module; TypeScript cannot follow that.
  return {
    module,
    config,
    dtype,
    params: Object.fromEntries(params),
    inputs,
    ...(training && { training: { ...trainings[training['optimizer'] as 'SGD' | 'Adam'], ...training } }),
  } as unknown as Request
}

function modelRequest(spec: ModelSpec): Request {
  const { module, seq_len = 6, batch = 3, lengths, target_len, dtype = 'float32', logits = 1 } = spec
  const config = spec.config as unknown as ModelConfig
  const {
    params: shapes,
    floats,
    symbols,
  } = modelSignature(module, config, { seq_len, batch, target_len: target_len ?? undefined })
  const params = Object.entries(shapes).map(([name, shape]) => {
    const units = streamOf(spec, name)
    const scale = name.startsWith('linear.') ? logits : name.includes('weight') ? 2 : 1
    const bound = scale / Math.sqrt(config.hidden_size)
    const values = name.includes('embedding')
      ? normal(units, shape)
      : Array.from({ length: elementCount(shape) }, () => (2 * units() - 1) * bound)
    return [name, floatTensor(dtype, shape, values)]
  })
  const inputs: Record<string, Tensor> = {}
  for (const [name, shape] of Object.entries(floats)) {
    inputs[name] = floatTensor(dtype, shape, normal(streamOf(spec, name), shape))
  }
  for (const [name, { shape, count }] of Object.entries(symbols)) {
    if (name === 'target' && target_len === undefined) continue
    const units = streamOf(spec, name)
    const drawn = BigInt64Array.from({ length: elementCount(shape) }, () => BigInt(Math.floor(units() * count)))
    inputs[name] = { dtype: 'int64', shape, data: drawn }
  }
  if (lengths) inputs['lengths'] = { dtype: 'int64', shape: [batch], data: BigInt64Array.from(lengths, BigInt) }
  return { module, config, dtype, params: Object.fromEntries(params), inputs } as Request
}

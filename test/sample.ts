// Whole although it is long: what every test is made of.
import { encode } from '@msgpack/msgpack'
import { createHash } from 'node:crypto'
import type { Case, Inputs, Outputs, RecurrentRequest, Training } from '../src/format/case.ts'
import type { Source } from '../src/format/messages.ts'
import type { LayerName, ModuleName } from '../src/format/module.ts'
import { elementCount, type FloatDType, type FloatTensor, floatTensor, type Tensor } from '../src/format/tensor.ts'
import { requestOf } from '../src/verify.ts'
import { differences } from './differences.ts'
import { naive, type Question } from './naive.ts'
import { trajectory } from './optimizers.ts'
import { type Random, random } from './random.ts'

/** A case of a layer or a cell. */
export type RecurrentCase = Case & RecurrentRequest

/** What an engine is asked of it. */
export function questionOf(recorded: RecurrentCase): RecurrentRequest {
  return requestOf(recorded) as RecurrentRequest
}

/** What differs between the cases of the tests; what PyTorch would give is taken from the naive implementation. */
interface Options {
  readonly id: string
  readonly dtype: FloatDType
  readonly input_size: number
  readonly hidden_size: number
  readonly bias: boolean
  /** Of an RNN. */
  readonly nonlinearity: 'tanh' | 'relu'
  /** undefined for an unbatched input. */
  readonly batch: number | undefined
  /** Whether there is an h_0, and the c_0 of an LSTM. */
  readonly h_0: boolean
  /** Whether there are cotangents, and so gradients. */
  readonly cotangents: boolean
  readonly training: Training | undefined
}

export interface LayerOptions extends Options {
  readonly module: LayerName
  readonly num_layers: number
  readonly batch_first: boolean
  readonly dropout: number
  readonly bidirectional: boolean
  /** Of an LSTM. */
  readonly proj_size: number
  readonly seq_len: number
  readonly lengths: readonly number[] | undefined
  /** Whether dropout is that of training mode, with a mask. */
  readonly dropout_mask: boolean
  /** How many steps the budget lets a free run decide; undefined for all of them, and then no states. */
  readonly decided: number | undefined
}

export interface CellOptions extends Options {
  readonly module: Exclude<ModuleName, LayerName>
}

export const layerNames = ['RNN', 'LSTM', 'GRU'] as const
export const cellNames = ['RNNCell', 'LSTMCell', 'GRUCell'] as const

const defaults: Omit<Options, 'id'> = {
  dtype: 'float32',
  input_size: 2,
  hidden_size: 3,
  bias: true,
  nonlinearity: 'tanh',
  batch: 2,
  h_0: true,
  cotangents: false,
  training: undefined,
}

/** An SGD that takes 3 steps, for cases of training. */
export const sgd: Training = {
  optimizer: 'SGD',
  lr: 0.1,
  weight_decay: 0.01,
  steps: 3,
  momentum: 0.9,
  dampening: 0.1,
  nesterov: false,
}

/** An error that no right implementation makes, relative to the largest value. */
const rounding: Readonly<Record<FloatDType, number>> = { float16: 1e-3, bfloat16: 1e-2, float32: 1e-6, float64: 1e-14 }

const blocks = { RNN: 1, LSTM: 4, GRU: 3, RNNCell: 1, LSTMCell: 4, GRUCell: 3 } as const

/** A case of an RNN with 2 inputs, 3 units, 4 steps and 2 rows, but for what `options` says. */
export function layerCase(options: Partial<LayerOptions> = {}, seed = 1): RecurrentCase {
  const drawn: LayerOptions = {
    ...defaults,
    id: 'layer',
    module: 'RNN',
    num_layers: 1,
    batch_first: false,
    dropout: 0,
    bidirectional: false,
    proj_size: 0,
    seq_len: 4,
    lengths: undefined,
    dropout_mask: false,
    decided: undefined,
    ...options,
  }
  const { id, module, dtype, seq_len, batch, lengths, decided, input_size, hidden_size, num_layers } = drawn
  const { bias, batch_first, dropout, bidirectional, nonlinearity, proj_size } = drawn
  const config = {
    input_size,
    hidden_size,
    num_layers,
    ...(module === 'RNN' ? { nonlinearity } : {}),
    bias,
    batch_first,
    dropout,
    bidirectional,
    ...(module === 'LSTM' ? { proj_size } : {}),
  }
  const numbers = random(seed)
  const D = bidirectional ? 2 : 1
  const states = num_layers * D
  const units = module === 'LSTM' && proj_size > 0 ? proj_size : hidden_size
  const params: Record<string, FloatTensor> = {}
  for (let layer = 0; layer < num_layers; layer++) {
    for (let direction = 0; direction < D; direction++) {
      const suffix = `_l${layer}${direction === 1 ? '_reverse' : ''}`
      Object.assign(params, parameters(numbers, drawn, suffix, layer === 0 ? input_size : D * units, units))
    }
  }
  const rows = batch === undefined ? [] : [batch]
  const outer = batch_first ? [...rows, seq_len] : [seq_len, ...rows]
  const shapes = {
    output: [...outer, D * units],
    h_n: [states, ...rows, units],
    ...(module === 'LSTM' ? { c_n: [states, ...rows, hidden_size] } : {}),
  }
  const inputs: Inputs = {
    input: around(numbers, dtype, [...outer, input_size], 1),
    ...initial(numbers, drawn, shapes.h_n, shapes.c_n),
    ...(lengths === undefined ? {} : { lengths: int64Tensor(lengths) }),
    ...(drawn.dropout_mask
      ? { dropout_mask: mask(numbers, dtype, [num_layers - 1, seq_len, batch ?? 1, D * units]) }
      : {}),
  }
  const question = { module, config, params, inputs }
  const values = naive(question)
  const largest = Math.max(1, ...values['output']!.map((value) => Math.abs(value)))
  const unit = rounding[dtype] * largest
  const time = Array.from({ length: seq_len }, (_, t) => (decided === undefined || t < decided ? unit : largest / 4))
  const timeShape = batch === undefined ? [seq_len, 1] : batch_first ? [1, seq_len, 1] : [seq_len, 1, 1]
  const stateUnits = Array.from({ length: states }, () => unit)
  const last = budgetTensor(
    [states, ...rows.map(() => 1), 1],
    stateUnits.map((own) => (decided === undefined ? own : largest / 4)),
  )
  const single = budgetTensor([states, 1, 1], stateUnits)
  const stateShapes = {
    h_t: [seq_len, states, batch ?? 1, units],
    ...(module === 'LSTM' ? { c_t: [seq_len, states, batch ?? 1, hidden_size] } : {}),
  }
  const hasC = module === 'LSTM'
  return completed(
    numbers,
    drawn,
    question,
    {
      expected: tensorsOf(dtype, shapes, values),
      budget: { output: budgetTensor(timeShape, time), h_n: last, ...(hasC && { c_n: last }) },
    },
    decided === undefined
      ? {}
      : { states: tensorsOf(dtype, stateShapes, values), budget: { h_t: single, ...(hasC && { c_t: single }) } },
    id,
  )
}

/** A case of an RNNCell with 2 inputs, 3 units and 2 rows, but for what `options` says. */
export function cellCase(options: Partial<CellOptions> = {}, seed = 1): RecurrentCase {
  const drawn: CellOptions = { ...defaults, id: 'cell', module: 'RNNCell', ...options }
  const { id, module, dtype, batch, input_size, hidden_size, bias, nonlinearity } = drawn
  const config = { input_size, hidden_size, bias, ...(module === 'RNNCell' ? { nonlinearity } : {}) }
  const numbers = random(seed)
  const rows = batch === undefined ? [] : [batch]
  const params = parameters(numbers, drawn, '', input_size, hidden_size)
  const state = [...rows, hidden_size]
  const hasC = module === 'LSTMCell'
  const shapes = { h_1: state, ...(hasC ? { c_1: state } : {}) }
  const inputs: Inputs = {
    input: around(numbers, dtype, [...rows, input_size], 1),
    ...initial(numbers, drawn, state, shapes.c_1),
  }
  const question = { module, config, params, inputs }
  const own = budgetTensor([1], [rounding[dtype]])
  return completed(
    numbers,
    drawn,
    question,
    { expected: tensorsOf(dtype, shapes, naive(question)), budget: { h_1: own, ...(hasC && { c_1: own }) } },
    {},
    id,
  )
}

/** A layer of any kind: up to 3 layers, 9 inputs, 9 units, 7 steps and 5 rows, ties among the lengths included. */
export function anyLayer(seed: number, options: Partial<LayerOptions> = {}): RecurrentCase {
  const numbers = random(seed)
  const coin = (): boolean => numbers.next() < 0.5
  const seq_len = numbers.int(1, 7)
  const batch = numbers.next() < 0.25 ? undefined : numbers.int(1, 5)
  const lengths =
    batch === undefined || coin() ? undefined : Array.from({ length: batch }, () => numbers.int(1, seq_len))
  const drawn: Partial<LayerOptions> = {
    id: `seed ${seed}`,
    input_size: numbers.int(1, 9),
    hidden_size: numbers.int(1, 9),
    num_layers: numbers.int(1, 3),
    nonlinearity: numbers.pick(['tanh', 'relu']),
    bias: coin(),
    batch_first: coin(),
    bidirectional: coin(),
    h_0: coin(),
    seq_len,
    batch,
    lengths,
  }
  const { hidden_size = 1 } = { ...drawn, ...options }
  const proj_size = coin() ? numbers.int(0, hidden_size - 1) : 0
  return layerCase({ ...drawn, proj_size, ...options }, seed)
}

/** A cell of any kind, of sizes 0 to 9. */
export function anyCell(seed: number, options: Partial<CellOptions> = {}): RecurrentCase {
  const numbers = random(seed)
  const size = (): number => numbers.int(0, 9)
  const coin = (): boolean => numbers.next() < 0.5
  const batch = coin() ? size() : undefined
  const nonlinearity = numbers.pick<'tanh' | 'relu'>(['tanh', 'relu'])
  const sizes = { input_size: size(), hidden_size: size(), batch }
  return cellCase({ id: `seed ${seed}`, ...sizes, bias: coin(), h_0: coin(), nonlinearity, ...options }, seed)
}

/** What a case expects beside what is always there. */
interface Answer {
  readonly expected?: Outputs
  readonly states?: Outputs
  readonly budget?: Case['budget']
}

/** Adds cotangents and gradients, or a target and a training, by central differences of the naive implementation. */
function completed(
  numbers: Random,
  { dtype, cotangents, training }: Options,
  question: Question,
  answer: Required<Pick<Answer, 'expected' | 'budget'>>,
  states: Answer,
  id: string,
): RecurrentCase {
  const expected: Record<string, FloatTensor> = { ...answer.expected }
  const budget: Record<string, Tensor<'float64'>> = { ...answer.budget, ...states.budget }
  const given: { cotangents?: Outputs; training?: Training } = {}
  const { inputs, params } = question
  let allInputs = inputs
  // What differences leave undecided, and roundings.
  const slack = Math.max(1e-7, 10 * rounding[dtype])
  if (cotangents) {
    given.cotangents = Object.fromEntries(
      Object.entries(answer.expected).map(([name, { shape }]) => [name, around(numbers, dtype, [...shape], 1)]),
    )
    for (const [name, gradient] of Object.entries(naiveGradients(question, given.cotangents))) {
      const { shape } = name in params ? params[name]! : inputs[name as 'input' | 'h_0' | 'c_0']!
      expected[`grad_${name}`] = floatTensor(dtype, shape, gradient)
      budget[`grad_${name}`] = budgetTensor([1], [slack * Math.max(1, ...gradient.map((value) => Math.abs(value)))])
    }
  }
  if (training !== undefined) {
    const { shape } = Object.values(answer.expected)[0]!
    const target = around(numbers, dtype, [...shape], 1)
    allInputs = { ...inputs, target }
    given.training = training
    for (const name of Object.keys(expected)) {
      delete expected[name]
      delete budget[name]
    }
    const values = naiveTraining(question, target, training)
    for (const [name, numbersOf] of Object.entries(values)) {
      const shape = name === 'loss' ? [training.steps] : [training.steps, ...params[name]!.shape]
      expected[name] = floatTensor(dtype, shape, numbersOf)
      budget[name] = budgetTensor([1], [slack])
    }
  }
  const { module, config } = question
  return {
    id,
    module,
    config,
    dtype,
    params,
    inputs: allInputs,
    ...given,
    expected,
    budget,
    ...(states.states && { states: states.states }),
    // The options have the arguments of the module; TypeScript cannot follow that.
  } as RecurrentCase
}

/** By `input`, h_0 and c_0 where they are given, and each parameter, in this order. */
function naiveGradients(question: Question, cotangents: Outputs): Record<string, number[]> {
  const value = (asked: Question): number => {
    let sum = 0
    for (const [name, values] of Object.entries(naive(asked))) {
      for (const [i, y] of values.entries()) sum += y * (cotangents[name]?.data[i] ?? 0)
    }
    return sum
  }
  const { inputs, params } = question
  const gradients: Record<string, number[]> = {}
  for (const name of ['input', 'h_0', 'c_0'] as const) {
    const tensor = inputs[name]
    if (tensor === undefined) continue
    gradients[name] = differences(tensor, (moved) => value({ ...question, inputs: { ...inputs, [name]: moved } }))
  }
  for (const [name, parameter] of Object.entries(params)) {
    gradients[name] = differences(parameter, (moved) => value({ ...question, params: { ...params, [name]: moved } }))
  }
  return gradients
}

/** Loss and parameters by step, of the mean squared error of `output` or `h_1`. */
function naiveTraining(question: Question, target: FloatTensor, training: Training): Record<string, number[]> {
  const entries = Object.entries(question.params)
  const paramsAt = (at: readonly number[]): Record<string, FloatTensor> => {
    let start = 0
    return Object.fromEntries(
      entries.map(([name, { shape, data }]) => {
        const own = at.slice(start, (start += data.length))
        return [name, floatTensor('float64', shape, own)]
      }),
    )
  }
  const lossAt = (at: readonly number[]): number => {
    const [output = []] = Object.values(naive({ ...question, params: paramsAt(at) }))
    let sum = 0
    for (const [i, y] of output.entries()) sum += (y - target.data[i]!) ** 2
    return sum / output.length
  }
  const start = entries.flatMap(([, { data }]) => [...data])
  const { loss, after } = trajectory(training, start, (at) => ({
    loss: lossAt(at),
    gradient: differences(floatTensor('float64', [at.length], at), ({ data }) => lossAt([...data])),
  }))
  const steps: Record<string, number[]> = { loss }
  let from = 0
  for (const [name, { data }] of entries) {
    const first = from
    steps[name] = after.flatMap((all) => all.slice(first, first + data.length))
    from += data.length
  }
  return steps
}

function parameters(
  numbers: Random,
  { module, dtype, hidden_size, bias }: Pick<Options, 'dtype' | 'hidden_size' | 'bias'> & { module: ModuleName },
  suffix: string,
  input_size: number,
  units: number,
): Record<string, FloatTensor> {
  const scale = 1 / Math.sqrt(Math.max(hidden_size, 1))
  const rows = blocks[module] * hidden_size
  return {
    [`weight_ih${suffix}`]: around(numbers, dtype, [rows, input_size], scale),
    [`weight_hh${suffix}`]: around(numbers, dtype, [rows, units], scale),
    ...(bias
      ? {
          [`bias_ih${suffix}`]: around(numbers, dtype, [rows], scale),
          [`bias_hh${suffix}`]: around(numbers, dtype, [rows], scale),
        }
      : {}),
    ...(units === hidden_size ? {} : { [`weight_hr${suffix}`]: around(numbers, dtype, [units, hidden_size], scale) }),
  }
}

/** h_0, and c_0 where there is a shape for it. */
function initial(
  numbers: Random,
  { h_0, dtype }: Options,
  h: readonly number[],
  c: readonly number[] | undefined,
): Pick<Inputs, 'h_0' | 'c_0'> {
  if (!h_0) return {}
  const own = { h_0: around(numbers, dtype, [...h], 1) }
  return c === undefined ? own : { ...own, c_0: around(numbers, dtype, [...c], 1) }
}

function tensorsOf(
  dtype: FloatDType,
  shapes: Readonly<Record<string, readonly number[]>>,
  values: Readonly<Record<string, readonly number[]>>,
): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, floatTensor(dtype, shape, values[name] ?? [])]),
  )
}

function around(numbers: Random, dtype: FloatDType, shape: number[], scale: number): FloatTensor {
  const values = Array.from({ length: elementCount(shape) }, () => numbers.around(scale))
  return floatTensor(dtype, shape, values)
}

function mask(numbers: Random, dtype: FloatDType, shape: number[]): FloatTensor {
  return floatTensor(
    dtype,
    shape,
    Array.from({ length: elementCount(shape) }, () => numbers.int(0, 1)),
  )
}

export function int64Tensor(values: readonly number[]): Tensor<'int64'> {
  return { dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }
}

export function budgetTensor(shape: readonly number[], values: readonly number[]): Tensor<'float64'> {
  return { dtype: 'float64', shape, data: Float64Array.from(values) }
}

/** A tensor as a file holds it. */
export interface TensorRecord {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

export function tensorRecord(tensor: Tensor): TensorRecord {
  const { dtype, shape, data } = tensor
  if (dtype === 'float16' || dtype === 'bfloat16') {
    const bits = Uint16Array.from(tensor.data, dtype === 'float16' ? float16Bits : bfloat16Bits)
    return { dtype, shape, data: new Uint8Array(bits.buffer) }
  }
  return { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
}

const scratch = new DataView(new ArrayBuffer(4))

/** The 16 bits of a number that bfloat16 has. */
export function bfloat16Bits(x: number): number {
  scratch.setFloat32(0, x)
  return scratch.getUint16(0)
}

/** The 16 bits of a number that float16 has: its sign, and how many such numbers are between it and 0. */
export function float16Bits(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0
  if (Number.isNaN(x)) return 0x7e00
  if (Math.abs(x) === Infinity) return sign | 0x7c00
  // Times 2⁻¹¹² its exponent stands in a float32 as it does in a float16, with 13 more bits of fraction.
  scratch.setFloat32(0, Math.abs(x) * 2 ** -112)
  return sign | (scratch.getUint32(0) >>> 13)
}

/** A case as a file holds it, and as a test may change it. */
export interface CaseRecord {
  readonly [key: string]: unknown
  readonly config: Readonly<Record<string, unknown>>
  readonly params: Readonly<Record<string, TensorRecord>>
  readonly inputs: Readonly<Record<string, TensorRecord>>
  readonly expected: Readonly<Record<string, TensorRecord>>
  readonly budget: Readonly<Record<string, TensorRecord>>
}

export function caseRecord(recorded: Case): CaseRecord {
  const { params, inputs, expected, budget, states, cotangents, ...rest } = recorded
  return {
    ...rest,
    params: tensorRecords(params),
    inputs: tensorRecords({ ...inputs }),
    expected: tensorRecords(expected),
    budget: tensorRecords(budget),
    ...(states === undefined ? {} : { states: tensorRecords(states) }),
    ...(cotangents === undefined ? {} : { cotangents: tensorRecords(cotangents) }),
  }
}

function tensorRecords(tensors: Readonly<Record<string, Tensor>> | Outputs): Record<string, TensorRecord> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensorRecord(tensor)]))
}

export const sampleHeader = {
  format: 'torch-parity',
  version: 1,
  name: 'rnn/sample',
  seed: 7,
  producer: {
    torch: '2.13.0',
    numpy: '2.3.1',
    python: '3.11.2',
    platform: 'Linux-x86_64',
    cpu_capability: 'AVX2',
    num_threads: 1,
  },
}

/** A whole file: header, cases, and an end whose count and hash are right unless `end` replaces them. */
export function fixtureBytes(cases: readonly unknown[], header: unknown = sampleHeader, end: object = {}): Uint8Array {
  const body = Buffer.concat([header, ...cases].map((message) => encode(message)))
  const hash = new Uint8Array(createHash('sha256').update(body).digest())
  return new Uint8Array(Buffer.concat([body, encode({ cases: cases.length, sha256: hash, ...end })]))
}

/** Bytes as a source, in chunks of one size. */
export function sourceOf(bytes: Uint8Array, chunkSize = Math.max(bytes.length, 1)): Source {
  return {
    name: 'sample.msgpack',
    // eslint-disable-next-line typescript/require-await
    async *open() {
      for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.slice(at, at + chunkSize)
    },
  }
}

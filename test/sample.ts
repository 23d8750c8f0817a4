import { encode } from '@msgpack/msgpack'
import { createHash } from 'node:crypto'
import type { Case, Inputs, Outputs } from '../src/case.ts'
import type { Source } from '../src/messages.ts'
import type { RNNCellConfig, RNNConfig } from '../src/module.ts'
import { elementCount, type FloatDType, type FloatTensor, floatTensor, type Tensor } from '../src/tensor.ts'
import { naiveRNN, naiveRNNCell } from './naive.ts'
import { type Random, random } from './random.ts'

/** What differs between the cases of the tests; what PyTorch would give is taken from the naive implementation. */
export interface LayerOptions extends RNNConfig {
  readonly id: string
  readonly dtype: FloatDType
  readonly seq_len: number
  /** undefined for an unbatched input. */
  readonly batch: number | undefined
  readonly h_0: boolean
  readonly lengths: readonly number[] | undefined
  /** How many steps the budget lets a free run decide; undefined for all of them, and then no states. */
  readonly decided: number | undefined
}

export interface CellOptions extends RNNCellConfig {
  readonly id: string
  readonly dtype: FloatDType
  readonly batch: number | undefined
  readonly h_0: boolean
}

/** A case of an RNN with 2 inputs, 3 units, 4 steps and 2 rows, but for what `options` says. */
export function layerCase(options: Partial<LayerOptions> = {}, seed = 1): Case {
  const { id, dtype, seq_len, batch, h_0, lengths, decided, ...config }: LayerOptions = {
    id: 'layer',
    input_size: 2,
    hidden_size: 3,
    num_layers: 1,
    nonlinearity: 'tanh',
    bias: true,
    batch_first: false,
    dropout: 0,
    bidirectional: false,
    dtype: 'float32',
    seq_len: 4,
    batch: 2,
    h_0: true,
    lengths: undefined,
    decided: undefined,
    ...options,
  }
  const { input_size, hidden_size, num_layers } = config
  const numbers = random(seed)
  const D = config.bidirectional ? 2 : 1
  const states = num_layers * D
  const params: Record<string, FloatTensor> = {}
  for (let layer = 0; layer < num_layers; layer++) {
    for (let direction = 0; direction < D; direction++) {
      const suffix = `_l${layer}${direction === 1 ? '_reverse' : ''}`
      Object.assign(params, parameters(numbers, dtype, suffix, layer === 0 ? input_size : D * hidden_size, config))
    }
  }
  const rows = batch === undefined ? [] : [batch]
  const outer = config.batch_first ? [...rows, seq_len] : [seq_len, ...rows]
  const inputs: Inputs = {
    input: around(numbers, dtype, [...outer, input_size], 1),
    ...(h_0 ? { h_0: around(numbers, dtype, [states, ...rows, hidden_size], 1) } : {}),
    ...(lengths === undefined ? {} : { lengths: int64Tensor(lengths) }),
  }
  const { output, h_n, h_t } = naiveRNN(config, params, inputs)
  const unit = (dtype === 'float32' ? 1e-6 : 1e-14) * Math.max(1, ...output.map((value) => Math.abs(value)))
  const time = Array.from({ length: seq_len }, (_, t) => (decided === undefined || t < decided ? unit : 1000))
  const timeShape = batch === undefined ? [seq_len, 1] : config.batch_first ? [1, seq_len, 1] : [seq_len, 1, 1]
  const stateUnits = Array.from({ length: states }, () => unit)
  return {
    id,
    module: 'RNN',
    config,
    dtype,
    params,
    inputs,
    expected: {
      output: floatTensor(dtype, [...outer, D * hidden_size], output),
      h_n: floatTensor(dtype, [states, ...rows, hidden_size], h_n),
    },
    budget: {
      output: budgetTensor(timeShape, time),
      h_n: budgetTensor(
        [states, ...rows.map(() => 1), 1],
        stateUnits.map((own) => (decided === undefined ? own : 1000)),
      ),
      ...(decided === undefined ? {} : { h_t: budgetTensor([states, 1, 1], stateUnits) }),
    },
    ...(decided === undefined
      ? {}
      : { states: { h_t: floatTensor(dtype, [seq_len, states, batch ?? 1, hidden_size], h_t) } }),
  }
}

/** A case of an RNNCell with 2 inputs, 3 units and 2 rows, but for what `options` says. */
export function cellCase(options: Partial<CellOptions> = {}, seed = 1): Case {
  const { id, dtype, batch, h_0, ...config }: CellOptions = {
    id: 'cell',
    input_size: 2,
    hidden_size: 3,
    bias: true,
    nonlinearity: 'tanh',
    dtype: 'float32',
    batch: 2,
    h_0: true,
    ...options,
  }
  const numbers = random(seed)
  const rows = batch === undefined ? [] : [batch]
  const params = parameters(numbers, dtype, '', config.input_size, config)
  const inputs: Inputs = {
    input: around(numbers, dtype, [...rows, config.input_size], 1),
    ...(h_0 ? { h_0: around(numbers, dtype, [...rows, config.hidden_size], 1) } : {}),
  }
  const h_1 = naiveRNNCell(config, params, inputs)
  return {
    id,
    module: 'RNNCell',
    config,
    dtype,
    params,
    inputs,
    expected: { h_1: floatTensor(dtype, [...rows, config.hidden_size], h_1) },
    budget: { h_1: budgetTensor([1], [dtype === 'float32' ? 1e-6 : 1e-14]) },
  }
}

/** A layer of any kind: up to 3 layers, 9 inputs, 9 units, 7 steps and 5 rows, ties among the lengths included. */
export function anyLayer(seed: number, options: Partial<LayerOptions> = {}): Case {
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
  return layerCase({ ...drawn, ...options }, seed)
}

function parameters(
  numbers: Random,
  dtype: FloatDType,
  suffix: string,
  input_size: number,
  { hidden_size, bias }: { hidden_size: number; bias: boolean },
): Record<string, FloatTensor> {
  const scale = 1 / Math.sqrt(Math.max(hidden_size, 1))
  return {
    [`weight_ih${suffix}`]: around(numbers, dtype, [hidden_size, input_size], scale),
    [`weight_hh${suffix}`]: around(numbers, dtype, [hidden_size, hidden_size], scale),
    ...(bias
      ? {
          [`bias_ih${suffix}`]: around(numbers, dtype, [hidden_size], scale),
          [`bias_hh${suffix}`]: around(numbers, dtype, [hidden_size], scale),
        }
      : {}),
  }
}

function around(numbers: Random, dtype: FloatDType, shape: number[], scale: number): FloatTensor {
  const values = Array.from({ length: elementCount(shape) }, () => numbers.around(scale))
  return floatTensor(dtype, shape, values)
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

export function tensorRecord({ dtype, shape, data }: Tensor): TensorRecord {
  return { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
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

export function caseRecord({ id, module, config, dtype, params, inputs, expected, budget, states }: Case): CaseRecord {
  return {
    id,
    module,
    config,
    dtype,
    params: tensorRecords(params),
    inputs: tensorRecords({ ...inputs }),
    expected: tensorRecords(expected),
    budget: tensorRecords(budget),
    ...(states === undefined ? {} : { states: tensorRecords(states) }),
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

// The cases of the benchmark as ONNX models, for engines that read nothing else: a few messages of Protocol Buffers.
import type { RecurrentRequest } from '../../src/format/case.ts'
import { layerConfig, suffix } from '../../src/format/module.ts'

type Bytes = readonly number[] | Uint8Array

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return [...bytes, rest]
}

const number = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)]
const bytes = (field: number, content: Bytes): Bytes => {
  const head = [...varint(field * 8 + 2), ...varint(content.length)]
  const all = new Uint8Array(head.length + content.length)
  all.set(head)
  all.set(content, head.length)
  return all
}
const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value))
const joined = (parts: readonly Bytes[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

type Attribute = number | string | readonly string[] | readonly number[]

function attribute(name: string, value: Attribute): Bytes {
  const own =
    typeof value === 'number'
      ? [number(3, value), number(20, 2)]
      : typeof value === 'string'
        ? [text(4, value), number(20, 3)]
        : typeof value[0] === 'string'
          ? [...value.map((each) => text(9, String(each))), number(20, 8)]
          : [...value.map((each) => number(8, Number(each))), number(20, 7)]
  return bytes(5, joined([text(1, name), ...own]))
}

function node(type: string, inputs: string[], outputs: string[], attributes: Record<string, Attribute> = {}): Bytes {
  return bytes(
    1,
    joined([
      ...inputs.map((name) => text(1, name)),
      ...outputs.map((name) => text(2, name)),
      text(4, type),
      ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ]),
  )
}

function initializer(name: string, shape: readonly number[], data: Float32Array | BigInt64Array): Bytes {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const type = data instanceof Float32Array ? 1 : 7
  return bytes(5, joined([...shape.map((size) => number(1, size)), number(2, type), text(8, name), bytes(9, raw)]))
}

function value(field: number, name: string, shape: readonly number[]): Bytes {
  const dims = shape.map((size) => bytes(1, number(1, size)))
  const tensor = joined([number(1, 1), bytes(2, joined(dims))])
  return bytes(field, joined([text(1, name), bytes(2, bytes(1, tensor))]))
}

/** Which of torch's blocks stands at each place of ONNX's: i o f c, z r h. */
const blocks = { RNN: [0], LSTM: [0, 3, 1, 2], GRU: [1, 0, 2] }

/** A model of a batched request, time first, with an h_0 of zeros: `input` in, `output` out. */
export function onnxOf({ module, config, params, inputs }: RecurrentRequest): Uint8Array {
  const layers = layerConfig(config)
  const { hidden_size: H } = config
  const D = layers?.bidirectional === true ? 2 : 1
  const [batch = 1, input_size = 1] = inputs.input.shape.slice(-2)
  const seq_len = layers === undefined ? 1 : inputs.input.shape[0]!
  const kind = module.replace('Cell', '') as keyof typeof blocks
  const parts: Bytes[] = []
  let input = 'input'
  for (let layer = 0; layer < (layers?.num_layers ?? 1); layer++) {
    const stacked = (names: readonly string[]): Float32Array => {
      const all: number[] = []
      for (let direction = 0; direction < D; direction++) {
        for (const name of names) {
          const { data } = params[layers === undefined ? name : name + suffix(layer, direction)]!
          const size = data.length / blocks[kind].length
          for (const block of blocks[kind]) for (const x of data.slice(block * size, (block + 1) * size)) all.push(x)
        }
      }
      return Float32Array.from(all)
    }
    const G = blocks[kind].length
    const width = layer === 0 ? input_size : D * H
    parts.push(
      initializer(`W${layer}`, [D, G * H, width], stacked(['weight_ih'])),
      initializer(`R${layer}`, [D, G * H, H], stacked(['weight_hh'])),
      initializer(`B${layer}`, [D, 2 * G * H], stacked(['bias_ih', 'bias_hh'])),
      initializer(`shape${layer}`, [3], BigInt64Array.of(BigInt(seq_len), BigInt(batch), BigInt(D * H))),
      node(kind, [input, `W${layer}`, `R${layer}`, `B${layer}`], [`Y${layer}`], {
        hidden_size: H,
        direction: D === 2 ? 'bidirectional' : 'forward',
        ...(kind === 'GRU' ? { linear_before_reset: 1 } : {}),
        ...(kind === 'RNN' && D === 2 ? { activations: ['Tanh', 'Tanh'] } : {}),
      }),
      // (seq_len, D, batch, H) → (seq_len, batch, D * H)
      node('Transpose', [`Y${layer}`], [`T${layer}`], { perm: [0, 2, 1, 3] }),
      node('Reshape', [`T${layer}`, `shape${layer}`], [`output${layer}`]),
    )
    input = `output${layer}`
  }
  const graph = joined([
    ...parts,
    text(2, 'case'),
    value(11, 'input', [seq_len, batch, input_size]),
    value(12, input, [seq_len, batch, D * H]),
  ])
  return joined([number(1, 8), bytes(8, number(2, 14)), bytes(7, graph)])
}

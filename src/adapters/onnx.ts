// Models as ONNX writes them: the few messages of Protocol Buffers that a recurrent model needs.
// Source: onnx/onnx.proto, whose field numbers these are, and protobuf.dev, "Encoding".

/** One message, or some fields of one. */
export type Bytes = readonly number[] | Uint8Array

/** Numbers of TensorProto.DataType. */
const elementTypes = { float32: 1, int32: 6, int64: 7, float16: 10 }
export type ElementType = keyof typeof elementTypes

/** INT, STRING, STRINGS and INTS of AttributeProto. */
type Attribute = number | string | readonly string[] | readonly number[]

/** A whole number from 0 in groups of seven bits, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return [...bytes, rest]
}

function joined(parts: readonly Bytes[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const number = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)]
const bytes = (field: number, content: Bytes): Bytes => joined([varint(field * 8 + 2), varint(content.length), content])
const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value))

function attribute(name: string, value: Attribute): Bytes {
  if (typeof value === 'number') return bytes(5, joined([text(1, name), number(3, value), number(20, 2)]))
  if (typeof value === 'string') return bytes(5, joined([text(1, name), text(4, value), number(20, 3)]))
  const isText = typeof value[0] === 'string'
  const each = value.map((one) => (typeof one === 'string' ? text(9, one) : number(8, one)))
  return bytes(5, joined([text(1, name), ...each, number(20, isText ? 8 : 7)]))
}

/** A node of a graph. An input that is left out is the empty name. */
export function node(
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Bytes {
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

/** A constant of a graph. data: product(shape) numbers in C order, of float16 their bits. */
export function initializer(
  name: string,
  shape: readonly number[],
  data: Float32Array | Uint16Array | BigInt64Array,
): Bytes {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const type = data instanceof Float32Array ? 'float32' : data instanceof Uint16Array ? 'float16' : 'int64'
  const dims = shape.map((size) => number(1, size))
  return bytes(5, joined([...dims, number(2, elementTypes[type]), text(8, name), bytes(9, raw)]))
}

/** A size, or the name of one that is known when the model runs. */
type Dim = number | string

function value(field: number, name: string, type: ElementType, shape: readonly Dim[]): Bytes {
  const dims = shape.map((dim) => bytes(1, typeof dim === 'number' ? number(1, dim) : text(2, dim)))
  const tensor = joined([number(1, elementTypes[type]), bytes(2, joined(dims))])
  return bytes(field, joined([text(1, name), bytes(2, bytes(1, tensor))]))
}

/** What a graph is given. */
export function graphInput(name: string, type: ElementType, shape: readonly Dim[]): Bytes {
  return value(11, name, type, shape)
}

/** What a graph gives. */
export function graphOutput(name: string, type: ElementType, shape: readonly Dim[]): Bytes {
  return value(12, name, type, shape)
}

/** A model of one graph, in version 14 of the operators, of which RNN, GRU and LSTM have been as they are since then. */
export function onnxModel(graph: readonly Bytes[]): Uint8Array {
  const irVersion = 8
  const opset = 14
  return joined([
    number(1, irVersion),
    bytes(7, joined([...graph, text(2, 'torch-parity')])),
    bytes(8, number(2, opset)),
  ])
}

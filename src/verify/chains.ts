import { type Case, isModelRequest, type Outputs, type RecurrentRequest, type Request } from '../format/case.ts'
import { type Axis, extentOf, layerConfig, signatureOf } from '../format/module.ts'
import { randomOf } from './random.ts'
import { elementCount, type FloatTensor, floatTensor } from '../format/tensor.ts'

/** A sequence in parts, the states of one going into the next, as recurrent ports are used. */
interface Chain {
  /** How many steps each part has; they add up to the whole. */
  readonly sizes: readonly number[]
  /** Asks for one part after the other. → what the whole run is to give: `output` of all parts, the last `h_n` and `c_n` */
  run(ask: (request: Request) => Promise<unknown>): Promise<unknown>
}

/**
 * Cuts a recorded run into uneven parts, of which any engine can be asked; undefined where that means nothing: in a cell or a model,
 * for gradients and trainings, in a reverse direction, which begins at the end, and where a row has ended before a second part.
 */
export function chainOf(recorded: Case, seed = 0): Chain | undefined {
  if (isModelRequest(recorded) || recorded.training !== undefined || recorded.cotangents !== undefined) return undefined
  const config = layerConfig(recorded.config)
  if (config === undefined || config.bidirectional) return undefined
  const { inputs, module, expected } = recorded
  const { seq_len = 1, batch } = extentOf(module, config, inputs.input.shape)
  const shortest = inputs.lengths === undefined ? seq_len : Math.min(...Array.from(inputs.lengths.data, Number))
  if (shortest < 2 || batch === 0) return undefined
  const sizes = cut(seq_len, shortest, seed)
  const { outputs: axes } = signatureOf(module, config, { seq_len, batch })
  const timeOf = (own: readonly Axis[]): number => own.findIndex(({ name }) => name === 'seq_len')
  const inputTime = config.batch_first && batch !== undefined ? 1 : 0
  return {
    sizes,
    async run(ask) {
      const parts: FloatTensor[] = []
      let states: Pick<RecurrentRequest['inputs'], 'h_0' | 'c_0'> = {
        ...(inputs.h_0 && { h_0: inputs.h_0 }),
        ...(inputs.c_0 && { c_0: inputs.c_0 }),
      }
      let given: Partial<Outputs> = {}
      let from = 0
      for (const size of sizes) {
        const part = {
          input: slice(inputs.input, inputTime, from, size),
          ...states,
          ...(inputs.lengths && { lengths: left(inputs.lengths, from, size) }),
          ...(inputs.dropout_mask && { dropout_mask: slice(inputs.dropout_mask, 1, from, size) }),
        }
        const { params, dtype } = recorded
        const answer = await ask({ module, config: recorded.config, dtype, params, inputs: part } as Request)
        given = typeof answer === 'object' && answer !== null ? answer : {}
        const { output, h_n, c_n } = given
        // What is no state cannot be handed on: it is judged as it is.
        if (![output, h_n, ...(axes['c_n'] ? [c_n] : [])].every(isTensor)) return given
        parts.push(output!)
        states = { h_0: h_n!, ...(c_n && { c_0: c_n }) }
        from += size
      }
      const output = joined(parts, timeOf(axes['output']!))
      const all: Partial<Outputs> = { ...given, ...(output && { output }) }
      // What others have published may be a part of what torch returns.
      return Object.fromEntries(Object.entries(all).filter(([name]) => name in expected || !(name in axes)))
    },
  }
}

/** Two parts where rows end, since each row needs a step in every part, else three, one of a single step between two others. */
function cut(seq_len: number, shortest: number, seed: number): number[] {
  const random = randomOf(seed + seq_len)
  const upTo = (most: number): number => 1 + Math.floor(random() * most)
  if (shortest < seq_len || seq_len < 3) {
    const first = upTo(Math.min(shortest, seq_len) - 1)
    return [first, seq_len - first]
  }
  const first = upTo(seq_len - 2)
  return [first, 1, seq_len - 1 - first]
}

function left(
  lengths: NonNullable<RecurrentRequest['inputs']['lengths']>,
  from: number,
  size: number,
): NonNullable<RecurrentRequest['inputs']['lengths']> {
  const data = lengths.data.map((length) => {
    const own = Number(length) - from
    return BigInt(Math.min(own, size))
  })
  return { ...lengths, data }
}

function isTensor(value: unknown): value is FloatTensor {
  const { shape, data }: Partial<FloatTensor> = Object(value)
  const isData = data instanceof Float32Array || data instanceof Float64Array
  return isData && Array.isArray(shape) && elementCount(shape) === data.length
}

/** A part of an axis. */
function slice(tensor: FloatTensor, axis: number, from: number, size: number): FloatTensor {
  const { shape, data, dtype } = tensor
  const inner = elementCount(shape.slice(axis + 1))
  const outer = elementCount(shape.slice(0, axis))
  const part = dtype === 'float64' ? new Float64Array(outer * size * inner) : new Float32Array(outer * size * inner)
  for (let i = 0; i < outer; i++) {
    const at = (i * shape[axis]! + from) * inner
    part.set(data.subarray(at, at + size * inner), i * size * inner)
  }
  // Of numbers of this dtype already, which need no rounding.
  return { dtype, shape: shape.with(axis, size), data: part } as FloatTensor
}

/** Tensors put together along an axis; undefined where they do not fit, and are judged as they are. */
function joined(parts: readonly FloatTensor[], axis: number): FloatTensor | undefined {
  const [first] = parts
  if (first === undefined || parts.some(({ shape }) => shape.length !== first.shape.length)) return undefined
  const isOther = ({ shape }: FloatTensor): boolean =>
    shape.some((length, own) => own !== axis && length !== first.shape[own])
  if (parts.some(isOther)) return undefined
  const size = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0)
  const inner = elementCount(first.shape.slice(axis + 1))
  const outer = elementCount(first.shape.slice(0, axis))
  const isFloat32 = first.dtype === 'float32' && parts.every(({ data }) => data instanceof Float32Array)
  const whole = isFloat32 ? new Float32Array(outer * size * inner) : new Float64Array(outer * size * inner)
  let from = 0
  for (const { shape, data } of parts) {
    const own = shape[axis]! * inner
    for (let i = 0; i < outer; i++) whole.set(data.subarray(i * own, (i + 1) * own), i * size * inner + from)
    from += own
  }
  return floatTensor(first.dtype, first.shape.with(axis, size), whole)
}

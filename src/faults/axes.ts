import type { RecurrentRequest } from '../format/case.ts'
import { layerConfig, numDirections } from '../format/module.ts'
import { elementCount, type FloatTensor, floatTensor } from '../format/tensor.ts'
import { type Fault, rearranging, replace, timeAxis } from './fault.ts'

export const lastStates = ['h_n', 'c_n'] as const

/** Puts the last states of layers and directions elsewhere, in h_n and in c_n of an LSTM: which one stands at each place. */
export function reorderingStates(order: (i: number, states: number) => number): Fault<RecurrentRequest>['plant'] {
  return rearranging(lastStates, ({ shape, data }) => {
    const states = shape[0]!
    const size = data.length / states
    return (offset) => order(Math.floor(offset / size), states) * size + (offset % size)
  })
}

/** Takes each time step of output from another one, or zeros from where there is none. */
export function movingSteps(from: (t: number, seq_len: number) => number): Fault<RecurrentRequest>['plant'] {
  return rearranging(['output'], ({ data }, request) => {
    const { seq_len, outer } = timeAxis(request)
    const inner = data.length / (seq_len * outer)
    return (offset) => {
      const t = Math.floor(offset / inner) % seq_len
      const source = from(t, seq_len)
      return source < 0 || source >= seq_len ? undefined : offset + (source - t) * inner
    }
  })
}

/** Past a row's length its last state stands once more. */
export const repeatingLastStep = rearranging<RecurrentRequest>(
  ['output'],
  ({ shape }, { config, inputs: { lengths } }) => {
    const batchFirst = layerConfig(config)?.batch_first === true
    const [, second = 1, width = 1] = shape
    return (offset) => {
      const place = Math.floor(offset / width)
      const [first, inner] = [Math.floor(place / second), place % second]
      const [row, t] = batchFirst ? [first, inner] : [inner, first]
      const last = Number(lengths?.data[row] ?? t + 1) - 1
      return t <= last ? offset : offset + (last - t) * width * (batchFirst ? 1 : second)
    }
  },
)

/** The numbers that are there in another shape; what is missing begins again at the first, or is 0. */
function reshape(tensor: FloatTensor, shape: readonly number[], missing: 'again' | 'zero' = 'again'): FloatTensor {
  const { data } = tensor
  const at = (i: number): number => data[missing === 'again' ? i % data.length : i] ?? 0
  return floatTensor(
    tensor.dtype,
    shape,
    Array.from({ length: elementCount(shape) }, (_, i) => at(i)),
  )
}

/**
 * A port that takes the first two axes of input for each other. missing: what it reads where h_0 is too small;
 * keepsShape: whether its last states have the shape that is asked for, with the numbers that are there.
 */
export function exchangingAxes({
  missing,
  keepsShape,
}: {
  readonly missing: 'again' | 'zero'
  readonly keepsShape: boolean
}): Fault<RecurrentRequest>['plant'] {
  return (right) => (request, departures) => {
    const config = layerConfig(request.config)
    if (config === undefined) return right(request, departures)
    const { h_0, c_0, input, dropout_mask } = request.inputs
    const [first = 1, second = 1, input_size = 1] = input.shape
    const states = config.num_layers * numDirections(config)
    const [seq_len, batch] = config.batch_first ? [first, second] : [second, first]
    const state = (tensor: FloatTensor): FloatTensor => reshape(tensor, [states, batch, tensor.shape[2]!], missing)
    const outputs = right(
      {
        ...request,
        config: { ...config, batch_first: !config.batch_first },
        inputs: {
          input: floatTensor(input.dtype, [first, second, input_size], input.data),
          ...(h_0 && { h_0: state(h_0) }),
          ...(c_0 && { c_0: state(c_0) }),
          ...(dropout_mask && {
            dropout_mask: reshape(dropout_mask, [dropout_mask.shape[0]!, seq_len, batch, dropout_mask.shape[3]!]),
          }),
        },
        // The same module with another argument; TypeScript cannot follow that.
      } as RecurrentRequest,
      departures,
    )
    if (!keepsShape) return outputs
    const rows = config.batch_first ? first : second
    return lastStates.reduce(
      (all, name) => replace(all, name, (last) => reshape(last, [states, rows, last.shape[2]!])),
      outputs,
    )
  }
}

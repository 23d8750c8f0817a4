import type { ModelRequest, Outputs, RecurrentRequest } from '../format/case.ts'
import { layerConfig, numDirections, stateSize } from '../format/module.ts'
import { roundToBfloat16, roundToFloat16 } from '../format/precision.ts'
import { type FloatTensor, floatTensor } from '../format/tensor.ts'
import {
  asking,
  departing,
  type Fault,
  hasBias,
  hasLayers,
  hasLengths,
  isBatched,
  isBidirectional,
  isGRU,
  isLSTM,
  isRNN,
  map,
  reading,
  returning,
  timeAxis,
} from './fault.ts'
import { exchangingAxes, movingSteps, reorderingStates } from './axes.ts'
import { hasProbabilities } from './models.ts'
import { isWide } from './parameters.ts'
import { hardSigmoidOf, ignoring } from './gates.ts'
import { hasOutputsOnly } from './layers.ts'

/** h_n of the last layer's reverse direction from the last time step of a row: that of its length, where it has one. */
function lastStepAsState(outputs: Outputs, request: RecurrentRequest): Outputs {
  const { output, h_n } = outputs
  const config = layerConfig(request.config)
  if (output === undefined || h_n === undefined || config === undefined) return outputs
  const { seq_len } = timeAxis(request)
  const D = numDirections(config)
  const size = stateSize(config)
  const batch = isBatched(request) ? h_n.shape[1]! : 1
  const data = h_n.data.slice()
  for (let row = 0; row < batch; row++) {
    const { lengths } = request.inputs
    const t = lengths === undefined ? seq_len - 1 : Number(lengths.data[row]) - 1
    const batchFirst = config.batch_first && isBatched(request)
    const from = ((batchFirst ? row * seq_len + t : t * batch + row) * D + 1) * size
    const to = ((config.num_layers * D - 1) * batch + row) * size
    data.set(output.data.subarray(from, from + size), to)
  }
  return { ...outputs, h_n: floatTensor(h_n.dtype, h_n.shape, data) }
}

/** Each block of rows of a weight, one for each gate, transposed for itself, where it is square. */
function transposeBlocks(weight: FloatTensor): FloatTensor {
  const [rows = 1, columns = 1] = weight.shape
  if (rows % columns !== 0) return weight
  return map(weight, (_, offset) => {
    const row = Math.floor(offset / columns)
    const first = row - (row % columns)
    return weight.data[(first + (offset % columns)) * columns + (row % columns)]!
  })
}

/** As Keras 3 and torch.nn.Hardsigmoid have it. */
const hardSigmoid = hardSigmoidOf(1 / 6)

const isBatchFirst = ({ config }: RecurrentRequest): boolean => layerConfig(config)?.batch_first === true

/** What other ports do by the name of a fault: the same mistake, with other numbers. */
export const variants: readonly Fault<RecurrentRequest>[] = [
  {
    name: 'weight_hh transposed',
    sentence: 'reads each gate’s block of weight_hh transposed',
    appliesTo: (request) => !isRNN(request) && stateSize(request.config) === request.config.hidden_size,
    plant: reading('weight_hh', transposeBlocks, transposeBlocks),
  },
  {
    name: 'weight_ih transposed',
    sentence: 'reads each gate’s block of weight_ih transposed',
    appliesTo: (request) =>
      !isRNN(request) &&
      Object.entries(request.params).some(
        ([
          name,
          {
            shape: [rows = 1, columns = 1],
          },
        ]) => {
          return name.startsWith('weight_ih') && rows === columns * (isLSTM(request) ? 4 : 3)
        },
      ),
    plant: reading('weight_ih', transposeBlocks, transposeBlocks),
  },
  {
    name: 'weights in float16',
    sentence: 'rounds the weights and biases to float16',
    appliesTo: (request) => isWide(request) && hasBias(request),
    plant: reading('', (parameter) => map(parameter, roundToFloat16)),
  },
  {
    name: 'weights in bfloat16',
    sentence: 'rounds the weights and biases to bfloat16',
    appliesTo: (request) => isWide(request) && hasBias(request),
    plant: reading('', (parameter) => map(parameter, roundToBfloat16)),
  },
  {
    name: 'hard sigmoid',
    sentence: 'approximates the sigmoid by x / 6 + 0.5, cut off at 0 and 1',
    appliesTo: (request) => isLSTM(request) || isGRU(request),
    plant: departing({ lstm: { sigmoid: hardSigmoid }, gru: { sigmoid: hardSigmoid } }),
  },
  {
    name: 'h_0 ignored',
    sentence: 'ignores h_0 and c_0 and starts from zeros',
    appliesTo: ({ inputs }) => inputs.c_0 !== undefined,
    plant: (right) => ignoring('h_0')(ignoring('c_0')(right)),
  },
  {
    name: 'h_n of reverse from the last step',
    sentence: 'takes the reverse direction’s h_n of the last layer where the forward direction ends',
    appliesTo: (request) => isBidirectional(request) && hasLayers(request),
    plant: returning(lastStepAsState),
  },
  {
    name: 'h_n layers reversed',
    sentence: 'orders h_n and c_n from the last layer to the first, each with its directions in order',
    appliesTo: (request) => hasLayers(request) && isBidirectional(request),
    plant: reorderingStates((i, states) => states - 2 - 2 * Math.floor(i / 2) + (i % 2)),
  },
  {
    name: 'h_n by direction',
    sentence: 'puts the states of the reverse direction before those of the forward one in h_n and c_n',
    appliesTo: isBidirectional,
    plant: reorderingStates((i) => i + 1 - 2 * (i % 2)),
  },
  {
    name: 'h_n from the padded end',
    sentence: 'runs the forward direction on through the padding, and takes h_n and c_n there',
    appliesTo: hasLengths,
    plant: departing({ scan: { throughPadding: true } }),
  },
  {
    name: 'padding not zeroed',
    sentence: 'puts out the state that a row keeps past its length, where torch puts zeros',
    appliesTo: hasLengths,
    plant: departing({ scan: { heldOutput: true } }),
  },
  ...(
    [
      { missing: 'again', keepsShape: false },
      { missing: 'zero', keepsShape: true },
      { missing: 'zero', keepsShape: false },
    ] as const
  ).map((how): Fault<RecurrentRequest> => ({
    name: 'batch_first ignored',
    acrossRows: true,
    sentence: `ignores batch_first and reads (batch, seq_len) as (seq_len, batch)${how.keepsShape ? '' : ', in h_n too'}`,
    appliesTo: (request) => isBatchFirst(request) && isBatched(request) && hasOutputsOnly(request),
    plant: exchangingAxes(how),
  })),
  {
    name: 'output shifted by one step',
    sentence: 'puts out each state one step early',
    appliesTo: (request) => layerConfig(request.config) !== undefined,
    plant: movingSteps((t) => t + 1),
  },
]

/** The row of an embedding for the symbol that is so many on, or the first or last one where there is none. */
function clampedRow(by: number): Fault<ModelRequest>['plant'] {
  return asking((request) => {
    const params = Object.entries(request.params).map(([name, parameter]) => {
      const [rows = 1, columns = 1] = parameter.shape
      const from = (row: number): number => Math.max(0, Math.min(rows - 1, row + by))
      const moved = map(
        parameter,
        (_, at) => parameter.data[from(Math.floor(at / columns)) * columns + (at % columns)]!,
      )
      return [name, name.includes('embedding') ? moved : parameter]
    })
    return { ...request, params: Object.fromEntries(params) }
  })
}

/** The same for faults of models. */
export const modelVariants: readonly Fault<ModelRequest>[] = [
  {
    name: 'softmax over the wrong axis',
    sentence: 'normalises probabilities over the first axis instead of the classes, and the logarithms rightly',
    appliesTo: hasProbabilities,
    plant: departing({ model: { wrongAxis: 'probabilities' } }),
  },
  {
    name: 'softmax over the wrong axis',
    sentence: 'normalises over the first axis instead of the classes, for the loss too',
    appliesTo: hasProbabilities,
    plant: departing({ model: { wrongAxis: 'both', lossOfLogarithms: true } }),
  },
  ...(['float32', 'float64'] as const).flatMap((naiveLogarithm) =>
    [true, false].map((lossOfLogarithms): Fault<ModelRequest> => ({
      name: 'log of softmax without the stable form',
      sentence: `takes log(exp x / Σ exp x) in ${naiveLogarithm}, which overflows for large logits${lossOfLogarithms ? '' : ', and the loss rightly'}`,
      appliesTo: hasProbabilities,
      plant: departing({ model: { naiveLogarithm, lossOfLogarithms } }),
    })),
  ),
  ...[1, -1].map((by): Fault<ModelRequest> => ({
    name: 'embedding row off by one',
    sentence: `takes the row of the symbol ${by === 1 ? 'after' : 'before'}, or the ${by === 1 ? 'last' : 'first'} one where there is none`,
    appliesTo: ({ inputs }) => inputs.source !== undefined,
    plant: clampedRow(by),
  })),
]

import type { Request } from '../../src/format/case.ts'
import { applies, type Bug, bugNames, bugs } from './bugs.ts'

/** Bugs that are planted together. */
export interface Planting {
  readonly name: string
  readonly kind: 'single' | 'pair' | 'mapping'
  /** undefined where there is nothing of it in a case. */
  readonly bugsIn: (request: Request) => readonly Bug[] | undefined
  /** Those that show in a request. */
  readonly bugsOf: (request: Request) => readonly Bug[]
}

function planting(kind: Planting['kind'], name: string, chosen: (request: Request) => readonly Bug[]): Planting {
  return {
    name,
    kind,
    bugsIn(request) {
      const planted = chosen(request)
      return planted.every((bug) => applies(bug, request)) ? planted : undefined
    },
    bugsOf: (request) => chosen(request).filter((bug) => applies(bug, request)),
  }
}

const isEquivalent = (bug: Bug): boolean => 'equivalent' in bugs[bug]

export const singles: readonly Planting[] = bugNames
  .filter((bug) => !isEquivalent(bug))
  .map((bug) => planting('single', bug, () => [bug]))

const isDrawn = (bug: Bug): boolean => 'drawn' in bugs[bug]

/** Every two bugs that one port can have, of which both can be predicted. */
export const pairs: readonly Planting[] = bugNames.flatMap((first, i) =>
  bugNames
    .slice(i + 1)
    .filter((second) => bugs[first].place !== bugs[second].place)
    .filter((second) => ![first, second].some((bug) => isEquivalent(bug) || isDrawn(bug)))
    .map((second) => planting('pair', `${first} + ${second}`, () => [first, second])),
)

/** What a matrix that is stored (inputs, outputs) becomes when it is read as (outputs, inputs). */
function transposed(request: Request): readonly Bug[] {
  return [applies('weight_ih misread', request) ? 'weight_ih misread' : 'weight_ih transposed', 'weight_hh transposed']
}

const mapping = (name: string, ...chosen: readonly Bug[]): Planting => planting('mapping', name, () => chosen)

/**
 * torch's parameters in another framework's cell, or the other way round, where somebody has not mapped what is different there.
 * cuDNN has torch's own orders, and so has oneDNN's LSTM: there is nothing to see. Source: FACTS of the field.
 */
export const mappings: readonly Planting[] = [
  mapping('ONNX LSTM, WebNN LSTM: i o f c', 'gates in the order i o f g'),
  mapping('Core ML LSTM: i f o z', 'gates in the order i f o g'),
  mapping('OpenVINO LSTM: f i c o', 'gates in the order f i g o'),
  mapping('ONNX GRU, WebNN GRU: z r h', 'gates in the order z r n'),
  mapping('ONNX GRU, its gates mapped: linear_before_reset=0', 'reset before the product'),
  mapping(
    'ONNX GRU, OpenVINO GRU, oneDNN GRU: z r h, linear_before_reset=0',
    'gates in the order z r n',
    'reset before the product',
  ),
  mapping('Keras GRU, reset_after=True: one summed bias in the recurrent row', 'one summed bias'),
  mapping('Keras GRU, reset_after=True: one summed bias in the input row', 'b_hn outside the reset'),
  mapping(
    'Keras GRU, reset_after=True: z r h, one summed bias in the recurrent row',
    'gates in the order z r n',
    'one summed bias',
  ),
  mapping(
    'Keras GRU, reset_after=False: z r h, one summed bias',
    'gates in the order z r n',
    'reset before the product',
    'one summed bias',
  ),
  mapping('Keras LSTM: bias_ih for its one bias', 'bias_hh dropped'),
  mapping('TensorFlow.js LSTM: hardSigmoid', 'hard sigmoid'),
  mapping('TensorFlow.js LSTM: hardSigmoid, unitForgetBias', 'hard sigmoid', 'forget bias + 1'),
  mapping('TensorFlow.js GRU: hardSigmoid, reset before', 'hard sigmoid', 'reset before the product'),
  mapping(
    'TensorFlow.js GRU: hardSigmoid, reset before, z r h',
    'hard sigmoid',
    'reset before the product',
    'gates in the order z r n',
  ),
  mapping('Flax LSTM: carry (c, h)', 'h_0 and c_0 exchanged', 'h_n and c_n exchanged'),
  planting('mapping', 'Keras, Flax: kernels stored (inputs, outputs)', transposed),
  planting('mapping', 'Keras GRU: z r h, kernels stored (inputs, outputs)', (request) => [
    'gates in the order z r n',
    ...transposed(request),
  ]),
]

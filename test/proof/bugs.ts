import { isExported, isModelRequest, type RecurrentRequest, type Request } from '../../src/format/case.ts'
import { modelBugs, type ModelPlanting } from './model-bugs.ts'
import { type Sizes, sizesOf } from './request.ts'

/** What a bug needs of a case, and the line of the port in which it stands. */
export interface Planting {
  readonly applies: (sizes: Sizes, request: RecurrentRequest) => boolean
  /** Two bugs of the same place cannot be in one port. */
  readonly place: string
  /** Why it changes nothing by mathematics. */
  readonly equivalent?: string
  /** Why nothing that is seen in one case predicts others. */
  readonly drawn?: string
}

const always = (): boolean => true
const bias = (sizes: Sizes): boolean => sizes.bias
const rnn = ({ kind }: Sizes): boolean => kind === 'RNN'
const lstm = ({ kind }: Sizes): boolean => kind === 'LSTM'
const gru = ({ kind }: Sizes): boolean => kind === 'GRU'
const layered = ({ num_layers }: Sizes): boolean => num_layers > 1
const bidirectional = (sizes: Sizes): boolean => sizes.bidirectional
const projected = ({ proj_size }: Sizes): boolean => proj_size > 0
const isLayer = ({ isCell }: Sizes): boolean => !isCell
const hasH = (_: Sizes, { inputs }: RecurrentRequest): boolean => inputs.h_0 !== undefined
const hasLengths = (_: Sizes, { inputs }: RecurrentRequest): boolean => inputs.lengths !== undefined
const hasMask = (_: Sizes, { inputs }: RecurrentRequest): boolean => inputs.dropout_mask !== undefined
const wide = (_: Sizes, { dtype }: RecurrentRequest): boolean => dtype === 'float32' || dtype === 'float64'
const gradients = (_: Sizes, { cotangents }: RecurrentRequest): boolean => cotangents !== undefined
const trained = (_: Sizes, { training }: RecurrentRequest): boolean => training !== undefined
const hasSquareInput = (_: Sizes, { params }: RecurrentRequest): boolean =>
  Object.entries(params).some(([name, { shape }]) => name.startsWith('weight_ih') && shape[0] === shape[1])

/** A bug that shows in one run; those that train are planted with the bugs that are about training. */
function run(place: string, ...applies: readonly Planting['applies'][]): Planting {
  return { place, applies: (sizes, request) => !trained(sizes, request) && all(applies, sizes, request) }
}

function backward(place: string, ...applies: readonly Planting['applies'][]): Planting {
  return { place, applies: (sizes, request) => gradients(sizes, request) && all(applies, sizes, request) }
}

function training(place: string, applies: (training: NonNullable<RecurrentRequest['training']>) => boolean): Planting {
  return { place, applies: (_, { training }) => training !== undefined && applies(training) }
}

function all(tests: readonly Planting['applies'][], sizes: Sizes, request: RecurrentRequest): boolean {
  return tests.every((test) => test(sizes, request))
}

/** By the catalogue's names; what each does is in the port. Source: FACTS of the field, public issues of ports. */
const recurrentBugs = {
  'weight_hh transposed': run('weight_hh', always),
  'weight_ih transposed': run('weight_ih', hasSquareInput),
  'weight_ih misread': run('weight_ih', (sizes, request) => !hasSquareInput(sizes, request)),
  'weight_hr transposed': run('weight_hr', projected),
  'bias_ih dropped': run('bias', bias),
  'bias_hh dropped': run('bias', bias),
  'bias_ih added twice': run('bias', bias),
  'bias_hh added twice': run('bias', bias),
  'biases swapped': {
    ...run('bias', bias, (sizes) => !gru(sizes)),
    equivalent: 'RNN and LSTM add both biases to the same sum',
  },
  'biases of a GRU swapped': run('bias', bias, gru),
  'no recurrence': run('weight_hh', always),
  'reverse with forward weights': run('reverse weights', bidirectional),
  'weights in float16': run('reading', wide),
  'weights in bfloat16': run('reading', wide),
  'one weight_hh 1 % off': { ...run('reading', always), drawn: 'which number is off is drawn anew for other shapes' },
  'relu for tanh, tanh for relu': run('tanh', rnn),
  'no nonlinearity': run('tanh', rnn),
  'crude tanh': run('tanh', ({ nonlinearity }) => nonlinearity === 'tanh'),
  'hard sigmoid': run('sigmoid', (sizes) => !rnn(sizes)),
  'gates in the order i o f g': run('gates', lstm),
  'gates in the order i f o g': run('gates', lstm),
  'gates in the order f i g o': run('gates', lstm),
  'gates in the order z r n': run('gates', gru),
  'forget bias + 1': run('forget', lstm, bias),
  'no tanh on c': run('tanh of c', lstm),
  'peephole added': run('peephole', lstm),
  'proj_size ignored in the recurrence': run('projection', projected),
  'c_0 ignored': run('c_0', (_, { inputs }) => inputs.c_0 !== undefined),
  'h_0 and c_0 exchanged': run('c_0', lstm, hasH, ({ units, hidden_size }) => units === hidden_size),
  'reset before the product': run('reset', gru),
  'b_hn outside the reset': run('bias', gru, bias),
  'one summed bias': run('bias', gru, bias),
  'z and 1 − z exchanged': run('update', gru),
  'h_0 ignored': run('h_0', hasH),
  'h_0 of layer 0 for all layers': run('h_0', hasH, ({ D, num_layers }) => D * num_layers > 1),
  'reverse not reversed': run('reverse', bidirectional),
  'reverse output not flipped back': run('reverse', bidirectional),
  'directions concatenated the other way': run('concatenation', bidirectional),
  'h_n of reverse from the last step': run('h_n', bidirectional),
  'h_n by direction': run('h_n order', bidirectional, layered),
  'h_n layers reversed': run('h_n order', layered),
  'h_n and c_n exchanged': run('return', lstm, ({ units, hidden_size }) => units === hidden_size),
  'h_n from the padded end': run('lengths', hasLengths),
  'lengths ignored': run('lengths', hasLengths),
  'padding not zeroed': run('padding', hasLengths),
  'batch_first ignored': run(
    'batch_first',
    ({ batch_first, isBatched }) => batch_first && isBatched,
    (sizes, request) => !gradients(sizes, request),
  ),
  'residual between layers': run('residual', layered),
  'state carried between rows': run(
    'h_0',
    ({ batch }) => batch > 1,
    (sizes, request) => !gradients(sizes, request),
  ),
  'output shifted by one step': run('output', isLayer),
  'gradient not accumulated over time': backward('dweight', ({ seq_len }) => seq_len > 1),
  'gradient truncated after 4 steps': backward('dh', ({ seq_len }) => seq_len > 4),
  'bias gradient counted once': backward('dbias', bias),
  '1 − h² at the step before': backward('dtanh', rnn, ({ nonlinearity }) => nonlinearity === 'tanh'),
  'cotangent of h_n ignored': backward('dh_n', isLayer),
  'cotangent of c_n ignored': backward('dc_n', lstm),
  'gradient averaged over the batch': backward('mean', ({ isBatched, batch }) => isBatched && batch > 1),
  'dropout ignored in training mode': { place: 'dropout', applies: hasMask },
  'dropout not scaled': { place: 'dropout', applies: hasMask },
  'dropout mask inverted': { place: 'dropout', applies: hasMask },
  'gradients not zeroed between steps': training('zero_grad', () => true),
  'Adam without bias correction': training('Adam', ({ optimizer }) => optimizer === 'Adam'),
  'momentum ignored': training('momentum', (own) => own.optimizer === 'SGD' && own.momentum !== 0),
  'nesterov ignored': training('momentum', (own) => own.optimizer === 'SGD' && own.nesterov),
  'weight_decay ignored': training('weight_decay', ({ weight_decay }) => weight_decay !== 0),
} satisfies Readonly<Record<string, Planting>>

export type Bug = keyof typeof recurrentBugs | keyof typeof modelBugs

export const bugs: Readonly<Record<Bug, Planting | ModelPlanting>> = { ...recurrentBugs, ...modelBugs }

export const bugNames = Object.keys(bugs) as readonly Bug[]

export function isBug(name: string): name is Bug {
  return Object.hasOwn(bugs, name)
}

function isOfModels(bug: Bug): bug is keyof typeof modelBugs {
  return Object.hasOwn(modelBugs, bug)
}

/** Whether a port with this bug could do otherwise than torch. */
export function applies(bug: Bug, request: Request): boolean {
  if (isExported(request)) return false
  if (isModelRequest(request)) return isOfModels(bug) && modelBugs[bug].applies(request)
  return !isOfModels(bug) && recurrentBugs[bug].applies(sizesOf(request), request)
}

// What ports get wrong, by names that stay: each is edits. Source: public issues of ports; FACTS and DESIGN name most of them.
import type { Outputs, Request } from '../format/case.ts'
import { isModelRequest } from '../format/case.ts'
import type { Engine } from '../engine/run.ts'
import { run } from '../engine/run.ts'
import { edited, isInside, runEdited } from '../edits.ts'
import { type Id, type Operation, type Program } from '../program/operation.ts'
import { type Context, contextOf } from './context.ts'
import { type Edit, keyOf, type Operand } from './edit.ts'
import { operators } from './operators.ts'
import { sentenceOf } from './words.ts'

/** What a request is: a training shows only what is about it, every other fault shows more clearly in a single run. */
type Kind = 'run' | 'training' | 'model'

/** A known way in which ports depart from PyTorch. */
export interface Fault {
  /** Short and unique: `weight_hh transposed`. */
  readonly name: string
  /** The kinds of requests in which it is looked for. */
  readonly of: readonly Kind[]
  /** Edits that are made together; in a request the first of these that have something to change there. */
  readonly ways: readonly (readonly Edit[])[]
  /** Where its edits are another mistake elsewhere. */
  readonly isIn?: (request: Request) => boolean
  /** Why it changes nothing by mathematics; absent when it does. */
  readonly equivalent?: string
}

/** What a fault is in a request; undefined where it has nothing to change. context: of the request */
export function editsOf({ of, ways, isIn }: Fault, request: Request, context?: Context): readonly Edit[] | undefined {
  if (!of.includes(kindOf(request)) || isIn?.(request) === false) return undefined
  const own = context ?? contextOf(request)
  return ways.find((edits) => edits.every((edit) => hasOperand(edit, own)))
}

/** What a port does that has the fault: `reads weight_hh transposed`. */
export function sentenceOfAll(edits: readonly Edit[], context: Context): string {
  return edits.map((edit) => sentenceOf(edit, context)).join(', and ')
}

/** Our engine with a fault in it; where the fault has nothing to change it is right. */
export function faulted(fault: Fault): Engine {
  return {
    name: fault.name,
    run(request): Outputs {
      const context = contextOf(request)
      const edits = editsOf(fault, request, context)
      return edits === undefined ? run(request) : runEdited(edits, request, context)
    },
  }
}

function kindOf(request: Request): Kind {
  if (isModelRequest(request)) return 'model'
  return request.training === undefined ? 'run' : 'training'
}

/** What changes nothing but gradients. */
const ofWayBack: ReadonlySet<string> = new Set(['part', 'truncated', 'derivative'])

/** Whether an edit changes something that what is asked for depends on. */
function hasOperand(edit: Edit, context: Context): boolean {
  const { request, program } = context
  const hasGradients = request.cotangents !== undefined || request.training !== undefined
  if (!hasGradients && ofWayBack.has(edit.operator)) return false
  if (!isInside([edit])) {
    const key = keyOf(edit)
    return [...operators[edit.operator]!.candidates(context)].some((other) => keyOf(other) === key)
  }
  const made = edited([edit], request, context)
  if (!made.isEdited) return false
  return made.request !== request || isRead(program, made.program)
}

/** Whether something that is other than before is read by an output. */
function isRead(before: Program, after: Program): boolean {
  const others = (['update', 'training', 'gradients', 'cotangents'] as const).some(
    (part) => before[part] !== after[part],
  )
  if (others || Object.entries(after.outputs).some(([name, id]) => before.outputs[name] !== id)) return true
  const own = new Set(before.operations)
  const byId = new Map<Id, Operation>(after.operations.map((operation) => [operation.id, operation]))
  const seen = new Set<Id>()
  const left = Object.values(after.outputs)
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    const operation = byId.get(id)
    if (operation === undefined || seen.has(id)) continue
    seen.add(id)
    if (!own.has(operation)) return true
    left.push(...operation.operands)
    if (operation.op === 'loop') left.push(...operation.attributes.body.flatMap(({ operands }) => operands))
  }
  return false
}

const all = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']

function edit(operator: string, operand: Operand, value?: Edit['value'], scope?: Edit['scope']): Edit {
  return { operator, operand, ...(value !== undefined && { value }), ...(scope && { scope }) }
}

const parameter = (tensor: string): Operand => ({ op: 'parameter', tensor })
const activation = (name: string): Operand => ({ op: 'activation', function: name })
const loop: Operand = { op: 'loop' }
const gradient = (tensor: string): Operand => ({ tensor, in: 'gradients' })
const cotangent = (tensor: string): Operand => ({ tensor, in: 'cotangents' })

/** By name, each with its ways: an edit, edits that are made together, or several ways of either. */
type Ways = readonly (Edit | readonly Edit[])[]

function among(of: readonly Kind[], named: Readonly<Record<string, Ways>>): Fault[] {
  return Object.entries(named).map(([name, ways]) => ({
    name,
    of,
    ways: ways.map((way) => (Array.isArray(way) ? (way as readonly Edit[]) : [way as Edit])),
  }))
}

const gates = (order: string): Edit => edit('gates', { op: 'chunk' }, { order, tensors: all })
const swapBiases = edit('exchange', { op: 'parameter' }, { names: 'biases', how: 'both' })
const sawC = (gate: string, c: Operand): Edit => edit('added', { op: 'add', gate, tensor: '-' }, { ...c })
const c: Operand = { op: 'state', tensor: 'c' }
const after: Operand = { op: 'add', gate: '-', tensor: '-' }

const derivativeAt = (state: Operand): Edit =>
  edit('derivative', { op: 'activation', gate: 'h', function: 'tanh' }, { ...state })

/** Faults of parameters, equations, and of how layers, directions, rows and time are put together. */
const ofRuns = among(['run'], {
  'weight_hh transposed': [edit('layout', parameter('weight_hh'), 'stored by columns')],
  'weight_ih transposed': [edit('layout', parameter('weight_ih'), 'transposed where square')],
  'weight_ih misread': [edit('layout', parameter('weight_ih'), 'stored by columns')],
  'weight_hr transposed': [edit('layout', parameter('weight_hr'), 'gates stored by columns')],
  'bias_ih dropped': [edit('zero', parameter('bias_ih'), true)],
  'bias_hh dropped': [edit('zero', parameter('bias_hh'), true)],
  'bias_ih added twice': [edit('scale', parameter('bias_ih'), 2)],
  'bias_hh added twice': [edit('scale', parameter('bias_hh'), 2)],
  'no recurrence': [edit('zero', { op: 'linear', tensor: 'weight_hh' }, true)],
  'reverse with forward weights': [
    edit('sibling', { op: 'parameter' }, { of: 'forward', tensors: [...all, 'weight_hr'] }),
  ],
  'weights in float16': [edit('round', { kind: 'weights' }, 'float16')],
  'weights in bfloat16': [edit('round', { kind: 'weights' }, 'bfloat16')],
  'one weight_hh 1 % off': [edit('element', {}, ['weight_hh', 'middling', 0.01])],
  'relu for tanh, tanh for relu': [edit('option', { tensor: 'config.nonlinearity' }, 'the other')],
  'no nonlinearity': [edit('another', { op: 'activation', gate: 'h' }, 'identity')],
  'crude tanh': [edit('another', activation('tanh'), 'Padé tanh')],
  'hard sigmoid': [edit('another', activation('sigmoid'), 'hard sigmoid 0.2')],
  'gates in the order i o f g': [gates('iofg')],
  'gates in the order i f o g': [gates('ifog')],
  'gates in the order f i g o': [gates('figo')],
  'gates in the order z r n': [gates('zrn')],
  'forget bias + 1': [edit('increase', { op: 'chunk', tensor: 'bias_ih', gate: 'f' }, 1)],
  'no tanh on c': [edit('another', { op: 'activation', tensor: '-', gate: '-', k: 0 }, 'identity')],
  'peephole added': [
    [sawC('i', c), sawC('f', c), sawC('o', after)],
    // A cell that is given no state: c is 0 before.
    [sawC('o', after)],
  ],
  'proj_size ignored in the recurrence': [edit('unprojected', loop)],
  'c_0 ignored': [edit('zero', { op: 'input', tensor: 'c_0' }, true)],
  'h_0 and c_0 exchanged': [edit('swapped', { op: 'input' }, { h_0: 'c_0', c_0: 'h_0' })],
  'reset before the product': [edit('reversed', { op: 'mul', gate: 'n', tensor: '-' }, 'before the product')],
  'b_hn outside the reset': [edit('reversed', { op: 'mul', gate: 'n', tensor: '-' }, 1)],
  'one summed bias': [
    [
      edit('added', { op: 'chunk', gate: 'n', tensor: 'bias_hh' }, { op: 'chunk', gate: 'n', tensor: 'bias_ih' }),
      edit('drop', { op: 'add', gate: 'n', tensor: 'bias_ih' }, 0),
    ],
  ],
  'z and 1 − z exchanged': [edit('complement', { op: 'activation', gate: 'z' })],
  'h_0 ignored': [edit('zero', { op: 'input', tensor: 'h_0' }, true)],
  'h_0 of layer 0 for all layers': [edit('other', { op: 'select', tensor: 'h_0' }, 'the first')],
  'reverse not reversed': [edit('direction', loop, 'forward')],
  'reverse output not flipped back': [
    edit('reorder', { op: 'stacked', tensor: 'output' }, { axis: 3, order: 'reversed' }, { direction: 'reverse' }),
  ],
  'directions concatenated the other way': [edit('swap', { op: 'cat', tensor: 'output' })],
  'h_n of reverse from the last step': [
    edit('fromOutput', { op: 'last', tensor: 'h' }, 'each row’s last step', { direction: 'reverse' }),
  ],
  'h_n by direction': [edit('reorder', { op: 'stack' }, { axis: 3, order: 'interleaved', blocks: 'layers' })],
  'h_n layers reversed': [edit('reorder', { op: 'stack' }, { axis: 3, order: 'blocksReversed', blocks: 'layers' })],
  'h_n and c_n exchanged': [
    edit('swapped', {}, { h_n: 'c_n', c_n: 'h_n' }),
    edit('swapped', {}, { h_1: 'c_1', c_1: 'h_1' }),
  ],
  'h_n from the padded end': [edit('padding', loop, 'padded end')],
  'lengths ignored': [edit('ignored', { tensor: 'lengths' })],
  'padding not zeroed': [edit('padding', loop, 'last state')],
  'residual between layers': [
    edit('added', { op: 'cat', tensor: 'output' }, { op: 'mul', tensor: 'dropout_mask' }, { layers: 'later' }),
  ],
  'state carried between rows': [edit('carriedRows', {})],
  'output shifted by one step': [
    edit('reorder', { op: 'stacked', tensor: 'output' }, { axis: 3, order: 'previousOrZero' }, { layers: 'last' }),
  ],
  'gradient not accumulated over time': [edit('part', { op: 'linear' }, 'the first step')],
  'gradient truncated after 4 steps': [edit('truncated', loop, [4, 'from the first'])],
  'bias gradient counted once': [edit('zero', gradient('grad_bias_hh'), true)],
  '1 − h² at the step before': [derivativeAt({ op: 'state', tensor: 'h' })],
  'cotangent of h_n ignored': [edit('zero', cotangent('h_n'), true)],
  'cotangent of c_n ignored': [edit('zero', cotangent('c_n'), true)],
  'gradient averaged over the batch': [
    edit('scale', { kind: 'gradients by parameters', in: 'gradients' }, '1 / batch'),
  ],
})

const isBatchFirst = ({ config }: Request): boolean => 'batch_first' in config && config.batch_first
const isGRU = ({ module }: Request): boolean => module.startsWith('GRU')

/** Those whose edits are other mistakes where the module, or its arguments, are others. */
const ofArguments: readonly Fault[] = [
  {
    name: 'batch_first ignored',
    of: ['run'],
    ways: [[edit('axes', { tensor: 'input' }, 'again')]],
    isIn: isBatchFirst,
  },
  {
    name: 'biases swapped',
    of: ['run'],
    ways: [[swapBiases]],
    isIn: (request) => !isGRU(request),
    equivalent: 'RNN and LSTM add both biases to the same sum',
  },
  { name: 'biases of a GRU swapped', of: ['run'], ways: [[swapBiases]], isIn: isGRU },
]

/** Faults of dropout, in training mode, and of optimizers. */
const ofTrainings = [
  ...among(['run', 'training'], {
    'dropout ignored in training mode': [edit('ignored', { tensor: 'dropout_mask' })],
    'dropout not scaled': [edit('drop', { op: 'div', tensor: 'dropout_mask' }, 0)],
    'dropout mask inverted': [edit('complement', { op: 'select', tensor: 'dropout_mask' })],
  }),
  ...among(['training'], {
    'gradients not zeroed between steps': [edit('training', {}, 'accumulated')],
    'Adam without bias correction': [edit('drop', { op: 'sub', tensor: 'bias_correction', in: 'update' }, 0)],
    'momentum ignored': [edit('option', { tensor: 'training.momentum' }, 0)],
    'nesterov ignored': [edit('option', { tensor: 'training.nesterov' }, false)],
    'weight_decay ignored': [edit('option', { tensor: 'training.weight_decay' }, 0)],
  }),
]

const decoder = (op: Operand['op'], tensor: string): Operand => ({ op, part: 'decoder', tensor }) as Operand

const notNormalised = edit('drop', decoder('softmax', 'attention'), 0)
const paddingAttended = edit('drop', decoder('where', 'attention'), 1)

/** Faults in how layers become models. */
const ofModels = among(['model'], {
  'context from the first state': [
    edit('fromOutput', { op: 'last', tensor: 'h', part: 'encoder' }, 'the first step'),
    edit('fromOutput', { op: 'last', tensor: 'h', part: 'rnn' }, 'the first step'),
  ],
  'context not transformed': [
    edit('instead', { op: 'activation', tensor: 'context' }, { op: 'last', part: 'encoder', tensor: 'h' }),
  ],
  'states averaged instead of transformed': [
    edit('instead', { op: 'activation', tensor: 'context' }, { op: 'stacked', part: 'encoder', tensor: 'output' }),
  ],
  'context fed at the first step only': [
    edit('option', { tensor: 'config.feeding' }, 'first'),
    edit('once', decoder('cat', 'decoder_input'), 1),
  ],
  'decoder state not initialised': [edit('starts', { op: 'loop', part: 'decoder' }, 'all')],
  'softmax over the wrong axis': [edit('dim', {}, [0, 'in the output']), edit('dim', {}, 0)],
  'log of softmax without the stable form': [edit('logarithm', { op: 'log_softmax' }, 0)],
  'target shifted by one': [
    edit('instead', decoder('cat', 'target'), { op: 'input', tensor: 'target' }),
    edit('instead', { op: 'input', tensor: 'target' }, { op: 'input', tensor: 'source' }),
  ],
  'end symbol not honoured': [edit('drop', { op: 'maximum', part: 'decoder' }, 0)],
  'encoder and decoder weights exchanged': [edit('exchange', { op: 'parameter' }, { names: 'parts', how: 'both' })],
  'embedding row off by one': [edit('reorder', { kind: 'embeddings as given' }, { axis: 2, order: 'nextAround' })],
  'attention weights not normalised': [[paddingAttended, notNormalised], notNormalised],
  'padding attended to': [paddingAttended],
})

/** Every known fault. */
export const faults: readonly Fault[] = [...ofRuns, ...ofArguments, ...ofTrainings, ...ofModels]

// What to change in a port that has an edit, and which part of torch's documentation says so: by rule from operator and operand.
import { type ExportedRequest, isExported, isModelRequest } from '../format/case.ts'
import { type Context, nodesAt } from './context.ts'
import type { Edit } from './edit.ts'
import { expressionOf } from './expression.ts'
import { gatesOf } from './operators/gates.ts'
import { phraseOf } from './words.ts'

export interface Advice {
  /** As one would look it up; of models that torch does not have, the part of ours. */
  readonly term: string
  readonly change: string
}

export function adviceOf(edit: Edit, context: Context): Advice {
  return { term: termOf(edit, context), change: changeOf(edit, context) }
}

/** Where each tensor is described. */
const terms: readonly (readonly [RegExp, string])[] = [
  [/^grad_/, 'torch.Tensor.backward'],
  [/^(weight|bias)_(ih|hh|hr)/, '{module}, Variables'],
  [/^(h_0|c_0|initial states)/, '{module}, Inputs: h_0'],
  [/^(h_n|c_n|last states)/, '{module}, Outputs: h_n'],
  [/^output/, '{module}, Outputs: output'],
  [/^input/, '{module}, Inputs: input'],
  [/^lengths/, 'torch.nn.utils.rnn.pack_padded_sequence, lengths'],
  [/^dropout_mask/, '{module}, dropout'],
  [/^loss/, '{loss}'],
  [/^(probabilities|attention)/, 'torch.nn.Softmax'],
  [/^log_probabilities/, 'torch.nn.LogSoftmax'],
  [/^(momentum_buffer|exp_avg|exp_avg_sq|bias_correction|weight_decay|step|gradient|training)/, '{optimizer}'],
]

const byOperator: Readonly<Record<string, string>> = {
  padding: 'torch.nn.utils.rnn.pad_packed_sequence',
  direction: '{module}, bidirectional',
  training: '{optimizer}',
  axes: '{module}, batch_first',
  droppedLast: '{module}, dropout',
  gates: '{module}, Variables',
  sibling: '{module}, Variables',
  exchange: '{module}, Variables',
  swapped: '{module}, Outputs',
}

function termOf({ operator, operand, value }: Edit, { request }: Context): string {
  if (isExported(request)) return placeIn(request, operand.part)
  const tensor = operand.tensor ?? operand.kind ?? (typeof value === 'string' ? value : '')
  const known = byOperator[operator] ?? terms.find(([pattern]) => pattern.test(tensor))?.[1]
  const module = isModelRequest(request) ? `torch_parity.models.${request.module}` : `torch.nn.${request.module}`
  const own = known ?? (operand.in === 'update' ? '{optimizer}' : '{module}, the equations')
  return own
    .replace('{module}', module)
    .replace('{loss}', isModelRequest(request) ? 'torch.nn.CrossEntropyLoss' : 'torch.nn.MSELoss')
    .replace('{optimizer}', `torch.optim.${request.training?.optimizer ?? 'SGD'}`)
}

/** Where it stands in a captured model: its operations, the module's path, and a line of its source. */
function placeIn({ config }: ExportedRequest, part: string | undefined): string {
  const own = config.nodes.filter(({ module, name }) => part !== undefined && (module === part || name === part))
  const ops = [...new Set(own.map(({ op }) => op))]
  const few = 2
  const shown = ops.length > few ? [...ops.slice(0, few), '…'] : ops
  const line = own.findLast((node) => node.line !== '')?.line
  const module = own.find((node) => node.module !== '')?.module
  const where = [module, line].filter((text) => text !== undefined).join(', ')
  if (shown.length === 0) return config.name
  return where === '' ? shown.join(', ') : `${shown.join(', ')} in ${where}`
}

function changeOf(edit: Edit, context: Context): string {
  const { operator, operand, scope, value } = edit
  const name = phraseOf(operand, context, scope)
  const [node] = nodesAt(context, operand, scope)
  const own = rules[operator]?.(name, value, context)
  if (own !== undefined) return own
  if (node === undefined || operand.op === 'parameter' || operand.op === 'input') return `take ${name} as it is`
  return `compute ${expressionOf(node, context)}`
}

type Rule = (name: string, value: Edit['value'], context: Context) => string | undefined

const rules: Readonly<Record<string, Rule>> = {
  option: (_, value) => `do as the option says, whatever its value${value === false ? '' : ' is'}`,
  ignored: () => 'read it where it is given',
  axes: () =>
    'read input, and return output, as (batch, seq_len, …) with batch_first and as (seq_len, batch, …) without; h_0 and h_n are (num_layers * num_directions, batch, …) with both',
  zero: (name) => `read ${name}`,
  layout: (name) => `read ${name} in the order in which it is stored, with the shape that torch gives it`,
  gates: (_, __, context) =>
    `take the blocks of rows for ${gatesOf(context) === 4 ? 'i f g o' : 'r z n'}, one after the other`,
  sibling: () =>
    'use the parameters of each layer and direction for that layer and direction: weight_ih_l[k], weight_ih_l[k]_reverse',
  exchange: () => 'use each parameter where its name says',
  other: (name) => `take ${name} that belongs to each layer and direction: index layer * num_directions + direction`,
  swapped: () => 'return each tensor by its own name, in torch’s order',
  divisor: (name) => `divide as torch does: ${name}`,
  direction: () =>
    'run the second direction from the last time step to the first, and put its state for step t at step t of output',
  padding: () =>
    'stop each row at its length: its state stays, its output is 0 past it, and its reverse direction starts at its own last step',
  reset: () => 'hand the state on from each step to the next, whatever the number of the step',
  forget: () => 'hand the state on from each step to the next',
  skip: () => 'take every step, from the first to the last',
  fromOutput: () =>
    'take the state after the last step of each row and direction: for the reverse direction that is time step 0',
  training: () => 'take the loss before each step, and zero the gradients after it',
  increase: (name) => `take ${name} as it is, neither one more nor one less`,
  reorder: (name) => `leave ${name} in its order`,
  truncated: () => 'pass the gradient back through all time steps',
  part: () => 'add up the gradient by each weight over all rows and all time steps',
  detach: (name) => `let the gradient pass through ${name}`,
  round: (name) => `keep ${name} in the dtype of the module`,
  carried: () => 'hand the states on as they are, in the dtype of the module',
  sums: () => 'add products up in float32 at least',
  roundedProducts: () =>
    'multiply in the dtype of the module; matrix units that round to fewer digits can be switched off',
  element: (_, value) => `look at that element${Array.isArray(value) ? '' : ''}: the others are right`,
}

import { isLayer, kinds } from '../format/module.ts'
import type { RecurrentSpec } from '../oracle.ts'

/**
 * What can be counted in a request. Some are there more than once: a module has sums of several lengths, parameters of several sizes;
 * and some not at all: a cell has no seq_len.
 */
export const quantities = {
  input_size: 1,
  hidden_size: 1,
  proj_size: 1,
  num_layers: 1,
  seq_len: 1,
  batch: 1,
  'the length of the shortest row': 1.3,
  'the length of the longest row': 1.2,
  'the rows of input (seq_len · batch)': 1.5,
  'num_layers · directions': 1.3,
  'the length of a sum': 1.4,
  'the rows of a weight': 1.5,
  'the elements of input': 2,
  'the elements of output': 2,
  'the elements of a weight': 2,
  'the number of earlier calls': 3,
} as const

export type Quantity = keyof typeof quantities

/** What a request is, or is not: how it is said, and how its opposite is. */
export const statements = {
  RNN: ['the module is an RNN or RNNCell', 'the module is no RNN or RNNCell'],
  LSTM: ['the module is an LSTM or LSTMCell', 'the module is no LSTM or LSTMCell'],
  GRU: ['the module is a GRU or GRUCell', 'the module is no GRU or GRUCell'],
  cell: ['the module is a cell', 'the module is a layer'],
  relu: ["nonlinearity is 'relu'", "nonlinearity is not 'relu'"],
  noBias: ['bias=False', 'bias=True'],
  batchFirst: ['batch_first=True', 'batch_first=False'],
  bidirectional: ['bidirectional=True', 'bidirectional=False'],
  projected: ['proj_size > 0', 'proj_size = 0'],
  masked: ['dropout acts', 'dropout does not act'],
  unbatched: ['input is unbatched', 'input is batched'],
  noState: ['no state is given', 'a state is given'],
  lengths: ['lengths are given', 'no lengths are given'],
  shorter: ['a row is shorter than seq_len', 'no row is shorter than seq_len'],
  unsorted: ['lengths are not in descending order', 'no lengths are out of descending order'],
  float16: ['dtype is float16', 'dtype is not float16'],
  bfloat16: ['dtype is bfloat16', 'dtype is not bfloat16'],
  float32: ['dtype is float32', 'dtype is not float32'],
  float64: ['dtype is float64', 'dtype is not float64'],
  half: ['dtype is float16 or bfloat16', 'dtype is float32 or float64'],
  gradients: ['gradients are asked for', 'no gradients are asked for'],
  training: ['a training is asked for', 'no training is asked for'],
  SGD: ['the optimizer is SGD', 'the optimizer is not SGD'],
  Adam: ['the optimizer is Adam', 'the optimizer is not Adam'],
  weightDecay: ['weight_decay > 0', 'weight_decay = 0'],
  momentum: ['momentum > 0', 'momentum = 0'],
  notFinite: ['a number is NaN or infinite', 'all numbers are finite'],
  nan: ['a number is NaN', 'no number is NaN'],
  negativeZero: ['numbers are −0', 'no number is −0'],
  subnormal: ['numbers are subnormal', 'no number is subnormal'],
  tiny: ['numbers are tiny (2⁻²⁰ times as large)', 'numbers are not tiny'],
  huge: ['numbers are huge (10⁵ and 10³⁰ times as large)', 'numbers are not huge'],
  large: ['weights are large (4 times and more)', 'weights are not large'],
  squareIh: ['input_size = hidden_size', 'input_size ≠ hidden_size'],
  squareBlock: ['a gate’s block of a weight_ih is square', 'no gate’s block of a weight_ih is square'],
  squareInput: ['seq_len = batch', 'seq_len ≠ batch'],
  first: ['it is the first call', 'it is not the first call'],
  sameShapes: ['an earlier call had the same shapes', 'no earlier call had the same shapes'],
  sameParameters: [
    'an earlier call had parameters of the same shapes',
    'no earlier call had parameters of the same shapes',
  ],
  sameParameter: [
    'an earlier call had a parameter of the same name and shape',
    'no earlier call had a parameter of the same name and shape',
  ],
  sameOutputs: ['an earlier call had outputs of the same shapes', 'no earlier call had outputs of the same shapes'],
  againShapes: ['the call before had the same shapes', 'the call before had other shapes'],
  largerBefore: ['an earlier call of the module was larger', 'no earlier call of the module was larger'],
} as const

export type Statement = keyof typeof statements

/** All that a condition can be about. */
export interface Facts {
  readonly numbers: Readonly<Record<Quantity, readonly number[]>>
  readonly holds: ReadonlySet<Statement>
}

const largeWeights: ReadonlySet<string> = new Set(['large', 'saturated', 'chaotic'])

/** What is known of a request before it is asked, in the order of calls that `history` holds. */
export function factsOf(spec: RecurrentSpec, history: History): Facts {
  const { module, input_size, hidden_size, options = {}, profile = 'default', dtype = 'float32' } = spec
  const { seq_len = 1, batch = 4, training } = spec
  const lengths = spec.lengths ?? undefined
  const { num_layers = 1, proj_size = 0, bidirectional = false } = options
  const [layer, directions, rows] = [isLayer(module), bidirectional ? 2 : 1, batch ?? 1]
  const state = proj_size > 0 ? proj_size : hidden_size
  const gates = kinds[module].gates.length
  const deeper = num_layers > 1 ? [directions * state] : []
  const steps = layer ? seq_len : 1
  const is: Readonly<Record<Statement, boolean>> = {
    RNN: module.startsWith('RNN'),
    LSTM: module.startsWith('LSTM'),
    GRU: module.startsWith('GRU'),
    cell: !layer,
    relu: options.nonlinearity === 'relu',
    noBias: options.bias === false,
    batchFirst: options.batch_first === true && batch !== null,
    bidirectional,
    projected: proj_size > 0,
    masked: spec.masked === true,
    unbatched: batch === null,
    noState: spec.state === false,
    lengths: lengths !== undefined,
    shorter: lengths?.some((length) => length < seq_len) === true,
    unsorted: lengths?.some((length, row) => row > 0 && length > lengths[row - 1]!) === true,
    float16: dtype === 'float16',
    bfloat16: dtype === 'bfloat16',
    float32: dtype === 'float32',
    float64: dtype === 'float64',
    half: dtype === 'float16' || dtype === 'bfloat16',
    gradients: spec.gradients === true,
    training: training !== undefined && training !== null,
    SGD: training?.['optimizer'] === 'SGD',
    Adam: training?.['optimizer'] === 'Adam',
    weightDecay: training?.['weight_decay'] !== undefined,
    momentum: training?.['momentum'] !== undefined,
    notFinite: /nan|infinite/.test(profile),
    nan: /nan/.test(profile),
    negativeZero: profile === 'negative_zero',
    subnormal: profile === 'subnormal',
    tiny: profile === 'tiny',
    huge: profile === 'huge',
    large: largeWeights.has(profile),
    squareIh: input_size === hidden_size,
    squareBlock:
      (input_size === hidden_size && hidden_size > 1) || deeper.some((width) => width === hidden_size && width > 1),
    squareInput: layer && seq_len === batch,
    ...history.before(spec),
  }
  const once = (all: readonly number[]): number[] => [...new Set(all)]
  return {
    numbers: {
      input_size: [input_size],
      hidden_size: [hidden_size],
      proj_size: proj_size > 0 ? [proj_size] : [],
      num_layers: layer ? [num_layers] : [],
      seq_len: layer ? [seq_len] : [],
      batch: batch === null ? [] : [batch],
      'the length of the shortest row': layer ? [Math.min(seq_len, ...(lengths ?? []))] : [],
      'the length of the longest row': layer ? [lengths === undefined ? seq_len : Math.max(...lengths)] : [],
      'the rows of input (seq_len · batch)': [steps * rows],
      'num_layers · directions': layer ? [num_layers * directions] : [],
      'the length of a sum': once([input_size, state, ...deeper, ...(proj_size > 0 ? [hidden_size] : [])]),
      'the rows of a weight': once([gates * hidden_size, ...(proj_size > 0 ? [proj_size] : [])]),
      'the number of earlier calls': [history.calls],
      'the elements of input': [steps * rows * input_size],
      'the elements of output': [steps * rows * directions * state],
      'the elements of a weight': once([
        gates * hidden_size * input_size,
        ...[state, ...deeper].map((width) => gates * hidden_size * width),
      ]),
    },
    holds: new Set((Object.keys(is) as Statement[]).filter((name) => is[name])),
  }
}

type Before = Pick<
  Record<Statement, boolean>,
  'first' | 'sameShapes' | 'sameParameters' | 'sameParameter' | 'sameOutputs' | 'againShapes' | 'largerBefore'
>

/** The calls that an engine has had since it was started. */
export class History {
  readonly #shapes = new Set<string>()
  readonly #parameters = new Set<string>()
  readonly #parameter = new Set<string>()
  readonly #outputs = new Set<string>()
  readonly #largest = new Map<string, number>()
  #last = ''
  #calls = 0

  /** An engine that has been started afresh has had none. */
  clear(): void {
    for (const kept of [this.#shapes, this.#parameters, this.#parameter, this.#outputs, this.#largest]) kept.clear()
    this.#last = ''
    this.#calls = 0
  }

  /** How many calls there were. */
  get calls(): number {
    return this.#calls
  }

  add(spec: RecurrentSpec): void {
    this.#calls++
    const { shapes, parameters, each, outputs, size } = signature(spec)
    this.#shapes.add(shapes)
    for (const parameter of each) this.#parameter.add(parameter)
    this.#parameters.add(parameters)
    this.#outputs.add(outputs)
    this.#largest.set(spec.module, Math.max(size, this.#largest.get(spec.module) ?? 0))
    this.#last = shapes
  }

  before(spec: RecurrentSpec): Before {
    const { shapes, parameters, each, outputs, size } = signature(spec)
    return {
      first: this.#last === '',
      sameShapes: this.#shapes.has(shapes),
      sameParameters: this.#parameters.has(parameters),
      sameParameter: each.some((parameter) => this.#parameter.has(parameter)),
      sameOutputs: this.#outputs.has(outputs),
      againShapes: this.#last === shapes,
      largerBefore: (this.#largest.get(spec.module) ?? 0) > size,
    }
  }
}

/** How calls are told apart by what keeps something from one to the next. */
interface Signature {
  readonly shapes: string
  readonly parameters: string
  readonly each: readonly string[]
  readonly outputs: string
  readonly size: number
}

function signature(spec: RecurrentSpec): Signature {
  const { module, input_size, hidden_size, seq_len = 1, batch = 4, options = {}, dtype = 'float32' } = spec
  const { num_layers = 1, proj_size = 0, bidirectional = false, bias = true, batch_first = false } = options
  const parameters = [module, dtype, input_size, hidden_size, num_layers, proj_size, bidirectional, bias].join()
  const state = proj_size > 0 ? proj_size : hidden_size
  const width = state * (bidirectional ? 2 : 1)
  const time = isLayer(module) ? (batch_first ? [batch, seq_len] : [seq_len, batch]) : [batch]
  const training = spec.training?.['steps']
  const asked = [spec.state !== false, spec.lengths !== undefined, spec.gradients === true, training]
  const named = (name: string, ...sizes: readonly number[]): string =>
    [module, dtype, name, hidden_size, ...sizes].join()
  const each = [named('weight_ih_l0', input_size), named('weight_hh_l0', state)]
  if (bias) each.push(named('bias_l0'))
  if (proj_size > 0) each.push(named('weight_hr_l0', proj_size))
  if (bidirectional) each.push(named('reverse', input_size), named('reverse'))
  for (let layer = 1; layer < num_layers; layer++)
    each.push(named(`weight_ih_l${layer}`, width), named(`weight_hh_l${layer}`, state))
  return {
    shapes: [parameters, ...time, ...asked, spec.masked === true].join(),
    parameters,
    each,
    // Gradients are as many, and as large, as what went in.
    outputs: [
      module.startsWith('LSTM'),
      isLayer(module),
      num_layers,
      width,
      ...time,
      ...(spec.gradients === true || training !== undefined ? [parameters, ...asked] : []),
    ].join(),
    size: (isLayer(module) ? seq_len : 1) * (batch ?? 1) * width,
  }
}

// A port that is asked one thing and computes another: an option is ignored or is another one, an input is left out or misread.
import { isModelRequest, type Request } from '../../format/case.ts'
import { layerConfig } from '../../format/module.ts'
import { elementCount } from '../../format/tensor.ts'
import type { Value } from '../edit.ts'
import type { Operator } from './operator.ts'

const choices: readonly (readonly string[])[] = [
  ['tanh', 'relu'],
  ['last', 'transformed_last', 'transformed_all', 'dot', 'additive'],
  ['initial_state', 'every_step'],
  ['greedy', 'teacher_forcing'],
  ['every', 'first'],
  ['last', 'mean'],
]
const kept = new Set([
  'input_size',
  'hidden_size',
  'num_layers',
  'proj_size',
  'num_classes',
  'rnn',
  'batch_first',
  'bias',
  'bidirectional',
  'optimizer',
  'steps',
])

/** The values that an option has elsewhere. */
function others(own: unknown): Value[] {
  if (typeof own === 'boolean') return [!own]
  if (typeof own === 'number') return own === 0 ? [] : [0, ...(own === 1 ? [] : [1])]
  if (typeof own !== 'string') return []
  return choices.flatMap((all) => (all.includes(own) ? all.filter((choice) => choice !== own) : []))
}

type Options = Readonly<Record<string, unknown>>

/** An option of the module or of the training. value: what it is taken for */
export const option: Operator = {
  *candidates({ request: { config, training } }) {
    for (const [place, options] of [
      ['config', config],
      ['training', training ?? {}],
    ] as const) {
      for (const [name, own] of Object.entries(options)) {
        if (kept.has(name)) continue
        const all = others(own)
        // Of two that are words it is the other, whichever that is.
        const values = typeof own === 'string' && all.length === 1 ? ['the other'] : all
        for (const value of values) yield { operator: 'option', operand: { tensor: `${place}.${name}` }, value }
        if (Array.isArray(own))
          yield { operator: 'option', operand: { tensor: `${place}.${name}` }, value: 'the other way round' }
      }
    }
  },
  ask({ operand: { tensor = '' }, value }, request) {
    const [place, name] = tensor.split('.') as ['config' | 'training', string]
    const options = request[place] as Options | undefined
    if (options === undefined || !(name in options)) return undefined
    const own = options[name]
    const made =
      value === 'the other'
        ? others(own)[0]
        : value === 'the other way round'
          ? (own as readonly unknown[]).toReversed()
          : value
    if (typeof own === 'string' && !others(own).includes(made as Value)) return undefined
    return own === made ? undefined : { ...request, [place]: { ...options, [name]: made } }
  },
  says({ operand: { tensor = '' }, value }) {
    const name = tensor.split('.')[1]
    if (value === false || value === 0) return `ignores ${name}`
    return value === 'the other way round'
      ? `takes ${name} the other way round`
      : `takes ${value === true ? 'True' : (value as string)} for ${name}`
  },
}

/** An input is not read. */
export const ignored: Operator = {
  *candidates({ request: { inputs } }) {
    for (const name of ['lengths', 'dropout_mask'])
      if (name in inputs) yield { operator: 'ignored', operand: { tensor: name } }
  },
  ask({ operand: { tensor = '' } }, request) {
    const names = tensor.split(' and ')
    const left = Object.fromEntries(Object.entries(request.inputs).filter(([name]) => !names.includes(name)))
    return Object.keys(left).length === Object.keys(request.inputs).length
      ? undefined
      : ({ ...request, inputs: left } as Request)
  },
  says: ({ operand: { tensor = '' } }) =>
    /_0/.test(tensor) ? `ignores ${tensor} and starts from zeros` : `ignores ${tensor}`,
}

/**
 * The first two axes of input are read the other way, with what belongs to rows as it lies. value: whether the shapes are
 * exchanged, or the numbers are read as they lie in the same shape
 */
export const axes: Operator = {
  *candidates({ request }) {
    const [first = 1, second = 1] = isModelRequest(request) ? [] : request.inputs.input.shape
    const isBatched =
      !isModelRequest(request) && layerConfig(request.config) !== undefined && request.inputs.input.shape.length === 3
    if (isBatched && first * second > 1 && request.training === undefined) {
      for (const value of ['again', 'zero']) yield { operator: 'axes', operand: { tensor: 'input' }, value }
    }
  },
  ask({ value }, request) {
    if (isModelRequest(request) || request.training !== undefined || request.cotangents !== undefined) return undefined
    const config = layerConfig(request.config)
    const [first = 1, second = 1] = request.inputs.input.shape
    if (config === undefined || request.inputs.input.shape.length !== 3) return undefined
    const batch = config.batch_first ? second : first
    const states = config.num_layers * (config.bidirectional ? 2 : 1)
    const again = (own: {
      readonly dtype: string
      readonly shape: readonly number[]
      readonly data: ArrayLike<number>
    }): unknown => {
      const shape = [states, batch, own.shape.at(-1)!]
      const count = elementCount(shape)
      const { data } = own
      const numbers = Float64Array.from(
        { length: count },
        (_, i) => (value === 'again' ? data[i % data.length] : data[i]) ?? 0,
      )
      return { dtype: own.dtype, shape, data: numbers }
    }
    const { h_0, c_0, lengths, dropout_mask, ...inputs } = request.inputs
    if (lengths !== undefined) return undefined
    const [layers = 1, , , width = 1] = dropout_mask?.shape ?? []
    const mask = dropout_mask && {
      ...dropout_mask,
      shape: [layers, ...(config.batch_first ? [first, second] : [second, first]), width],
    }
    return {
      ...request,
      config: { ...config, batch_first: !config.batch_first },
      inputs: {
        ...inputs,
        ...(h_0 && { h_0: again(h_0) }),
        ...(c_0 && { c_0: again(c_0) }),
        ...(mask && { dropout_mask: mask }),
      },
    } as unknown as Request
  },
  says: () => 'ignores batch_first, or assumes it: it takes the first two axes of input for each other',
}

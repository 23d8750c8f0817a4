import type { ModelRequest, Outputs, RecurrentRequest } from '../../format/case.ts'
import type { Departures } from '../../variants/departures.ts'
import type { Fault } from '../../faults.ts'
import { gateFaults } from '../../faults/gates.ts'
import { parameterFaults } from '../../faults/parameters.ts'
import { variants } from '../../faults/variants.ts'
import { floatTensor } from '../../format/tensor.ts'
import { activationsOfOthers } from './activations.ts'
import { gateLayouts, gateOrders } from './gates.ts'
import { precisions } from './precisions.ts'

type Recurrent = Fault<RecurrentRequest>

/** The recurrent layers of a model: the prefix of their parameters, and a request for each as if it stood alone. */
function layersOf({ config, dtype, params }: ModelRequest): ReadonlyMap<string, RecurrentRequest> {
  const { rnn, hidden_size } = config
  const prefixes = Object.keys(params).flatMap((name) => /^(.+\.)weight_hh_l0$/.exec(name)?.[1] ?? [])
  const request = (prefix: string): RecurrentRequest => {
    const own = Object.entries(params).filter(([name]) => name.startsWith(prefix))
    const named = Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]))
    const input_size = named['weight_ih_l0']!.shape[1]!
    const options = {
      bias: named['bias_ih_l0'] !== undefined,
      num_layers: 1,
      bidirectional: false,
      batch_first: false,
      dropout: 0,
      ...(rnn === 'RNN' && { nonlinearity: 'tanh' }),
      ...(rnn === 'LSTM' && { proj_size: 0 }),
    }
    const inputs = { input: floatTensor(dtype, [0, 1, input_size], []) }
    // The same constructor arguments as those of the layer; TypeScript cannot follow that.
    return {
      module: rnn,
      config: { input_size, hidden_size, ...options },
      dtype,
      params: named,
      inputs,
    } as RecurrentRequest
  }
  return new Map(prefixes.map((prefix) => [prefix, request(prefix)]))
}

/** A fault of a recurrent layer in the recurrent layers of a model; only: the prefix of the one that has it. */
function inLayers(fault: Recurrent, only?: string): Fault<ModelRequest> {
  const chosen = (request: ModelRequest): [string, RecurrentRequest][] =>
    [...layersOf(request)].filter(([prefix, own]) => (only ?? prefix) === prefix && fault.appliesTo(own))
  const where = only === undefined ? '' : ` in ${only.slice(0, -1)} alone`
  return {
    name: `${fault.name}${where}`,
    sentence: `${fault.sentence}${where === '' ? '' : `,${where}`}`,
    appliesTo: (request) => chosen(request).length > 0,
    plant: (right) => (request, departures) => {
      const layers = chosen(request)
      const params = { ...request.params }
      let inside: Departures | undefined = departures
      for (const [prefix, own] of layers) {
        const read = fault.plant((asked, others) => {
          for (const [name, tensor] of Object.entries(asked.params)) params[prefix + name] = tensor
          inside = others
          return {}
        })
        read(own, departures)
      }
      const outputs = right({ ...request, params }, inside)
      const gradients: Outputs[] = layers.map(([prefix, own]) => {
        const given = Object.keys(own.params).flatMap((name) => {
          const gradient = outputs[`grad_${prefix}${name}`]
          return gradient === undefined ? [] : [[`grad_${name}`, gradient] as const]
        })
        const back = fault.plant(() => Object.fromEntries(given))(own)
        return Object.fromEntries(
          Object.entries(back).map(([name, tensor]) => [name.replace('grad_', `grad_${prefix}`), tensor]),
        )
      })
      return Object.assign({}, outputs, ...gradients)
    },
  }
}

const ofParameters = parameterFaults.filter(({ equivalent }) => equivalent === undefined)
/** A model has no other nonlinearity to ask for: that is one of the activations. */
const ofGates = gateFaults.filter(({ name }) => name !== 'relu for tanh, tanh for relu')
const names = new Set([...ofParameters, ...ofGates].map(({ name }) => name))
const others = [...gateOrders, ...gateLayouts, ...precisions, ...activationsOfOthers].filter(
  // The states of a model are not rounded by its layers.
  ({ name }) => !names.has(name) && !name.startsWith('states in'),
)
const everywhere = [...ofParameters, ...ofGates, ...variants.filter(({ name }) => names.has(name)), ...others].map(
  (fault) => inLayers(fault),
)

/** Faults of recurrent layers, and what is near to them, in all layers of a model; those of parameters also in each alone. */
export function faultsOfLayers(request: ModelRequest): readonly Fault<ModelRequest>[] {
  const layers = [...layersOf(request).keys()]
  const alone = layers.flatMap((prefix) => ofParameters.map((fault) => inLayers(fault, prefix)))
  return layers.length < 2 ? everywhere : [...everywhere, ...alone]
}

import type { ModelRequest, RecurrentRequest } from '../format/case.ts'
import { runProgram } from '../program.ts'
import type { Numbers, WholeLayer } from '../program/interpret.ts'
import { elementCount, type FloatTensor } from '../format/tensor.ts'
import { type Machine, onMachine } from './machine.ts'
import { type Places, read, recurrent } from './recurrent.ts'

/** A model as its program says, but that its layers are computed by the kernels. */
export function model(request: ModelRequest): Numbers {
  return onMachine('float64', (machine) => runProgram(request, undefined, { whole: onKernels(machine) }))
}

const parameters = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'] as const

function onKernels(machine: Machine): WholeLayer {
  return ({ module }, given, lengths, kept) => {
    const tensor = (name: string, shape = given[name]!.shape): FloatTensor => {
      return { dtype: 'float64', shape, data: given[name]!.data }
    }
    const states = Object.keys(given).filter((name) => name === 'h_0' || name === 'c_0')
    const input_size = given['weight_ih']!.shape[1]!
    const hidden_size = given['weight_hh']!.shape[1]!
    const layer = { num_layers: 1, bias: true, batch_first: false, dropout: 0, bidirectional: false }
    const own = { RNN: { nonlinearity: 'tanh' }, LSTM: { proj_size: 0 }, GRU: {} }[module]
    const whole = lengths && { dtype: 'int64', shape: [lengths.length], data: BigInt64Array.from(lengths, BigInt) }
    // It has the arguments of the module; TypeScript cannot follow that.
    const request = {
      module,
      config: { input_size, hidden_size, ...layer, ...own },
      dtype: 'float64',
      params: Object.fromEntries(parameters.map((name) => [`${name}_l0`, tensor(name)])),
      inputs: {
        input: tensor('input'),
        ...Object.fromEntries(states.map((name) => [name, tensor(name, [1, ...given[name]!.shape])])),
        ...(whole && { lengths: whole }),
      },
    } as unknown as RecurrentRequest
    const { outputs, backward } = recurrent(machine, request, request.params, kept)
    return {
      outputs: Object.fromEntries(
        Object.entries(numbersOf(machine, outputs)).map(([name, data]) => {
          const { shape } = outputs[name]!
          // There is one layer and one direction.
          return [name, { shape: name === 'output' ? shape : shape.slice(1), data }]
        }),
      ),
      backward(cotangents) {
        const by = Object.fromEntries(Object.entries(cotangents).map(([name, data]) => [name, { data }]))
        const gradients = Object.entries(numbersOf(machine, backward(by)))
        return Object.fromEntries(gradients.map(([name, d]) => [name.replace(/^grad_|_l0$/g, ''), d]))
      },
    }
  }
}

function numbersOf(machine: Machine, places: Places): Numbers {
  const all = Object.entries(places).map(([name, place]) => {
    return [name, read(machine, place, new Float64Array(elementCount(place.shape)))]
  })
  return Object.fromEntries(all) as Numbers
}

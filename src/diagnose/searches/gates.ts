import type { RecurrentRequest } from '../../format/case.ts'
import { type Fault, hasBias, isGRU, isLSTM, reading, reorder } from '../../faults/fault.ts'
import { inOrder } from '../../faults/gates.ts'
import { kinds } from '../../format/module.ts'
import type { FloatTensor } from '../../format/tensor.ts'

type Recurrent = Fault<RecurrentRequest>

/** Every order of these letters but their own. */
function orders(own: string): string[] {
  const all = (letters: string): string[] =>
    letters.length < 2
      ? [letters]
      : Array.from(letters).flatMap((first) => all(letters.replace(first, '')).map((rest) => first + rest))
  return all(own).filter((order) => order !== own)
}

const spaced = (letters: string): string => Array.from(letters).join(' ')

/** The blocks of rows in any other order, in all parameters or in some. */
export const gateOrders: readonly Recurrent[] = (['ifgo', 'rzn'] as const).flatMap((own) => {
  const places = [
    ['weight_ih', 'weight_hh', 'bias'],
    ['weight_ih', 'weight_hh'],
    ['weight_ih'],
    ['weight_hh'],
    ['bias'],
  ]
  return orders(own).flatMap((order) =>
    places.map((parameters): Recurrent => {
      const where = parameters.length === 3 ? '' : ` in ${parameters.join(' and ')} alone`
      return {
        name: `gates in the order ${spaced(order)}${where}`,
        sentence: `takes the blocks of rows for ${spaced(order)}${where}, where torch has ${spaced(own)}`,
        appliesTo: (request) =>
          kinds[request.module].gates.join('') === own && (parameters[0] !== 'bias' || hasBias(request)),
        plant: inOrder(order, own, parameters),
      }
    }),
  )
})

/** Rows that stand unit by unit, with the gates of each beside each other, as some frameworks store them. */
function interleaved(gates: number): Recurrent['plant'] {
  const from = (tensor: FloatTensor): ((row: number) => number) => {
    const units = tensor.shape[0]! / gates
    return (row) => (row % units) * gates + Math.floor(row / units)
  }
  const back = (tensor: FloatTensor): FloatTensor => {
    const units = tensor.shape[0]! / gates
    return reorder(tensor, (row) => (row % gates) * units + Math.floor(row / gates))
  }
  return (right) =>
    ['weight_ih', 'weight_hh', 'bias'].reduce(
      (run, name) => reading(name, (tensor) => reorder(tensor, from(tensor)), back)(run),
      right,
    )
}

export const gateLayouts: readonly Recurrent[] = [isLSTM, isGRU].map((isOne, i) => ({
  name: 'gates interleaved by unit',
  sentence: 'reads the rows of weights and biases unit by unit, with the gates of a unit beside each other',
  appliesTo: isOne,
  plant: interleaved(4 - i),
}))

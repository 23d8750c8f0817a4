import type { Id } from './operation.ts'
import type { Writer } from './write.ts'

/** What is handed from step to step: h, and the c of an LSTM. */
export interface States {
  readonly h: Id
  readonly c?: Id
}

/** Writes the operations of a step: a gate is everything that is written in its place. */
interface CellWriter extends Writer {
  readonly gate: (name: string, body: () => Id) => Id
  /** x W_ihᵀ + b_ih, of the gate at hand. */
  readonly ih: (x: Id) => Id
  /** h W_hhᵀ + b_hh, of the gate at hand. */
  readonly hh: (h: Id) => Id
  /** One of its own, beside the weights and biases that every cell has; name: without the layer's suffix. */
  readonly own: (name: string) => Id
}

/** The equations of a recurrent module. */
export interface Cell {
  /** The blocks of hidden_size rows in weight_ih and weight_hh, in their order. */
  readonly gates: readonly string[]
  readonly hasCellState: boolean
  step(writer: CellWriter, x: Id, states: States): States
}

/** How the parameters of a layer and direction are called, and which of them there are. */
export interface Parameters {
  readonly nameOf: (parameter: string) => string
  readonly bias: boolean
  /** Whether h is projected by weight_hr. */
  readonly isProjected: boolean
}

/** Reads a cell's parameters. → its step, which may be written in the body of a loop */
export function prepared(
  writer: Writer,
  cell: Cell,
  { nameOf, bias, isProjected }: Parameters,
): (x: Id, states: States) => States {
  const read = (name: string): Id => writer.at({ tensor: name }, () => writer.parameter(nameOf(name)))
  const parameters = Object.fromEntries(
    ['weight_ih', 'weight_hh', ...(bias ? ['bias_ih', 'bias_hh'] : [])].map((name) => [name, read(name)]),
  )
  const weight_hr = isProjected ? read('weight_hr') : undefined
  const blocks = Object.fromEntries(
    cell.gates.map((gate, index) => {
      const block = (name: string, whole: Id): Id =>
        writer.at({ gate, tensor: name }, () => writer.chunk(whole, cell.gates.length, 0, index))
      return [gate, Object.fromEntries(Object.entries(parameters).map(([name, id]) => [name, block(name, id)]))]
    }),
  )

  let gate = ''
  const term = (x: Id, weight: string, bias: string): Id => {
    const own = blocks[gate]!
    const product = writer.at({ tensor: weight }, () => writer.linear(x, own[weight]!))
    return own[bias] === undefined ? product : writer.at({ tensor: bias }, () => writer.add(product, own[bias]!))
  }
  const cellWriter: CellWriter = {
    ...writer,
    gate(name, body) {
      gate = name
      return writer.at({ gate: name }, body)
    },
    ih: (x) => term(x, 'weight_ih', 'bias_ih'),
    hh: (h) => term(h, 'weight_hh', 'bias_hh'),
    own: read,
  }
  return (x, states) => {
    const { h, ...others } = cell.step(cellWriter, x, states)
    if (weight_hr === undefined) return { h, ...others }
    return { h: writer.at({ tensor: 'weight_hr' }, () => writer.linear(h, weight_hr)), ...others }
  }
}

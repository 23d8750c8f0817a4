import type { Cell } from './cell.ts'
import { gru } from './gru.ts'
import { over } from './layers.ts'
import { lstm } from './lstm.ts'
import type { Id, Operation } from './operation.ts'
import { rnn } from './rnn.ts'
import { program } from './write.ts'

/** A loop that is a layer of torch's, forward in time: whoever computes such a layer as a whole need not go through its operations. */
export interface Recognised {
  readonly module: 'RNN' | 'LSTM' | 'GRU'
  /** What reads stand for what: `input`, `h_0`, `c_0`, and the parameters by torch's names without a suffix. */
  readonly ids: Readonly<Record<string, Id>>
  readonly lengths: Id | undefined
  /** What gives the output at each step, and the states of the body. */
  readonly output: Id
  readonly states: { readonly h: Id; readonly c?: Id }
}

/** The layers that models have: with biases, without a projection. */
const cells = { RNN: rnn('tanh'), LSTM: lstm, GRU: gru } as const

/** A program is run more than once. */
const remembered = new WeakMap<Operation<'loop'>, { readonly layer: Recognised | undefined }>()

/** siblings: the operations beside the loop, of which it reads. → undefined where it is anything else */
export function recognised(loop: Operation<'loop'>, siblings: readonly Operation[]): Recognised | undefined {
  const before = remembered.get(loop)
  if (before !== undefined) return before.layer
  const layer = recognisedNow(loop, siblings)
  remembered.set(loop, { layer })
  return layer
}

function recognisedNow(loop: Operation<'loop'>, siblings: readonly Operation[]): Recognised | undefined {
  const { operands, attributes } = loop
  if (attributes.reverse) return undefined
  const own = described(loop, siblings)
  for (const [module, cell] of Object.entries(cells)) {
    const known = knownOf(module, cell)
    if (known.text !== own.text) continue
    const ids = Object.fromEntries(known.reads.map((id, i) => [known.names.get(id)!, own.reads[i]!]))
    const [h, c] = Object.keys(attributes.next)
    const output = attributes.next[h!]!
    const isOther = (other: Operation): boolean =>
      other.op === 'stacked' && other.operands[0] === loop.id && other.attributes.of !== output
    if (siblings.some(isOther)) return undefined
    const states = { h: h!, ...(c !== undefined && { c }) }
    return { module: module as keyof typeof cells, ids, lengths: operands[0], output, states }
  }
  return undefined
}

/** A body in words that do not depend on ids, and what it reads from outside, in order. */
interface Described {
  readonly text: string
  readonly reads: readonly Id[]
}

function described({ attributes }: Operation<'loop'>, siblings: readonly Operation[]): Described {
  const reads: Id[] = []
  const inside = new Map(attributes.body.map(({ id }, i) => [id, `#${i}`]))
  const blocks = new Map(siblings.flatMap((own) => (own.op === 'chunk' ? [[own.id, own] as const] : [])))
  const wordOf = (id: Id): string => {
    const block = blocks.get(id)
    if (block !== undefined) return JSON.stringify([wordOf(block.operands[0]!), block.attributes])
    const own = inside.get(id)
    if (own !== undefined) return own
    if (!reads.includes(id)) reads.push(id)
    return `$${reads.indexOf(id)}`
  }
  const lines = attributes.body.map(({ op, operands, attributes }) => {
    return [op, operands.map((operand) => wordOf(operand)), op === 'loop' ? 'another' : attributes]
  })
  const next = Object.entries(attributes.next).map((pair) => pair.map((id) => wordOf(id)))
  return { text: JSON.stringify([lines, next]), reads }
}

interface Known extends Described {
  /** What each read is called. */
  readonly names: ReadonlyMap<Id, string>
}

const known = new Map<string, Known>()

/** What a layer of a cell looks like: it is written, once, as every layer is. */
function knownOf(module: string, cell: Cell): Known {
  const before = known.get(module)
  if (before !== undefined) return before
  const { operations } = program((writer) => {
    const [input, h, c] = ['input', 'h_0', 'c_0'].map((name) => writer.input(name)) as [Id, Id, Id]
    const parameters = { nameOf: (name: string) => name, bias: true, isProjected: false }
    const states = cell.hasCellState ? { h, c } : { h }
    return { output: over(writer, cell, { parameters, input, states, seq_len: 1 }).output }
  })
  const loop = operations.find((own) => own.op === 'loop')!
  const leaves = operations.flatMap((own) =>
    own.op === 'input' || own.op === 'parameter' ? [[own.id, own.attributes.name] as const] : [],
  )
  const own = { ...described(loop, operations), names: new Map(leaves) }
  known.set(module, own)
  return own
}

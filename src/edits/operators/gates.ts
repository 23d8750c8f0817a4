// The gates of a cell, and the blocks of rows of them in another order.
import { everyOperation } from '../../program/operation.ts'
import type { Context } from '../context.ts'
import { editOperations } from '../rewrite.ts'
import type { Operator } from './operator.ts'
import { groups } from './siblings.ts'

export function gatesOf({ program }: Context): number {
  for (const { op, attributes } of everyOperation(program.operations)) {
    if (op === 'chunk') return attributes.chunks
  }
  return 1
}

/** weight_hr has no rows of gates. */
const ofGates = groups
  .map((tensors) => tensors.filter((name) => name !== 'weight_hr'))
  .filter((tensors) => tensors.length > 0)

/** The blocks of rows of the gates in another order. value: for which gates the blocks are taken, one after the other */
export const gateOrder: Operator = {
  *candidates(context) {
    const letters = lettersOf(context)
    if (letters.length < 3) return
    for (const order of permutations(letters)) {
      if (order === letters) continue
      for (const tensors of ofGates) {
        yield { operator: 'gates', operand: { op: 'chunk' }, value: { order, tensors } }
      }
    }
  },
  edit(edit, context, program) {
    const { order, tensors } = edit.value as { order: string; tensors: readonly string[] }
    const letters = lettersOf(context)
    if (letters.length !== order.length || !Array.from(order).every((gate) => letters.includes(gate))) return undefined
    return editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'chunk' || !tensors.includes(operation.site.tensor ?? '')) return undefined
      const { gate = '' } = operation.site
      const index = order.indexOf(gate)
      return index < 0 ? undefined : { ...operation, attributes: { ...operation.attributes, index } }
    })
  },
  says({ value }) {
    const { order, tensors } = value as { order: string; tensors: readonly string[] }
    const own = order.length === 4 ? 'i f g o' : 'r z n'
    const where = tensors.length === 4 ? '' : ` of ${tensors.join(' and ')}`
    return `takes the blocks of rows${where} for ${Array.from(order).join(' ')}, where torch has ${own}`
  },
}

function lettersOf({ program }: Context): string {
  const gates = new Set<string>()
  for (const { op, site } of everyOperation(program.operations)) {
    if (op === 'chunk' && site.gate !== undefined) gates.add(site.gate)
  }
  return [...gates].join('')
}

function permutations(letters: string): string[] {
  if (letters.length < 2) return [letters]
  return Array.from(letters).flatMap((first) => permutations(letters.replace(first, '')).map((rest) => first + rest))
}

// One thing in the place of another of its kind: of another layer, direction, gate, or of the other product.
import { inputName } from '../../program/exported.ts'
import type { Operation } from '../../program/operation.ts'
import { isExported } from '../../format/case.ts'
import { type Context, isBidirectional, type Node } from '../context.ts'
import type { Edit } from '../edit.ts'
import { operandsOf } from '../operand.ts'
import { editOperations } from '../rewrite.ts'
import type { Operator } from './operator.ts'

/** Whose is taken: by the layer and direction that it is taken for. */
const others: Readonly<
  Record<
    string,
    {
      readonly of: (layer: number, reverse: boolean, layers: number) => readonly [number, boolean]
      readonly says: string
    }
  >
> = {
  forward: { of: (layer) => [layer, false], says: 'the forward direction’s' },
  reverse: { of: (layer) => [layer, true], says: 'the reverse direction’s' },
  'other direction': { of: (layer, reverse) => [layer, !reverse], says: 'the other direction’s' },
  'layer 0': { of: (_, reverse) => [0, reverse], says: 'layer 0’s' },
  'last layer': { of: (_, reverse, layers) => [layers - 1, reverse], says: 'the last layer’s' },
  'at most layer 1': { of: (layer, reverse) => [Math.min(layer, 1), reverse], says: 'layer 1’s from layer 2 on' },
  'layer before': { of: (layer, reverse) => [Math.max(0, layer - 1), reverse], says: 'the layer before’s' },
  'layer after': {
    of: (layer, reverse, layers) => [Math.min(layers - 1, layer + 1), reverse],
    says: 'the next layer’s',
  },
  'layers reversed': {
    of: (layer, reverse, layers) => [layers - 1 - layer, reverse],
    says: 'those of the layers from the last to the first',
  },
  'layer 0 forward': { of: () => [0, false], says: 'layer 0’s forward' },
  'by direction': {
    of: (layer, reverse, layers) => byDirection(layer, reverse, layers),
    says: 'what stands in the order of directions, then layers',
  },
}

function byDirection(layer: number, reverse: boolean, layers: number): [number, boolean] {
  const place = (reverse ? layers : 0) + layer
  return [Math.floor(place / 2), place % 2 === 1]
}

/** Parameters that a port may have wrong together. */
export const groups: readonly (readonly string[])[] = [
  ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'],
  ['weight_ih', 'weight_hh', 'weight_hr'],
  ['bias_ih', 'bias_hh'],
  ['weight_ih', 'bias_ih'],
  ['weight_hh', 'bias_hh'],
  ['weight_ih'],
  ['weight_hh'],
  ['bias_ih'],
  ['bias_hh'],
  ['weight_hr'],
]

/** Parameters of another layer or direction. value: whose, and which parameters */
export const sibling: Operator = {
  *candidates(context) {
    const { num_layers, request } = context
    const hasTwo = isBidirectional(context)
    if (num_layers < 2 && !hasTwo) return
    const isThere = (tensor: string): boolean => Object.keys(request.params).some((name) => name.includes(tensor))
    // Two of which one is not there are the other one, which comes before.
    const last = (tensors: readonly string[]): number => Number(tensors.length === 2 && !tensors.every(isThere))
    const ordered = groups.toSorted((one, other) => last(one) - last(other))
    for (const [of, other] of Object.entries(others)) {
      if (!changes(other, num_layers, hasTwo)) continue
      for (const tensors of ordered) yield { operator: 'sibling', operand: { op: 'parameter' }, value: { of, tensors } }
    }
  },
  edit(edit, context, program) {
    const { of, tensors } = edit.value as { of: string; tensors: readonly string[] }
    return editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'parameter' || !tensors.includes(operation.site.tensor ?? '')) return undefined
      const { layer = 0, direction = 'forward' } = operation.site
      const [l, reverse] = others[of]!.of(layer, direction === 'reverse', context.num_layers)
      return withParameter(operation, renamed(operation.attributes.name, l, reverse, context), context)
    })
  },
  says({ value }) {
    const { of, tensors } = value as { of: string; tensors: readonly string[] }
    const what = tensors.length === 5 ? 'parameters' : tensors.length === 3 ? 'weights' : tensors.join(' and ')
    return `uses ${others[of]!.says} ${what} in the place of each layer and direction’s own`
  },
}

function changes(other: (typeof others)[string], layers: number, isBidirectional: boolean): boolean {
  for (let layer = 0; layer < layers; layer++) {
    for (const reverse of isBidirectional ? [false, true] : [false]) {
      const [l, r] = other.of(layer, reverse, layers)
      if ((l !== layer || r !== reverse) && (isBidirectional || !r)) return true
    }
  }
  return false
}

/** By torch's names, `weight_hh_l1_reverse`, or in a model `rnn.1.weight_hh_l0`. */
function renamed(name: string, layer: number, reverse: boolean, { request }: Context): string {
  if (!isExported(request) && /\.\d+\./.test(name)) return name.replace(/\.\d+\./, `.${layer}.`)
  return name.replace(/_l\d+(_reverse)?$/, `_l${layer}${reverse ? '_reverse' : ''}`)
}

function withParameter(operation: Operation<'parameter'>, name: string, { request }: Context): Operation | undefined {
  const [own, other] = [request.params[operation.attributes.name], request.params[name]]
  if (name === operation.attributes.name || other === undefined || own?.shape.join() !== other.shape.join())
    return undefined
  return { ...operation, attributes: { name } }
}

/** Parameters by other names: the one for x in the place of the one for h, or the encoder's for the decoder's. */
export const exchange: Operator = {
  *candidates({ request }) {
    for (const [names, [one, other]] of Object.entries(exchanges)) {
      const has = Object.keys(request.params).some(
        (name) => name.includes(one) && name.replace(one, other) in request.params,
      )
      for (const how of has ? ['both', one, other] : []) {
        yield { operator: 'exchange', operand: { op: 'parameter' }, value: { names, how } }
      }
    }
  },
  edit(edit, context, program) {
    const { names, how } = edit.value as { names: string; how: string }
    const [one, other] = exchanges[names]!
    return editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'parameter') return undefined
      const { name } = operation.attributes
      if (name.includes(one) && how !== other) return withParameter(operation, name.replace(one, other), context)
      return name.includes(other) && how !== one
        ? withParameter(operation, name.replace(other, one), context)
        : undefined
    })
  },
  says({ value }) {
    const { names, how } = value as { names: string; how: string }
    const [one, other] = exchanges[names]!
    if (how === 'both') return `takes ${one} for ${other} and the other way round`
    return how === one ? `takes ${other} in the place of ${one}` : `takes ${one} in the place of ${other}`
  },
}

const exchanges: Readonly<Record<string, readonly [string, string]>> = {
  biases: ['bias_ih', 'bias_hh'],
  weights: ['weight_ih', 'weight_hh'],
  parts: ['encoder.', 'decoder.'],
  embeddings: ['source_embedding.', 'target_embedding.'],
}

/** Of several that stand one after the other, another one is taken: a layer's and direction's state, a gate's block, a mask. */
export const other: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [{ operation, shape }] = nodes as readonly [Node]
      if (operation.op === 'select') {
        const size = context.byId.get(operation.operands[0]!)?.shape.at(operation.attributes.dim) ?? 1
        if (size > 1) for (const of of selections) yield { operator: 'other', operand, value: of }
      }
      if (operation.op === 'chunk' && shape.length > 0) {
        const { chunks, index } = operation.attributes
        for (let i = 0; i < chunks; i++) if (i !== index) yield { operator: 'other', operand, value: i }
      }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      if (operation.op === 'chunk') {
        const index = edit.value as number
        return index < operation.attributes.chunks
          ? { ...operation, attributes: { ...operation.attributes, index } }
          : undefined
      }
      if (operation.op !== 'select') return undefined
      const { dim, index } = operation.attributes
      const size = context.byId.get(operation.operands[0]!)?.shape.at(dim) ?? 1
      const { layer = 0, direction } = operation.site
      const from = placeOf(edit.value as string, index, size, layer, direction, context)
      return from === index || from < 0 || from >= size ? undefined : { ...operation, attributes: { dim, index: from } }
    }),
  says({ value }, name) {
    if (typeof value === 'number') return `takes block ${value} for ${name}`
    return `takes ${name} of ${value as string} for every layer and direction`
  },
}

const selections = [
  'the first',
  'the last',
  'the forward direction',
  'the other direction',
  'the next',
  'the one before',
  'the other order',
  'layer 0',
  'the order of directions',
] as const

function placeOf(
  of: string,
  index: number,
  size: number,
  layer: number,
  direction: string | undefined,
  { num_layers }: Context,
): number {
  const D = Math.max(1, Math.round(size / num_layers))
  const own = direction === 'reverse' ? 1 : 0
  switch (of) {
    case 'the first':
      return 0
    case 'the last':
      return size - 1
    case 'the forward direction':
      return layer * D
    case 'the other direction':
      return D === 2 ? layer * D + 1 - own : index
    case 'the next':
      return Math.min(size - 1, index + 1)
    case 'the one before':
      return Math.max(0, index - 1)
    case 'layer 0':
      return own
    case 'the order of directions':
      return own * num_layers + layer
    default:
      return size - 1 - index
  }
}

/** So many inputs after one of a captured model are tried in its place. */
const mostNeighbours = 8

/** Two tensors of one shape, given out or taken in, in each other's place. value: what stands in the place of what */
export const swapped: Operator = {
  *candidates({ request, program, byId }) {
    const names = Object.keys(program.outputs)
    const shapeOf = (name: string): string | undefined => byId.get(program.outputs[name]!)?.shape.join()
    for (const [i, one] of names.entries()) {
      for (const two of names.slice(i + 1)) {
        if (shapeOf(one) !== shapeOf(two)) continue
        yield { operator: 'swapped', operand: {}, value: { [one]: two, [two]: one } }
        yield { operator: 'swapped', operand: {}, value: { [one]: two } }
        yield { operator: 'swapped', operand: {}, value: { [two]: one } }
      }
    }
    if (isExported(request)) {
      const own = Object.entries(request.inputs).map(([name, { shape }]) => [name, shape.join()] as const)
      for (const [i, [one, shape]] of own.entries()) {
        for (const [two] of own.slice(i + 1, i + 1 + mostNeighbours).filter(([, other]) => other === shape)) {
          for (const value of [{ [one]: two, [two]: one }, { [one]: two }, { [two]: one }])
            yield { operator: 'swapped', operand: { op: 'input' }, value }
        }
      }
      return
    }
    const { h_0, c_0 } = request.inputs as Readonly<Record<string, { readonly shape: readonly number[] } | undefined>>
    if (h_0 === undefined || c_0 === undefined || h_0.shape.join() !== c_0.shape.join()) return
    for (const value of [{ h_0: 'c_0', c_0: 'h_0' }, { h_0: 'c_0' }, { c_0: 'h_0' }] as const) {
      yield { operator: 'swapped', operand: { op: 'input' }, value: value }
    }
  },
  edit(edit, context, program) {
    const by = edit.value as Readonly<Record<string, string>>
    const inputs: Readonly<Record<string, { readonly shape: readonly number[] }>> = { ...context.request.inputs }
    if (edit.operand.op === 'input') {
      const isAlike = Object.entries(by).every(
        ([own, other]) => inputs[own] !== undefined && inputs[own].shape.join() === inputs[other]?.shape.join(),
      )
      if (!isAlike) return undefined
      return editOperations(edit, context, program, (operation) => {
        if (operation.op !== 'input') return undefined
        const nameOf = isExported(context.request) ? inputName : (name: string): string => name
        const own = Object.keys(by).find((name) => nameOf(name) === operation.attributes.name)
        if (own === undefined) return undefined
        return { ...operation, attributes: { ...operation.attributes, name: nameOf(by[own]!) } }
      })
    }
    const { outputs } = program
    if (!Object.entries(by).every((pair) => pair.every((name) => name in outputs))) return undefined
    const shapeOf = (name: string): string | undefined => context.byId.get(outputs[name]!)?.shape.join()
    if (!Object.entries(by).every(([name, from]) => shapeOf(name) === shapeOf(from))) return undefined
    const moved = Object.fromEntries(Object.entries(by).map(([name, from]) => [name, outputs[from]!]))
    return { ...program, outputs: { ...outputs, ...moved } }
  },
  says({ value, operand }: Edit) {
    const pairs = Object.entries(value as Readonly<Record<string, string>>)
    const verb = operand.op === 'input' ? 'takes' : 'returns'
    const [[own, from]] = pairs as [[string, string]]
    return `${verb} ${from} for ${own}${pairs.length > 1 ? ' and the other way round' : ''}`
  },
}

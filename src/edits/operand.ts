import type { Context, Node } from './context.ts'
import { isWithin, nodesAt, nowhere, scopesOf } from './context.ts'
import type { Edit, Operand, Scope } from './edit.ts'

/** An operand and the operations that it means in a request. */
export interface Meant {
  readonly operand: Operand
  readonly nodes: readonly [Node, ...Node[]]
}

/** From wide to narrow: what of an operation an operand may say. */
const views: readonly (readonly (keyof Operand)[])[] = [
  ['in'],
  ['op', 'function', 'in'],
  ['kind', 'in'],
  ['kind', 'tensor', 'in'],
  ['op', 'tensor', 'in', 'k'],
  ['op', 'tensor', 'gate', 'in', 'k'],
  ['op', 'tensor', 'gate', 'part', 'in', 'k'],
]

type View = (typeof views)[number]

function seenBy(view: View, operand: Operand): Operand {
  return Object.fromEntries(view.flatMap((key) => (key in operand ? [[key, operand[key]]] : []))) as Operand
}

/** What may be said of an operation, from wide to narrow. */
export function viewsOf({ operand }: Node): Operand[] {
  return views
    .map((view) => seenBy(view, operand))
    .filter((own) => own.op !== undefined || own.kind !== undefined || own.in !== undefined)
}

const known = new WeakMap<Context, readonly Meant[]>()

/**
 * Every operand of a request, the wider first; of those that mean the same operations the widest alone, as it says most about
 * other requests.
 */
export function operandsOf(context: Context): readonly Meant[] {
  const before = known.get(context)
  if (before !== undefined) return before
  const all = new Map<string, Meant>()
  const places = new Map(context.nodes.map((node, i) => [node, i]))
  for (const view of views) {
    const groups = new Map<string, { operand: Operand; nodes: [Node, ...Node[]] }>()
    for (const node of context.nodes) {
      const { operand } = node
      // Of all operations of one kind only activations and products are anything together.
      if (view[1] === 'function' && operand.function === undefined && operand.op !== 'linear') continue
      if (view.length === 1 && operand.in !== 'gradients') continue
      if (view[0] === 'kind' && operand.kind === undefined) continue
      // The rows of all gates are the parameter.
      if (view === views[4] && operand.op === 'chunk') continue
      if (node.operation.op === 'chunk' && node.operation.attributes.chunks === 1) continue
      if (view.length === 4 && operand.tensor === nowhere) continue
      const own = seenBy(view, operand)
      const key = JSON.stringify(own)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { operand: own, nodes: [node] })
      else group.nodes.push(node)
    }
    for (const group of groups.values()) {
      const key = group.nodes.map((node) => places.get(node)).join()
      // Of the way back all are kept: what is of one tensor and what is of all are two things.
      const own = group.operand.in === 'gradients' ? `${key} ${JSON.stringify(group.operand)}` : key
      if (!all.has(own)) all.set(own, group)
    }
  }
  // What is stored comes first: what is read of it is the same, where there is one layer.
  const rank = ({ operand: own, nodes: [{ operation, operand }] }: Meant): number => {
    if (operand.kind?.endsWith('as given') === true) return 3
    // All weights together come after each of them.
    if (own.tensor === undefined && (own.kind === 'weights' || own.kind === 'biases')) return 0.5
    return operation.op === 'parameter' ? 0 : operation.op === 'step' ? 1 : 2
  }
  const narrow = ({ operand }: Meant): number => {
    if (operand.in !== 'gradients') return 0
    return operand.kind === 'gradients by initial states' ? -10 : -Object.keys(operand).length
  }
  const meant = [...all.values()].toSorted((one, other) => rank(one) - rank(other) || narrow(one) - narrow(other))
  known.set(context, meant)
  return meant
}

/** The same edit in parts of what it is about, the wider first. */
export function narrowed(edit: Edit, context: Context): Edit[] {
  const nodes = nodesAt(context, edit.operand)
  const seen = new Set([nodes.length])
  const found = new Set<string>()
  return scopesOf(context).flatMap((scope: Scope) => {
    const within = nodes.filter((node) => isWithin(node, scope, context))
    const key = within.map((node) => node.operation.id).join()
    if (within.length === 0 || seen.has(within.length) || found.has(key)) return []
    found.add(key)
    return [{ ...edit, scope }]
  })
}

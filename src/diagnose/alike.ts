// Edits that are one and the same in a case, and others elsewhere: in its last layer, or in all but its first.
import { type Context, nodesAt } from '../edits/context.ts'
import { type Edit, keyOf, type Scope } from '../edits/edit.ts'
import { operators } from '../edits/operators.ts'

const directions: readonly Scope['direction'][] = [undefined, 'reverse', 'forward']

/** Every scope that a case of so many layers may stand for, the wider first. */
function scopesFor(num_layers: number): Scope[] {
  const middle = Array.from({ length: Math.max(0, num_layers - 1) }, (_, i) => i + 1)
  const layers: Scope['layers'][] = [undefined, 'later', 'first', 'last', 'before last', ...middle]
  return layers.flatMap((own) =>
    directions.map((direction) => ({ ...(own !== undefined && { layers: own }), ...(direction && { direction }) })),
  )
}

/** What an edit is in a request: edits of the same effect give the same there. */
export function effectOf(
  { scope = {}, gradient, ...rest }: Edit,
  context: Context,
  hasGradients = context.request.cotangents !== undefined,
): string {
  const within = new Set(nodesAt(context, rest.operand, scope))
  const places = context.nodes.flatMap((node, i) => (within.has(node) ? [i] : []))
  return [keyOf(rest), places.length === 0 ? JSON.stringify(scope) : places.join(), hasGradients ? gradient : ''].join(
    ' ',
  )
}

/** Edits as they may be meant, themselves first: each in every scope, and with every way back, that is the same in this request. */
export function alikeTo(edits: readonly Edit[], context: Context): (readonly Edit[])[] {
  const keys = new Set<string>()
  const all: (readonly Edit[])[] = []
  const add = (own: readonly Edit[]): void => {
    const key = keyOfAll(own)
    if (!keys.has(key)) all.push(own)
    keys.add(key)
  }
  add(edits)
  for (const [i, edit] of edits.entries()) {
    const effect = effectOf(edit, context)
    const { scope: _, gradient: __, ...rest } = edit
    for (const gradient of [edit.gradient, edit.gradient === undefined ? ('kept' as const) : undefined]) {
      for (const scope of operators[edit.operator]!.edit === undefined ? [{}] : scopesFor(context.num_layers)) {
        const isEverywhere = Object.keys(scope).length === 0
        const other: Edit = { ...rest, ...(!isEverywhere && { scope }), ...(gradient && { gradient }) }
        if (effectOf(other, context) === effect) add(edits.with(i, other))
      }
    }
  }
  return all
}

/** The same for the same edits, in whichever order. */
export function keyOfAll(edits: readonly Edit[]): string {
  return edits
    .map((edit) => keyOf(edit))
    .toSorted()
    .join('\n')
}

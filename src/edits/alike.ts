// Edits that are one and the same in a request, and others elsewhere, as in its last layer or in all but its first: only other
// requests tell them apart.
import { type Context, nodesAt } from './context.ts'
import { type Edit, keyOf, type Scope } from './edit.ts'
import { viewsOf } from './operand.ts'
import { operators } from './operators.ts'

const directions: readonly Scope['direction'][] = [undefined, 'reverse', 'forward']

/** Every scope that a request of so many layers may stand for, the wider first. */
function scopesFor(num_layers: number): Scope[] {
  const middle = Array.from({ length: Math.max(0, num_layers - 1) }, (_, i) => i + 1)
  const layers: Scope['layers'][] = [undefined, 'later', 'first', 'last', 'before last', ...middle]
  return layers.flatMap((own) =>
    directions.map((direction) => ({ ...(own !== undefined && { layers: own }), ...(direction && { direction }) })),
  )
}

/** Which operations an edit means in a request, where there are any. */
function placesOf({ operand, scope = {} }: Pick<Edit, 'operand' | 'scope'>, context: Context): string | undefined {
  const within = new Set(nodesAt(context, operand, scope))
  return within.size === 0 ? undefined : context.nodes.flatMap((node, i) => (within.has(node) ? [i] : [])).join()
}

/** What an edit is in a request: edits of the same effect give the same there. */
export function effectOf(
  { scope = {}, gradient, ...rest }: Edit,
  context: Context,
  hasGradients = context.request.cotangents !== undefined,
): string {
  const places = placesOf({ ...rest, scope }, context) ?? JSON.stringify(scope)
  return [keyOf(rest), places, hasGradients ? gradient : ''].join(' ')
}

/** An edit in every scope that is the same in this request, the wider first. */
function inScopes(edit: Edit, context: Context): Edit[] {
  const { scope: _, ...rest } = edit
  if (operators[edit.operator]!.edit === undefined) return [rest]
  return scopesFor(context.num_layers)
    .map((scope): Edit => (Object.keys(scope).length === 0 ? rest : { ...rest, scope }))
    .filter((other) => effectOf(other, context) === effectOf(edit, context))
}

/** An edit that may know of the way back or not, where a request has none. */
function inWaysBack(edit: Edit, context: Context): Edit[] {
  const { gradient, ...rest } = edit
  const other: Edit = gradient === undefined ? { ...edit, gradient: 'kept' } : rest
  return effectOf(other, context) === effectOf(edit, context) ? [edit, other] : [edit]
}

/** An edit of what else means the same operations there. */
function inOperands(edit: Edit, context: Context): Edit[] {
  const own = placesOf(edit, context)
  const [node] = nodesAt(context, edit.operand, edit.scope)
  if (own === undefined || node === undefined) return []
  return viewsOf(node)
    .map((operand): Edit => ({ ...edit, operand }))
    .filter((other) => placesOf(other, context) === own)
}

/** Each of the edits in other words, the others as they are: themselves first, and none twice. */
function inWords(edits: readonly Edit[], words: (edit: Edit) => readonly Edit[]): (readonly Edit[])[] {
  const keys = new Set<string>()
  const all = [edits, ...edits.flatMap((edit, i) => words(edit).map((other) => edits.with(i, other)))]
  return all.filter((own) => {
    const key = keyOfAll(own)
    return !keys.has(key) && keys.add(key)
  })
}

/** Edits as they may be meant, themselves first: each in every scope, and with every way back, that is the same in this request. */
export function alikeTo(edits: readonly Edit[], context: Context): (readonly Edit[])[] {
  return inWords(edits, (edit) => inWaysBack(edit, context).flatMap((own) => inScopes(own, context)))
}

const sameOfTwo: Readonly<Record<string, Scope['layers']>> = { later: 'last', last: 'later' }

/** Edits of later layers said of the last one, and the other way round, where this request has two. */
export function inLastOrLater(edits: readonly Edit[], context: Context): (readonly Edit[])[] {
  const other = edits.map((edit): Edit => {
    const layers = sameOfTwo[edit.scope?.layers ?? '']
    return layers === undefined ? edit : { ...edit, scope: { ...edit.scope, layers } }
  })
  const isSame = edits.every((edit, i) => effectOf(edit, context) === effectOf(other[i]!, context))
  return isSame && keyOfAll(edits) !== keyOfAll(other) ? [other] : []
}

/** Edits in other words that mean the same operations in this request: in other scopes, or of another operand. */
export function relativesOf(edits: readonly Edit[], context: Context): (readonly Edit[])[] {
  const all = inWords(edits, (edit) => {
    const isSomewhere = placesOf(edit, context) !== undefined
    return [...(isSomewhere ? inScopes(edit, context) : []), ...inOperands(edit, context)]
  })
  return all.slice(1)
}

/** The same for the same edits, in whichever order. */
export function keyOfAll(edits: readonly Edit[]): string {
  return edits
    .map((edit) => keyOf(edit))
    .toSorted()
    .join('\n')
}

// Other edits that are the same in one request: they differ in others, so that only asking a port tells them apart.
import { type Context, nodesAt } from './context.ts'
import { type Edit, keyOf, type Scope } from './edit.ts'
import { viewsOf } from './operand.ts'

const layers: readonly Scope['layers'][] = [undefined, 'last', 'later', 'first', 'before last', 1, 2]
const directions: readonly Scope['direction'][] = [undefined, 'reverse', 'forward']
const scopes: readonly Scope[] = layers.flatMap((own) =>
  directions.map((direction) => ({
    ...(own !== undefined && { layers: own }),
    ...(direction && { direction }),
  })),
)

/** Each of the edits in other words that mean the same operations there, the others as they are. */
export function relativesOf(edits: readonly Edit[], context: Context): (readonly Edit[])[] {
  return edits.flatMap((edit, i) => othersOf(edit, context).map((other) => edits.with(i, other)))
}

function othersOf(edit: Edit, context: Context): Edit[] {
  const { scope: _, ...rest } = edit
  const meant = (operand: Edit['operand'], scope?: Scope): string =>
    nodesAt(context, operand, scope)
      .map(({ operation }) => operation.id)
      .join()
  const own = meant(edit.operand, edit.scope)
  if (own === '') return []
  const others: Edit[] = []
  for (const scope of scopes) {
    const isWhole = Object.keys(scope).length === 0
    if (meant(edit.operand, scope) === own) others.push(isWhole ? rest : { ...rest, scope })
  }
  const [node] = nodesAt(context, edit.operand, edit.scope)
  for (const operand of viewsOf(node!)) {
    if (meant(operand, edit.scope) === own) others.push({ ...edit, operand })
  }
  const seen = new Set([keyOf(edit)])
  return others.filter((other) => {
    const key = keyOf(other)
    return !seen.has(key) && seen.add(key)
  })
}

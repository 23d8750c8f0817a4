// What is said of an edit, by rule from operator, operand and scope.
import { isExported } from '../format/case.ts'
import { type Context, nodesAt, nowhere } from './context.ts'
import type { Edit, Operand, Scope } from './edit.ts'
import { operators } from './operators.ts'
import { gatesOf } from './operators/gates.ts'
import { whereText } from './given.ts'
import { expressionOf } from './expression.ts'

/** By rule: the operator, what it is about, and what it is told. */
export function ruleNameOf({ operator, operand, value }: Edit): string {
  const { tensor, gate, function: own, kind, part, op, in: place } = operand
  const isCell = op === 'activation' && gate === nowhere
  const what = [part, isCell ? 'cell' : gate, tensor ?? kind, own, place === 'cotangents' ? 'cotangent' : place]
  const told =
    value === undefined || value === true ? [] : [typeof value === 'object' ? JSON.stringify(value) : `${value}`]
  const isMeant = (word: string | undefined): word is string =>
    word !== undefined && word !== nowhere && word !== 'gradients' && word !== 'update'
  return [operator, ...what.filter(isMeant), ...told].join(' ')
}

/** What a port does that has it: `reads weight_hh transposed`. */
export function sentenceOf(edit: Edit, context: Context): string {
  const said = operators[edit.operator]!.says(edit, phraseOf(edit.operand, context, edit.scope))
  return (
    (gatesOf(context) > 1 ? said : ofOneGate(said)) +
    where(edit.scope) +
    whereText(edit.given) +
    (edit.gradient === undefined || context.request.cotangents === undefined ? '' : ', and not on the way back')
  )
}

/** An RNN has no gates of which one would speak. */
function ofOneGate(said: string): string {
  return said
    .replace('where the block of a gate is square', 'where it is square')
    .replace('the block of each gate', 'it')
}

function where({ layers, direction }: Scope = {}): string {
  const inLayers =
    layers === undefined
      ? ''
      : ({
          first: 'in layer 0',
          later: 'from layer 1 on',
          last: 'in the last layer',
          'before last': 'below the last layer',
        }[layers as 'first'] ?? `in layer ${layers}`)
  const own = [inLayers, direction === undefined ? '' : `in the ${direction} direction`].filter((word) => word !== '')
  return own.length === 0 ? '' : `, ${own.join(', ')}`
}

const functionNames: Readonly<Record<string, string>> = { sigmoid: 'the sigmoid' }

/** A captured model's modules have paths, with which the names of their parameters begin. */
function partText(part: string, tensor: string | undefined, { request }: Context): string {
  if (!isExported(request)) return ` of the ${part}`
  return tensor?.startsWith(part) === true ? '' : ` of ${part}`
}

/** What an edit is about, as one writes it. */
export function phraseOf(operand: Operand, context: Context, scope?: Scope): string {
  const { op, tensor, gate, part, function: own, kind } = operand
  const of = part === undefined ? '' : partText(part, tensor, context)
  if (operand.in === 'gradients' && tensor === undefined && kind === undefined) return 'every gradient'
  if (own !== undefined && gate === undefined) return (functionNames[own] ?? own) + of
  if (op === 'linear' && tensor === undefined) return `products${of}`
  if (kind !== undefined && tensor === undefined) {
    const names = new Set(nodesAt(context, operand, scope).map((node) => node.operand.tensor))
    return `${[...names].join(' and ')}${op === 'state' ? ' before each step' : ''}${of}`
  }
  const isNamed = tensor !== undefined && tensor !== nowhere
  if (op === 'chunk') return `the rows of ${tensor} for ${gate === undefined ? 'each gate' : `gate ${gate}`}${of}`
  if (op === 'parameter' || op === 'input' || op === 'select')
    return tensor === nowhere ? (context.byId.size ? 'the input' : '') : `${tensor}${of}`
  if (op === 'state') return `${tensor} before each step${of}`
  if (op === 'step') return isNamed ? `${tensor}${of}` : `what a layer reads at each step${of}`
  if (op === 'last' || op === 'stacked' || op === 'stack') return isNamed ? `${tensor}${of}` : `the states${of}`
  const [node] = nodesAt(context, operand, scope)
  if (op === 'activation' && gate !== undefined && gate !== nowhere) return `gate ${gate}${of}`
  return node === undefined ? `${tensor ?? op}${of}` : `${expressionOf(node, context)}${of}`
}

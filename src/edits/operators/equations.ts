// An equation is another one: a term or factor left out, one more, another function, another order, another number.
import type { Id, Operation, Program } from '../../program/operation.ts'
import { type Context, type Node, nodesAt, nowhere } from '../context.ts'
import type { Edit, Operand } from '../edit.ts'
import { slopeOf } from '../../program/elementwise.ts'
import { functions } from '../functions.ts'
import { sizesOf } from '../sizes.ts'
import { type Meant, operandsOf } from '../operand.ts'
import { editOperations, editValues, inOrder } from '../rewrite.ts'
import type { Operator } from './operator.ts'

const binary = new Set(['add', 'sub', 'mul', 'div', 'maximum', 'where', 'pow'])
const commutative = new Set(['add', 'mul', 'maximum'])

function shapeOf(context: Context, node: Node, id: Id): string | undefined {
  const nodes =
    node.operand.in === 'update' ? context.nodes.filter((other) => other.operand.in === 'update') : undefined
  const found = nodes?.find((other) => other.operation.id === id) ?? context.byId.get(id)
  return found?.shape.join()
}

/** Of an operation on several, one is taken as it is. value: which one */
export const drop: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      const { op, operands } = node.operation
      if (operand.op !== op) continue
      if (op === 'softmax' || op === 'log_softmax') yield { operator: 'drop', operand, value: 0 }
      if (!binary.has(op)) continue
      for (const [i, id] of operands.entries()) {
        const isCondition = op === 'where' && i === 0
        if (!isCondition && shapeOf(context, node, id) === node.shape.join())
          yield { operator: 'drop', operand, value: i }
      }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      const kept = operation.operands[edit.value as number]
      if (kept === undefined) return undefined
      return { ...operation, op: 'activation', operands: [kept], attributes: { function: 'identity' } }
    }),
  says: ({ operand: { op, tensor }, value }, name) => {
    if (tensor !== nowhere && op === 'add') return `leaves ${tensor} out of ${name}`
    return op === 'activation'
      ? `leaves out the function of ${name}`
      : `takes the ${value === 0 ? 'first' : 'second'} part alone of ${name}`
  },
}

/** The other way round. */
export const swap: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const { op, operands } = nodes[0].operation
      const isOrdered = (binary.has(op) && !commutative.has(op)) || (op === 'cat' && operands.length === 2)
      if (operand.op === op && isOrdered) yield { operator: 'swap', operand }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      const { op, operands } = operation
      const turned = op === 'where' ? [operands[0]!, operands[2]!, operands[1]!] : operands.toReversed()
      return { ...operation, operands: turned }
    }),
  says: (_, name) => `takes the two parts of ${name} the other way round`,
}

/** Another function. value: its name */
export const another: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [{ operation }] = nodes as readonly [Node]
      if (operation.op !== 'activation' || typeof operation.attributes.function !== 'string') continue
      for (const value of Object.keys(functions)) {
        const { for: isFor, isOfAll = false } = functions[value]!
        if (isOfAll && operand.function === undefined) continue
        if (value !== operation.attributes.function && isFor(operation.attributes.function)) {
          yield { operator: 'another', operand, value }
        }
      }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'activation') return undefined
      const own = functions[edit.value as string]!.of(context.request.dtype)
      const before = operation.attributes.function
      if (edit.gradient === undefined || typeof before !== 'string')
        return { ...operation, attributes: { function: own } }
      return { ...operation, attributes: { function: own, derivative: slopeOf(before) } }
    }),
  says: ({ value, operand }, name) =>
    `applies ${functions[value as string]!.says} instead of ${operand.function ?? `the function of ${name}`}`,
}

/** Another derivative, the value being right. */
export const derivative: Operator = {
  *candidates(context) {
    if (context.request.cotangents === undefined && context.request.training === undefined) return
    for (const { operand, nodes } of operandsOf(context)) {
      if (nodes[0].operation.op !== 'activation') continue
      for (const value of Object.keys(derivatives)) yield { operator: 'derivative', operand, value }
      if (ofValue(nodes[0]) === undefined) continue
      for (const other of othersFor(nodes[0], context)) {
        if (other.op === 'state') yield { operator: 'derivative', operand, value: { ...other } }
      }
    }
  },
  edit: (edit, context, program) =>
    typeof edit.value === 'object'
      ? elsewhere(edit, context, program)
      : editOperations(edit, context, program, (operation) => {
          if (operation.op !== 'activation') return undefined
          const derivative = derivatives[edit.value as string]!
          return { ...operation, attributes: { ...operation.attributes, derivative } }
        }),
  says: ({ value }, name) =>
    typeof value === 'object'
      ? `takes the derivative of ${name} at ${namedOperand(value as Operand)}${(value as Operand).op === 'state' ? ' before the step' : ''}`
      : `takes ${value as string} for the derivative of ${name}`,
}

/** The derivative is that of the function where its value is another, as that of the step before. */
function elsewhere(edit: Edit, context: Context, program: Program): Program | undefined {
  return editValues(edit, context, program, (write, x, node) => {
    const other = otherOf(edit.value as Operand, node, context)
    const slope = ofValue(node)
    if (other === undefined || slope === undefined) return undefined
    const y = write('detach', [other.operation.id], {})
    const at = { name: `derivative at ${other.operation.id}`, of: (own: number) => slope(own), slope: () => 0 }
    const factor = write('activation', [y], { function: at })
    return write('straight_through', [x, write('mul', [node.operation.operands[0]!, factor], {})], {})
  })
}

/** The derivative of a function from its value alone. */
function ofValue({ operation: { op, attributes } }: Node): ((y: number) => number) | undefined {
  if (op !== 'activation') return undefined
  const own = attributes.function
  if (own === 'tanh') return (y) => (1 - y) * (1 + y)
  return own === 'sigmoid' ? (y) => y * (1 - y) : undefined
}

const derivatives: Readonly<Record<string, (x: number, y: number) => number>> = {
  y: (_, y) => y,
  '1 − y': (_, y) => 1 - y,
  '1 − y²': (_, y) => 1 - y * y,
  'y (1 − y)': (_, y) => y * (1 - y),
  1: () => 1,
  '1 − x²': (x) => 1 - x * x,
  'x (1 − x)': (x) => x * (1 - x),
  '1 where x ≥ 0': (x) => (x >= 0 ? 1 : 0),
}

/** The derivative by a factor is taken as 1: what comes back goes on as it is. value: by which of the two */
export const straight: Operator = {
  *candidates(context) {
    if (context.request.cotangents === undefined && context.request.training === undefined) return
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      const { op, operands } = node.operation
      if (op !== operand.op || !['mul', 'sub', 'add', 'where'].includes(op) || node.operand.in !== undefined) continue
      for (const i of [0, 1]) {
        const id = operands[op === 'where' ? i + 1 : i]!
        if (shapeOf(context, node, id) !== node.shape.join()) continue
        if (op !== 'add' && op !== 'where') yield { operator: 'straight', operand, value: [i, 'one'] }
        yield { operator: 'straight', operand, value: [i, 'none'] }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues({ ...edit }, context, program, (write, x, { operation }) => {
      const [i, how] = edit.value as [number, string]
      const offset = operation.op === 'where' ? 1 : 0
      const own = operation.operands[i + offset]!
      const operands = operation.operands.map((id, j) => (j === i + offset ? write('detach', [id], {}) : id))
      const others = write(operation.op as 'mul', operands, operation.attributes as Record<string, never>)
      if (how === 'none') return write('add', [others, write('full_like', [x], { value: 0 })], {})
      // The other part has its own gradient, and this one what comes.
      const zeros = write('full_like', [own], { value: 0 })
      return write('add', [others, write('straight_through', [zeros, own], {})], {})
    }),
  says({ value }, name) {
    const [i, how] = value as [number, string]
    const which = i === 0 ? 'first' : 'second'
    return how === 'none'
      ? `passes no gradient to the ${which} part of ${name}`
      : `passes the gradient of ${name} to its ${which} part as it is`
  },
}

/** Products without their first or last term, which the way back does not know of. value: which */
export const shortened: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      if (operand.op !== 'linear' || nodes[0].operation.op !== 'linear') continue
      for (const value of ['last', 'first']) yield { operator: 'shortened', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, { operation: { operands } }) => {
      const sizeOf = (id: Id): number => context.byId.get(id)?.shape.at(-1) ?? 0
      const size = sizeOf(operands[1]!)
      if (size < 1) return undefined
      const index = Array.from({ length: size - 1 }, (_, i) => (edit.value === 'first' ? i + 1 : i))
      const parts = operands.map((id) => write('index_select', [id], { dim: -1, index }))
      return write('linear', parts, {})
    }),
  says: ({ value }, name) => `leaves the ${value as string} term out of ${name}`,
}

/** Products whose sums are rounded. value: the dtype */
export const sums: Operator = {
  *candidates(context) {
    const { dtype } = context.request
    for (const { operand } of operandsOf(context)) {
      if (operand.op !== 'linear') continue
      for (const value of ['float16', 'bfloat16'] as const) {
        if (value !== dtype) yield { operator: 'sums', operand, value }
      }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) =>
      operation.op === 'linear' ? { ...operation, attributes: { sums: edit.value as 'float16' } } : undefined,
    ),
  says: ({ value }, name) => `adds ${name} up in ${value as string}`,
}

/** What a product reads, rounded to the digits of TensorFloat-32 or a half. value: the dtype */
export const roundedProducts: Operator = {
  *candidates(context) {
    const { dtype } = context.request
    if (dtype === 'float16' || dtype === 'bfloat16') return
    for (const { operand } of operandsOf(context)) {
      if (operand.op === 'linear')
        for (const value of ['tf32', 'float16', 'bfloat16']) yield { operator: 'roundedProducts', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, { operation }) => {
      const operands = operation.operands.map((id) => write('round', [id], { dtype: edit.value as 'tf32' }))
      return write('linear', operands, {})
    }),
  says: ({ value }, name) => `rounds what it multiplies in ${name} to ${value as string}`,
}

/** A number of the program is another: one that stands elsewhere, its rest to 1, 0 or 1. value: what of it, or which number */
export const constant: Operator = {
  *candidates(context) {
    for (const meant of operandsOf(context)) {
      const [node] = meant.nodes
      if (!isConstant(meant)) continue
      for (const value of numbersFor(node, context)) yield { operator: 'constant', operand: meant.operand, value }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation, node) => {
      if (operation.op !== 'full' && operation.op !== 'full_like') return undefined
      const value = numberOf(edit.value as string | number, node, context)
      if (value === undefined || value === operation.attributes.value) return undefined
      return { ...operation, attributes: { ...operation.attributes, value } } as Operation
    }),
  says({ value, operand }, name) {
    const what = operand.tensor === nowhere ? name : operand.tensor
    return typeof value === 'number' ? `takes ${value} for ${what}` : `takes ${value as string} for ${what}`
  },
}

const isConstant = ({ nodes: [node], operand }: Meant): boolean =>
  operand.op === node.operation.op && operand.tensor !== 'loss' && (operand.op === 'full' || operand.op === 'full_like')

const ownNumber = ({ operation: { attributes } }: Node): number => (attributes as { readonly value: number }).value

/** By a name that other requests have too. */
function namedNumbers({ request }: Context): Map<string, number> {
  const named = new Map<string, number>()
  const training: Readonly<Record<string, unknown>> = { ...request.training }
  for (const [key, value] of Object.entries(training)) {
    if (typeof value === 'number' && key !== 'steps') named.set(key, value)
    if (key === 'betas') (value as readonly number[]).forEach((beta, i) => named.set(`betas[${i}]`, beta))
  }
  const sizes = sizesOf(request)
  for (const [key, value] of sizes) named.set(key, value)
  for (const [one, a] of sizes) for (const [other, b] of sizes) if (one < other) named.set(`${one} · ${other}`, a * b)
  for (const [key, value] of Object.entries(request.config)) {
    if (typeof value === 'number' && !named.has(key)) named.set(key, value)
  }
  for (const [key, value] of Array.from(named)) {
    if (value > 0 && value < 1) named.set(`1 − ${key}`, 1 - value)
    if (Number.isInteger(value) && !key.includes(' ')) named.set(`${key} + 1`, value + 1).set(`${key} − 1`, value - 1)
  }
  return named
}

function numbersFor(node: Node, context: Context): (string | number)[] {
  const own = ownNumber(node)
  const seen = new Set([own])
  const found: (string | number)[] = []
  for (const value of [0, 1]) {
    if (!seen.has(value)) found.push(value)
    seen.add(value)
  }
  // What counts is not what decays: whole numbers stand for sizes and symbols.
  for (const [name, value] of namedNumbers(context)) {
    if (seen.has(value) || Number.isInteger(own) !== Number.isInteger(value)) continue
    seen.add(value)
    found.push(name)
  }
  if (!Number.isInteger(own)) found.push('its square', 'its rest to 1', 'its root')
  return found
}

function numberOf(value: string | number, node: Node, context: Context): number | undefined {
  const own = ownNumber(node)
  if (typeof value === 'number') return value
  if (value === 'its square') return own * own
  if (value === 'its rest to 1') return 1 - own
  return value === 'its root' ? Math.sqrt(own) : namedNumbers(context).get(value)
}

/** What something is divided by is another number. value: which */
export const divisor: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (operand.op !== 'div' || operand.in !== undefined || node.operand.tensor !== 'loss') continue
      for (const [value] of sizesOf(context.request)) yield { operator: 'divisor', operand, value }
      for (const [one] of sizesOf(context.request)) {
        for (const [other] of sizesOf(context.request))
          if (one < other) yield { operator: 'divisor', operand, value: `${one} · ${other}` }
      }
      yield { operator: 'divisor', operand, value: 1 }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, { operation }) => {
      const value = edit.value === 1 ? 1 : namedNumbers(context).get(edit.value as string)
      if (value === undefined) return undefined
      return write('div', [operation.operands[0]!, write('full', [], { shape: [], value })], {})
    }),
  says: ({ value }, name) =>
    value === 1 ? `does not divide the ${name.split(' ')[0]}` : `divides the loss by ${value as string}`,
}

/**
 * Two operations one after the other, in the other order: f(x + e) in the place of f(x) + e. value: which of what it reads is the
 * other operation, or that it comes before the product that this is made of
 */
export const reversed: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      if (operand.op !== nodes[0].operation.op) continue
      for (const { i } of pairsOf(nodes[0], context)) yield { operator: 'reversed', operand, value: i }
      if (productOf(nodes[0], context) !== undefined) yield { operator: 'reversed', operand, value: beforeProduct }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, node) => {
      const { operation } = node
      const put = (own: Operation, j: number, x: Id): Id =>
        write(
          own.op as 'add',
          own.operands.map((id, k) => (k === j ? x : id)),
          own.attributes as Record<string, never>,
        )
      if (edit.value === beforeProduct) {
        const found = productOf(node, context)
        if (found === undefined) return undefined
        const { i, product, biases } = found
        const before = put(product, 0, put(operation, i, product.operands[0]!))
        return biases.reduceRight((x, bias) => put(bias, 0, x), before)
      }
      const pair = pairsOf(node, context).find(({ i }) => i === edit.value)
      if (pair === undefined) return undefined
      const { i, inner } = pair
      return put(inner, 0, put(operation, i, inner.operands[0]!))
    }),
  says: ({ value }, name) =>
    value === beforeProduct
      ? `takes ${name} before the product, where torch multiplies the product`
      : `takes the steps of ${name} in the other order`,
}

const beforeProduct = 'before the product'

/** The product that an operation on two is made of, through its biases. */
function productOf(
  { operation: { op, operands }, operand, shape }: Node,
  context: Context,
): { readonly i: number; readonly product: Operation; readonly biases: readonly Operation[] } | undefined {
  if (op !== 'mul' || operand.in !== undefined) return undefined
  for (const [i, id] of operands.entries()) {
    const biases: Operation[] = []
    let inner = context.byId.get(id)?.operation
    while (inner?.op === 'add' && inner.site.tensor?.startsWith('bias') === true) {
      biases.push(inner)
      inner = context.byId.get(inner.operands[0]!)?.operation
    }
    if (inner?.op !== 'linear') continue
    if (context.byId.get(inner.operands[0]!)?.shape.join() === shape.join()) return { i, product: inner, biases }
  }
  return undefined
}

/** An operation, and each of one operand, or of one that stands first, that it reads. */
function pairsOf(node: Node, context: Context): { readonly i: number; readonly inner: Operation }[] {
  const { operation } = node
  const pairs: { i: number; inner: Operation }[] = []
  if (!['add', 'sub', 'mul', 'div', 'activation'].includes(operation.op)) return pairs
  const place = node.operand.in
  if (place !== undefined && place !== 'update') return pairs
  for (const [i, id] of operation.operands.entries()) {
    const inner = context.nodes.find((other) => other.operand.in === place && other.operation.id === id)
    const { op } = inner?.operation ?? {}
    if (inner === undefined || !(op === 'activation' || op === 'div' || op === 'mul' || op === 'add')) continue
    if (operation.op === op || inner.shape.join() !== node.shape.join()) continue
    if (operation.op === 'activation' && op === 'activation') continue
    pairs.push({ i, inner: inner.operation })
  }
  return pairs
}

/** One more term: what else is there of that shape. value: the operand that is added */
export const added: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (!isPlace(node, operand)) continue
      for (const other of othersFor(node, context)) yield { operator: 'added', operand, value: { ...other } }
    }
  },
  edit(edit, context, program) {
    const made = editValues(edit, context, program, (write, x, node) => {
      const other = otherOf(edit.value as Operand, node, context)
      return other && write('add', [x, other.operation.id], {})
    })
    return made && inOrder(made)
  },
  says: ({ value }, name) => `adds ${namedOperand(value as Operand)} to ${name}`,
}

/** The rest to 1 of another gate. value: which */
export const coupled: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      if (operand.op !== 'activation' || operand.gate === undefined || operand.gate === nowhere) continue
      for (const other of othersFor(nodes[0], context)) {
        if (other.op === 'activation' && other.gate !== nowhere)
          yield { operator: 'coupled', operand, value: { ...other } }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const other = otherOf(edit.value as Operand, node, context)
      return other && write('sub', [write('full_like', [x], { value: 1 }), other.operation.id], {})
    }),
  says: ({ value }, name) => `takes 1 − ${(value as Operand).gate} for ${name}`,
}

/** Something else that is there of that shape. value: the operand that is taken */
export const instead: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (!isPlace(node, operand)) continue
      for (const other of othersFor(node, context)) yield { operator: 'instead', operand, value: { ...other } }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const other = otherOf(edit.value as Operand, node, context)
      return other && write('add', [other.operation.id, write('full_like', [x], { value: 0 })], {})
    }),
  says: ({ value }, name) => `takes ${namedOperand(value as Operand)} for ${name}`,
}

export function namedOperand({ tensor, gate, op, part }: Operand): string {
  const where = part === undefined ? '' : ` of ${part}`
  if (op === 'activation' && gate !== undefined && gate !== nowhere) return `gate ${gate}${where}`
  if (tensor !== undefined && tensor !== nowhere)
    return `${tensor}${gate === undefined || gate === nowhere ? '' : ` of gate ${gate}`}${where}`
  return `${op ?? 'a value'}${gate === undefined || gate === nowhere ? '' : ` of gate ${gate}`}${where}`
}

const places = new Set([
  'activation',
  'mul',
  'add',
  'sub',
  'state',
  'step',
  'linear',
  'cat',
  'select',
  'full',
  'sum',
  'div',
  'stacked',
  'last',
  'argmax',
  'reshape',
  'embedding',
])

function isPlace({ operation: { op }, operand: { in: place }, shape }: Node, operand: Operand): boolean {
  return operand.op === op && places.has(op) && place === undefined && shape.length > 0
}

/** What stands before it, in the same loop or before that, of the same shape. */
function* othersFor(node: Node, context: Context): Generator<Operand> {
  const { site } = node.operation
  for (const other of context.nodes) {
    // Of another layer it may be the same one.
    if (other === node) {
      if (isRepeated(node, context)) yield node.operand
      return
    }
    const { operand, operation, shape } = other
    if (operand.in !== undefined || operation.op === 'parameter' || operation.op === 'chunk') continue
    if (shape.join() !== node.shape.join() || !isSeen(other, node)) continue
    // What another layer or direction has at this place is meant as that of its own.
    const { layer, direction } = operation.site
    if (
      layer !== undefined &&
      (layer !== site.layer || direction !== site.direction) &&
      layer !== (site.layer ?? 0) - 1
    )
      continue
    yield operand
  }
}

/** Whether a layer below has the same. */
function isRepeated({ operand, shape, operation: { site } }: Node, context: Context): boolean {
  if (site.layer === undefined || operand.tensor !== 'output') return false
  return nodesAt(context, operand).some(
    (other) => other.operation.site.layer! > site.layer! && other.shape.join() === shape.join(),
  )
}

function isSeen(other: Node, node: Node): boolean {
  return other.loop === undefined || other.loop === node.loop
}

function otherOf(operand: Operand, node: Node, context: Context): Node | undefined {
  const alike = context.nodes.filter((other) =>
    Object.entries(operand).every(([key, value]) => other.operand[key as keyof Operand] === value),
  )
  const { site } = node.operation
  const seen = alike.filter(
    (other) => other !== node && isSeen(other, node) && other.shape.join() === node.shape.join(),
  )
  const place = context.nodes.indexOf(node)
  const before = seen.filter((other) => context.nodes.indexOf(other) < place)
  // What is computed later may be taken where it is not made of this.
  const all =
    before.length > 0 ? before : seen.filter((other) => !isMadeOf(other.operation, node.operation.id, context))
  const own = all.find(
    ({ operation }) => operation.site.layer === site.layer && operation.site.direction === site.direction,
  )
  return own ?? all.find(({ operation }) => operation.site.layer === (site.layer ?? 0) - 1) ?? all[0]
}

function isMadeOf({ op, operands, attributes }: Operation, id: Id, context: Context): boolean {
  const read = op === 'loop' ? [...operands, ...attributes.body.flatMap((own) => own.operands)] : operands
  return read.some((own) => {
    const operation = own === id ? undefined : context.byId.get(own)?.operation
    return own === id || (operation !== undefined && isMadeOf(operation, id, context))
  })
}

/** The logarithm of a softmax that is not one operation: with something added so that it is finite, or computed in the dtype. */
export const logarithm: Operator = {
  *candidates(context) {
    for (const { operand } of operandsOf(context)) {
      if (operand.op !== 'log_softmax') continue
      for (const eps of [0, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4]) {
        yield { operator: 'logarithm', operand, value: eps }
        // The loss may have a logarithm of its own.
        yield { operator: 'logarithm', operand, value: [eps, inOutput] }
      }
    }
  },
  edit(edit, context, program) {
    const [eps, isOutput] = toldOf(edit.value)
    const edited = editValues(edit, context, program, (write, _, { operation }) => {
      const isDouble = context.request.dtype === 'float64'
      const round = (x: number): number => (isDouble ? x : Math.fround(x))
      const of = (p: number): number => Math.log(round(round(p) + eps))
      const log = { name: 'log', of, slope: (p: number) => 1 / (p + eps) }
      const attributes = operation.attributes as { readonly dim: number }
      const [x] = operation.operands as readonly [Id]
      if (eps > 0) return write('activation', [write('softmax', [x], attributes)], { function: log })
      const exp = { name: 'exp', of: (y: number) => round(Math.exp(y)), slope: (_: number, y: number) => y }
      const all = write('activation', [x], { function: exp })
      const sum = write('sum', [all], attributes)
      const shape = [...(context.byId.get(operation.id)?.shape.slice(0, -1) ?? []), 1]
      const part = write('div', [all, write('reshape', [sum], { shape })], {})
      return write('activation', [part], { function: log })
    })
    return isOutput ? withRightLoss(edit, context, program, edited) : edited
  },
  says({ value }, name) {
    const [eps, isOutput] = toldOf(value)
    const how = eps === 0 ? 'log(exp x / Σ exp x), which overflows,' : `log(p + ${eps})`
    return `takes ${how} for ${name}${isOutput ? ', and torch’s in the loss' : ''}`
  },
}

const inOutput = 'in the output'

/** A number, and whether the loss has its own. */
function toldOf(value: Edit['value']): readonly [number, boolean] {
  return Array.isArray(value) ? [value[0] as number, true] : [value as number, false]
}

/** The loss reads what torch has. */
function withRightLoss(
  edit: Edit,
  context: Context,
  before: Program,
  edited: Program | undefined,
): Program | undefined {
  if (edited === undefined) return undefined
  const right = new Map(nodesAt(context, edit.operand).map(({ operation: { id } }) => [id, `${id}.right`]))
  const isRead = (id: Id): boolean =>
    before.operations.some(({ op, operands }) => op === 'nll_loss' && operands.includes(id))
  const operations = edited.operations.flatMap((operation): Operation[] => {
    const own = before.operations.find(({ id }) => id === operation.id)
    if (own !== undefined && right.has(own.id) && isRead(own.id)) return [{ ...own, id: right.get(own.id)! }, operation]
    if (operation.op !== 'nll_loss') return [operation]
    return [{ ...operation, operands: operation.operands.map((id) => right.get(id) ?? id) }]
  })
  return { ...edited, operations }
}

/** Along another dim. value: which */
export const dim: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const { operation, shape } = nodes[0]
      if (!['softmax', 'log_softmax', 'argmax'].includes(operand.op ?? '')) continue
      const own = (operation.attributes as { readonly dim: number }).dim
      const dims = operand.op === 'argmax' ? [] : shape.map((_, i) => i)
      for (const value of dims)
        if (value !== (own + shape.length) % shape.length) yield { operator: 'dim', operand, value }
    }
    const alike = context.nodes.filter(({ operation: { op } }) => op === 'softmax' || op === 'log_softmax')
    if (alike.length < 2) return
    yield { operator: 'dim', operand: {}, value: 0 }
    yield { operator: 'dim', operand: {}, value: [0, inOutput] }
  },
  edit(edit, context, program) {
    const [value, isOutput] = toldOf(edit.value)
    const edited = editOperations(edit, context, program, (operation, { shape }) => {
      if (operation.op !== 'softmax' && operation.op !== 'log_softmax') return undefined
      const { dim } = operation.attributes
      if (value >= shape.length || (dim + shape.length) % shape.length === value) return undefined
      return { ...operation, attributes: { dim: value } }
    })
    return isOutput ? withRightLoss(edit, context, program, edited) : edited
  },
  says({ value }, name) {
    const [axis, isOutput] = toldOf(value)
    return `normalises ${name === 'undefined' ? 'softmax' : name} over axis ${axis}${isOutput ? ', and as torch does in the loss' : ''}`
  },
}

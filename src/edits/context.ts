import { isExported, type Request } from '../format/case.ts'
import { largest } from '../format/tensor.ts'
import { differentiated, givenOf, programOf, runProgram } from '../program.ts'
import { interpret } from '../program/interpret.ts'
import type { Known } from '../program/reuse.ts'
import type { Seen } from '../program/scope.ts'
import { everyOperation, type Id, type Operation, type Program, type Site } from '../program/operation.ts'
import type { Operand, Scope } from './edit.ts'

/** An operation of PyTorch's program, and what is known of it. */
export interface Node {
  readonly operation: Operation
  readonly operand: Operand
  /** Of what it gives, at the first step of a loop. */
  readonly shape: readonly number[]
  /** Of what it gives, over all steps. */
  readonly largest: number
  /** The loop that it is in. */
  readonly loop: Id | undefined
}

/** PyTorch's program of a request, read by what its operations are. */
export interface Context {
  readonly request: Request
  readonly program: Program
  readonly nodes: readonly Node[]
  /** In the main program. */
  readonly byId: ReadonlyMap<Id, Node>
  readonly num_layers: number
  /** What it computes, for others that begin as it does; undefined in a training. */
  readonly known: Known | undefined
}

const unknown = { shape: [], largest: 0 }

export function contextOf(request: Request): Context {
  const program = withGradients(request, programOf(request))
  const shapes = new Map<Id, { shape: readonly number[]; largest: number }>()
  const seen: Seen = (id, { shape, data }) => {
    const before = shapes.get(id)
    shapes.set(id, { shape: before?.shape ?? shape, largest: Math.max(before?.largest ?? 0, largest(data)) })
  }
  const known = runForward(request, program, seen)
  const nodes: Node[] = []
  /** What is read by something of the same tensor, as h_0 by the h_0 of each layer, in whatever shape. */
  const every = [...everyOperation(program.operations)]
  const givenTo = new Map(every.flatMap(({ id, op, operands: [own] }) => (op === 'reshape' ? [[id, own!]] : [])))
  const readers = new Set(
    every.flatMap(({ op, operands, site }) =>
      op === 'reshape' ? [] : operands.map((id) => `${givenTo.get(id) ?? id} ${site.tensor}`),
    ),
  )
  const counts = new Map<string, number>()
  const add = (operations: readonly Operation[], loop: Id | undefined, place?: Operand['in']): void => {
    for (const operation of operations) {
      const operand = operandOf(operation, counts, place, readers)
      const { shape, largest } = shapes.get(place === 'update' ? `update.${operation.id}` : operation.id) ?? unknown
      nodes.push({ operation, operand, shape, largest, loop })
      if (operation.op === 'loop') add(operation.attributes.body, operation.id, place)
    }
  }
  add(program.operations, undefined)
  if (program.update !== undefined) add(program.update.operations, undefined, 'update')
  for (const place of ['gradients', 'cotangents'] as const) {
    const own = program[place]
    for (const operation of own?.operations ?? []) {
      const shape = shapeOf(request, operation)
      nodes.push({
        operation,
        operand: operandOf(operation, counts, place, readers),
        shape,
        largest: Infinity,
        loop: undefined,
      })
    }
  }
  const byId = new Map(nodes.flatMap((node) => (node.operand.in === undefined ? [[node.operation.id, node]] : [])))
  const layers = every.map(({ site }) => site.layer ?? 0)
  return {
    request,
    program,
    // The same numbers in another shape are no operand of their own.
    nodes: nodes.filter(({ operation: { op } }) => op !== 'reshape'),
    byId,
    num_layers: Math.max(...layers) + 1,
    known,
  }
}

function runForward(request: Request, program: Program, seen: Seen): Known | undefined {
  const { training } = request
  if (training === undefined) return interpret(program, givenOf(request), { gradients: false, seen }).known
  // One step of a training shows all that its steps do.
  runProgram({ ...request, training: { ...training, steps: 1 } }, program, { seen })
  return undefined
}

/** The same without what becomes of cotangents and gradients. */
export function forwardOf(context: Context): Context {
  const { cotangents: _, ...request } = context.request
  const { cotangents: __, gradients: ___, ...program } = context.program
  const nodes = context.nodes.filter(({ operand: { in: place } }) => place !== 'cotangents' && place !== 'gradients')
  return { ...context, request, program, nodes }
}

const kinds: Readonly<Record<string, string>> = {
  h_0: 'initial states',
  c_0: 'initial states',
  h: 'states',
  c: 'states',
  h_n: 'last states',
  c_n: 'last states',
}

/** What is of several, where it is handed on: each layer's own of h_0 and c_0, and all of them as they are given. */
function kindOf({ op, site }: Operation, isRead: boolean, place: Operand['in']): Pick<Operand, 'kind'> {
  const { tensor = '', part = '' } = site
  if (place === 'gradients') {
    const isState = tensor === 'grad_h_0' || tensor === 'grad_c_0'
    if (tensor === 'grad_input') return { kind: 'gradients by input' }
    return { kind: isState ? 'gradients by initial states' : 'gradients by parameters' }
  }
  if (place !== undefined) return {}
  if (op === 'parameter' && /^(weight|bias)_/.test(tensor))
    return { kind: tensor.startsWith('weight') ? 'weights' : 'biases' }
  const kind = op === 'parameter' && part.includes('embedding') ? 'embeddings' : kinds[tensor]
  if (kind === undefined || (kind === 'states' && op !== 'state')) return {}
  if (kind === 'last states' && op === 'last') return {}
  return { kind: isRead ? `${kind} as given` : kind }
}

/** In the place of the gate or tensor of what is of none. */
export const nowhere = '-'

/** Alike are those of one layer, direction and place; the k-th of them in one layer is the k-th in every other. */
function operandOf(
  { id, op, site, attributes }: Operation,
  counts: Map<string, number>,
  place: Operand['in'],
  readers: ReadonlySet<string>,
): Operand {
  const isRead = readers.has(`${id} ${site.tensor}`)
  const { part, gate, tensor } = site
  const alike = JSON.stringify([op, site, place])
  const k = counts.get(alike) ?? 0
  counts.set(alike, k + 1)
  const own = op === 'activation' ? (attributes as { readonly function: unknown }).function : undefined
  const stands = gate ?? (tensor === undefined ? nowhere : undefined)
  return {
    op,
    ...(part !== undefined && { part }),
    ...(stands !== undefined && { gate: stands }),
    tensor: tensor ?? nowhere,
    ...kindOf({ op, site } as Operation, isRead, place),
    k,
    ...(typeof own === 'string' && { function: own }),
    ...(place !== undefined && { in: place }),
  }
}

/** By context and operand, which many edits share. */
const known = new WeakMap<Context, WeakMap<Operand, readonly Node[]>>()

/** The operations that an edit is about. */
export function nodesAt(context: Context, operand: Operand, scope?: Scope): readonly Node[] {
  let own = known.get(context)
  if (own === undefined) known.set(context, (own = new WeakMap()))
  let nodes = own.get(operand)
  if (nodes === undefined) {
    nodes = meantBy(context, operand)
    for (const other of nodes.length > 0 ? [] : inOtherModules(operand)) {
      nodes = meantBy(context, other)
      if (nodes.length > 0) break
    }
    own.set(operand, nodes)
  }
  return scope === undefined ? nodes : nodes.filter((node) => isWithin(node, scope, context))
}

function meantBy({ nodes }: Context, operand: Operand): readonly Node[] {
  const wanted = Object.entries(operand) as [keyof Operand, unknown][]
  return nodes.filter((node) => wanted.every(([key, value]) => node.operand[key] === value))
}

const lastStates: Readonly<Record<string, string>> = { c_n: 'c_1', c_1: 'c_n' }
const belowOf = [
  { op: 'cat', tensor: 'output' },
  { op: 'stacked', tensor: 'output' },
] as const

/** What is the same where a module has no such operation: of a cell its only step, of one direction what two are joined to. */
function inOtherModules({ op, tensor = '', ...more }: Operand): readonly Operand[] {
  if (tensor in lastStates) return [{ ...(op && { op }), tensor: lastStates[tensor]!, ...more }]
  if (op === 'state') return [{ kind: 'initial states', tensor: `${tensor}_0` }, { op: 'full' }]
  if (op === 'mul' && tensor === 'dropout_mask') return belowOf
  return op === 'cat' && tensor === 'output' ? belowOf.slice(1) : []
}

export function isWithin({ operation: { site } }: Node, scope: Scope, { num_layers }: Context): boolean {
  if (scope.direction !== undefined && site.direction !== scope.direction) return false
  if (scope.layers === undefined) return true
  return site.layer !== undefined && isWithinScope({ layers: scope.layers }, site.layer, false, num_layers)
}

export function isWithinScope(
  { layers, direction }: Scope,
  layer: number,
  reverse: boolean,
  num_layers: number,
): boolean {
  if (direction !== undefined && (direction === 'reverse') !== reverse) return false
  if (layers === undefined) return true
  if (typeof layers === 'number') return layer === layers
  if (layers === 'first') return layer === 0
  if (layers === 'later') return layer > 0
  return layers === 'last' ? layer === num_layers - 1 : layer < num_layers - 1
}

export function isBidirectional({ request, program }: Context): boolean {
  if (isExported(request)) return program.operations.some(({ site }) => site.direction === 'reverse')
  return 'bidirectional' in request.config && request.config.bidirectional
}

/** Scopes that divide what a request has, the wider first. */
export function scopesOf(context: Context): Scope[] {
  const { num_layers } = context
  const layers: Scope['layers'][] = num_layers > 1 ? ['later', 'first'] : []
  if (num_layers > 2) layers.push('last', 'before last', ...Array.from({ length: num_layers - 2 }, (_, l) => l + 1))
  const directions: Scope['direction'][] = isBidirectional(context) ? ['reverse', 'forward'] : []
  const scopes: Scope[] = [
    ...directions.map((direction) => ({ direction: direction! })),
    ...layers.map((own) => ({ layers: own! })),
    ...layers.flatMap((own) => directions.map((direction) => ({ layers: own!, direction: direction! }))),
  ]
  return scopes
}

/** The program with what becomes of its cotangents and gradients, which is nothing. */
function withGradients(request: Request, program: Program): Program {
  const { cotangents, params, inputs } = request
  if (cotangents === undefined) return program
  const each = (names: readonly string[], siteOf: (name: string) => Site): Program => ({
    operations: names.map((name): Operation => {
      return { id: name, op: 'input', operands: [], attributes: { name, requires_grad: false }, site: siteOf(name) }
    }),
    outputs: Object.fromEntries(names.map((name) => [name, name])),
  })
  const gradients = [...Object.keys(inputs).filter((name) => differentiated.has(name)), ...Object.keys(params)]
  return {
    ...program,
    cotangents: each(Object.keys(cotangents), (tensor) => ({ tensor })),
    gradients: each(
      gradients.map((name) => `grad_${name}`),
      siteOfParameter,
    ),
  }
}

/** By torch's names: `grad_weight_hh_l1_reverse`, or in a model `grad_encoder.0.weight_hh_l0`. */
function siteOfParameter(name: string): Site {
  const [, part, index, own = name, layer, reverse] =
    /^grad_(?:([a-z_]+)\.(?:(\d+)\.)?)?([a-z]+(?:_[a-z]+)?(?:_0)?)(?:_l(\d+))?(_reverse)?$/.exec(name) ?? []
  return {
    ...(part !== undefined && { part }),
    ...(layer !== undefined && {
      layer: Number(index ?? layer),
      direction: reverse === undefined ? 'forward' : 'reverse',
    }),
    tensor: `grad_${own}`,
  }
}

function shapeOf({ cotangents = {}, params, inputs }: Request, { attributes }: Operation): readonly number[] {
  const { name } = attributes as { readonly name: string }
  const all: Readonly<Record<string, { readonly shape: readonly number[] }>> = { ...inputs, ...params }
  return (cotangents[name] ?? all[name.replace(/^grad_/, '')])!.shape
}

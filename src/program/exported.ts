// The program of a model that was captured: each operation of torch.export as what it means.
import type { ExportedRequest } from '../format/case.ts'
import { type ExportedConfig, keyOf, type Reference } from '../format/exported.ts'
import type { Tensor } from '../format/tensor.ts'
import { ParityError } from '../format/errors.ts'
import { arithmetic } from './exported/arithmetic.ts'
import { creation } from './exported/creation.ts'
import { indexing } from './exported/indexing.ts'
import { type Lower, type Lowered, Node } from './exported/node.ts'
import { losses } from './exported/losses.ts'
import { normalization } from './exported/normalization.ts'
import { pooling } from './exported/pooling.ts'
import { products } from './exported/products.ts'
import { recurrent } from './exported/recurrent.ts'
import { reductions } from './exported/reductions.ts'
import { shapes } from './exported/shapes.ts'
import { gradientThrough } from './calls/backward.ts'
import type { Seen } from './scope.ts'
import { everyOperation, type Id, type Program, type Site } from './operation.ts'
import { program, type Writer } from './write.ts'

/** By torch's name without its overload: `aten.conv2d`. */
const operations: Readonly<Record<string, Lower>> = {
  ...arithmetic,
  ...products,
  ...normalization,
  ...pooling,
  ...reductions,
  ...losses,
  ...indexing,
  ...shapes,
  ...creation,
  ...recurrent,
}

/** `conv2d` of `aten.conv2d.default`. */
export function baseOf(op: string): string {
  return op.split('.')[1] ?? op
}

/** The first operation that is missing; undefined where there is none. */
export function missingOperation({ nodes }: ExportedConfig): ExportedConfig['nodes'][number] | undefined {
  return nodes.find(({ op }) => !Object.hasOwn(operations, baseOf(op)))
}

const known = new WeakMap<ExportedConfig, Program>()

/** The first operation through which a gradient that is asked for would go, and whose own is not known. */
export function missingGradient({ config, cotangents }: ExportedRequest, { operations }: Program): string | undefined {
  if (cotangents === undefined) return undefined
  const params = new Set(config.gradients?.flatMap(({ value }) => ('param' in value ? [value.param] : [])))
  const live = new Set<Id>()
  for (const operation of everyOperation(operations)) {
    const { id, op, operands, attributes } = operation
    const through = op === 'call' ? gradientThrough(attributes.name, attributes.options) : 'goes on'
    const isLeaf = op === 'parameter' ? params.has(attributes.name) : op === 'input' && attributes.requires_grad
    // Of a loop its body, which comes after it, is not followed: it has the operations of recurrent layers alone.
    const isReached = op === 'loop' || operands.some((own) => live.has(own))
    if (isReached && through === 'is not known' && op === 'call') return attributes.name
    if (isLeaf || (isReached && through === 'goes on')) live.add(id)
  }
  return undefined
}

/** @throws ParityError CASE_UNSUPPORTED where an operation is missing, which it names */
export function exportedProgram(request: ExportedRequest): Program {
  const { config } = request
  const before = known.get(config)
  if (before !== undefined) return before
  const missing = missingOperation(config)
  if (missing !== undefined) {
    throw new ParityError(
      'CASE_UNSUPPORTED',
      `${missing.name}${missing.module === '' ? '' : ` of ${missing.module}`}: expected an operation that is known, got ${missing.op}`,
    )
  }
  const own = program((writer) => written(writer, config))
  known.set(config, own)
  return own
}

/** An input may be called what a parameter is. */
export function inputName(name: string): string {
  return `input ${name}`
}

/** What goes into the program, by the names that it reads. */
export function givenTo({ params, inputs }: ExportedRequest): Readonly<Record<string, Tensor>> {
  const renamed = Object.entries(inputs).map(([name, own]) => [inputName(name), own] as const)
  return { ...params, ...Object.fromEntries(renamed) }
}

/** What recurrent layers call their own is known by that, as in a module of torch.nn. */
function siteOf(param: string): Site {
  const [, part, tensor, layer, reverse] =
    /^(?:(.+)\.)?((?:weight|bias)_(?:ih|hh|hr))(?:_l(\d+)(_reverse)?)?$/.exec(param) ?? []
  if (tensor === undefined) return { tensor: param }
  return {
    ...(part !== undefined && { part }),
    tensor,
    ...(layer !== undefined && { layer: Number(layer), direction: reverse === undefined ? 'forward' : 'reverse' }),
  }
}

/** What a file gives an operation may be of any form: its own words for that, or ours. */
function lowered<T>(node: ExportedConfig['nodes'][number], lower: () => T): T {
  try {
    return lower()
  } catch (cause) {
    if (isPlain(cause)) throw cause
    const given = (JSON.stringify(node.args) ?? '').slice(0, 200)
    throw new RangeError(`${node.name}: expected arguments as ${node.op} has them, got ${given}`, { cause })
  }
}

/** Whether an error says in words what was expected. */
function isPlain(error: unknown): boolean {
  if (error instanceof ParityError) return true
  return error instanceof RangeError && /^(?!.*NaN).*\bexpected /.test(error.message)
}

/** Computes a captured model; what cannot be is said by the operation at which it ends. */
export function computed<T>({ operations }: Program, seen: Seen | undefined, compute: (seen: Seen) => T): T {
  let last: Id | undefined
  try {
    return compute((id, value, step) => {
      if (step === undefined) last = id
      seen?.(id, value, step)
    })
  } catch (cause) {
    if (isPlain(cause) || !(cause instanceof TypeError || cause instanceof RangeError)) throw cause
    const { op, site } = operations[operations.findIndex(({ id }) => id === last) + 1] ?? operations.at(-1)!
    throw new RangeError(`${site.part ?? op}: expected shapes that ${op} can be computed of, got others`, { cause })
  }
}

function written(writer: Writer, config: ExportedConfig): Readonly<Record<string, Id>> {
  const values = new Map<string, Lowered>()
  const asked = new Set(config.gradients?.flatMap(({ value }) => ('input' in value ? [value.input] : [])))
  const read = (value: Reference): Lowered => {
    const key = keyOf(value)
    const before = values.get(key)
    if (before !== undefined) return before
    if ('node' in value) throw new RangeError(`expected an operation before it is read, got ${value.node}`)
    const name = 'param' in value ? value.param : inputName(value.input)
    const { shape, dtype } = 'param' in value ? config.params[value.param]! : config.inputs[value.input]!
    const id =
      'param' in value
        ? writer.at(siteOf(value.param), () => writer.parameter(name))
        : writer.at({ tensor: value.input }, () => writer.input(name, { requires_grad: asked.has(value.input) }))
    const own = { id, shape, dtype }
    values.set(key, own)
    return own
  }
  for (const node of config.nodes) {
    const ids = writer.at({ part: node.module === '' ? node.name : node.module }, () =>
      lowered(node, () => operations[baseOf(node.op)]!(new Node(writer, node, read))),
    )
    const several = typeof ids === 'string' ? [ids] : ids
    for (const [output, id] of several.entries()) {
      const [shape, dtype] = [node.shapes[output]!, node.dtypes[output]!]
      values.set(keyOf({ node: node.name, output }), { id, shape, dtype })
    }
  }
  return Object.fromEntries(config.taps.map(({ name, value }) => [name, read(value).id]))
}

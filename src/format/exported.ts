// A model as torch.export gives it: operations in order of computation, and the tensors that are looked at.
import type * as z from 'zod'
import type { ExportedConfig as Schema } from './exported/config.ts'
import { type Axis, axis } from './module.ts'

export type ExportedConfig = z.infer<typeof Schema>
export type ExportedNode = ExportedConfig['nodes'][number]
export type Tap = ExportedConfig['taps'][number]
/** An argument that is a tensor of the program. */
export type Reference = Tap['value']

/** Whether an argument is a tensor, or what stands for one. */
export function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && ('node' in value || 'param' in value || 'input' in value)
}

/** Every tensor that an argument names. */
export function referencesOf(node: ExportedNode): Reference[] {
  return Object.values(node.args).flatMap((own) =>
    (Array.isArray(own) ? own : [own]).filter((each) => isReference(each)),
  )
}

/** The same text for the same tensor. */
export function keyOf(value: Reference): string {
  if ('param' in value) return `param ${value.param}`
  return 'input' in value ? `input ${value.input}` : `node ${value.node} ${value.output ?? 0}`
}

/** The operations that a tensor is made of and the tensors at which they begin, in order; it goes no farther back than `known`. */
export function madeOf(
  { nodes }: Pick<ExportedConfig, 'nodes'>,
  value: Reference,
  isKnown: (value: Reference) => boolean,
): { readonly nodes: readonly ExportedNode[]; readonly from: readonly Reference[] } {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const own = new Set<ExportedNode>()
  const from = new Map<string, Reference>()
  const visit = (reference: Reference): void => {
    if (!('node' in reference) || isKnown(reference)) {
      from.set(keyOf(reference), reference)
      return
    }
    const node = byName.get(reference.node)!
    if (own.has(node)) return
    own.add(node)
    for (const each of referencesOf(node)) visit(each)
  }
  if ('node' in value) {
    const node = byName.get(value.node)!
    own.add(node)
    for (const each of referencesOf(node)) visit(each)
  } else from.set(keyOf(value), value)
  return { nodes: nodes.filter((node) => own.has(node)), from: [...from.values()] }
}

/** What an operation gives, a parameter is, or goes in. */
export function describedIn(
  { nodes, params, inputs }: ExportedConfig,
  value: Reference,
): ExportedConfig['inputs'][string] {
  if ('param' in value) return params[value.param]!
  if ('input' in value) return inputs[value.input]!
  const node = nodes.find(({ name }) => name === value.node)!
  return { shape: node.shapes[value.output ?? 0]!, dtype: node.dtypes[value.output ?? 0]! }
}

/** The outputs by which gradients are taken: those of floats. */
export function differentiatedOutputs(config: ExportedConfig): Tap[] {
  return config.taps.filter(({ value, output }) => output && describedIn(config, value).dtype.includes('float'))
}

const axesBySize = new Map<string, readonly Axis[]>()

/** The axes of a tensor of which nothing but its shape is known. */
export function plainAxes(shape: readonly number[]): readonly Axis[] {
  const key = shape.join()
  let axes = axesBySize.get(key)
  if (axes === undefined) {
    axes = shape.map((size) => axis('dim', size))
    axesBySize.set(key, axes)
  }
  return axes
}

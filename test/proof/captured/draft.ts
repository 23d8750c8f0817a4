// A captured program that is about to be computed otherwise: by data alone, and none of the edits by which mistakes are explained.
import type { ExportedRequest } from '../../../src/format/case.ts'
import { type ExportedNode, isReference, type Reference } from '../../../src/format/exported.ts'
import { elementCount, type FloatTensor } from '../../../src/format/tensor.ts'

export type Args = Record<string, unknown>

/** Operations, arguments and parameters that may be changed. */
export class Draft {
  private readonly request: ExportedRequest
  private nodes: ExportedNode[]
  private readonly params: Record<string, FloatTensor>
  private readonly described: Record<string, ExportedRequest['config']['params'][string]>
  private readonly changed = new Set<string>()
  private count = 0

  constructor(request: ExportedRequest) {
    this.request = request
    this.nodes = [...request.config.nodes]
    this.params = { ...request.params }
    this.described = { ...request.config.params }
  }

  /** The operation as it is now. */
  at(name: string): ExportedNode {
    return this.nodes.find((node) => node.name === name)!
  }

  arg(name: string, arg: string): unknown {
    return this.at(name).args[arg]
  }

  shapeOf(value: unknown): readonly number[] {
    if (!isReference(value)) return []
    if ('node' in value) return this.at(value.node).shapes[value.output ?? 0]!
    return ('param' in value ? this.described[value.param]! : this.request.config.inputs[value.input]!).shape
  }

  set(name: string, args: Args, op = this.at(name).op): void {
    this.swap(name, [{ ...this.at(name), op, args: { ...this.at(name).args, ...args } as ExportedNode['args'] }])
  }

  drop(name: string, arg: string): void {
    const { [arg]: _, ...args } = this.at(name).args
    this.swap(name, [{ ...this.at(name), args }])
  }

  /** In the place of an operation: others, the last of which gives what it gave. */
  instead(name: string, write: (add: (op: string, args: Args, shape: readonly number[]) => Reference) => void): void {
    const own = this.at(name)
    const written = this.written(own, write)
    this.swap(name, [...written.slice(0, -1), { ...written.at(-1)!, name }])
  }

  /** What an operation reads is computed from by others first. */
  before(name: string, arg: string, op: string, args: (value: unknown) => Args, shape: readonly number[]): void {
    const own = this.at(name)
    const [added] = this.written(own, (add) => add(op, args(own.args[arg]), shape))
    const read = { ...own.args, [arg]: { node: added!.name } } as ExportedNode['args']
    this.swap(name, [added!, { ...own, args: read }])
  }

  /** Other numbers in the place of a parameter's, once for all that read it. */
  renumber(value: unknown, make: (own: Float64Array, shape: readonly number[]) => ArrayLike<number>): boolean {
    if (!isReference(value) || !('param' in value)) return false
    if (this.changed.has(value.param)) return true
    this.changed.add(value.param)
    const own = this.params[value.param]!
    const numbers = make(Float64Array.from(own.data), own.shape)
    if (numbers.length !== elementCount(own.shape)) throw new RangeError(`expected as many numbers of ${value.param}`)
    this.params[value.param] = { ...own, data: Float32Array.from(numbers) } as FloatTensor
    return true
  }

  done(): ExportedRequest {
    const { config } = this.request
    return { ...this.request, params: this.params, config: { ...config, nodes: this.nodes } }
  }

  private written(
    own: ExportedNode,
    write: (add: (op: string, args: Args, shape: readonly number[]) => Reference) => unknown,
  ): ExportedNode[] {
    const written: ExportedNode[] = []
    write((op, args, shape) => {
      const name = `${own.name}_own_${this.count++}`
      const [dtype] = own.dtypes
      written.push({
        ...own,
        name,
        op: `aten.${op}`,
        args: args as ExportedNode['args'],
        shapes: [[...shape]],
        dtypes: [dtype!],
      })
      return { node: name }
    })
    return written
  }

  private swap(name: string, by: readonly ExportedNode[]): void {
    this.nodes = this.nodes.flatMap((node) => (node.name === name ? by : [node]))
  }
}

/** Taken as they lie for numbers in another order of axes, and brought to the right one: stored as others store them. */
export function misread(data: Float64Array, shape: readonly number[], order: readonly number[]): Float64Array {
  const stored = order.map((axis) => shape[axis]!)
  const steps = stored.map((_, i) => elementCount(stored.slice(i + 1)))
  return data.map((_, offset) => {
    let from = 0
    for (let axis = 0; axis < shape.length; axis++) {
      const index = Math.floor(offset / elementCount(shape.slice(axis + 1))) % shape[axis]!
      from += index * steps[order.indexOf(axis)]!
    }
    return data[from]!
  })
}

/** Along axes, from the last to the first. */
export function flipped(data: Float64Array, shape: readonly number[], axes: readonly number[]): Float64Array {
  return data.map((_, offset) => {
    let from = 0
    for (let axis = 0; axis < shape.length; axis++) {
      const step = elementCount(shape.slice(axis + 1))
      const index = Math.floor(offset / step) % shape[axis]!
      from += (axes.includes(axis) ? shape[axis]! - 1 - index : index) * step
    }
    return data[from]!
  })
}

/** Blocks of rows in another order. */
export function blocks(data: Float64Array, order: readonly number[]): number[] {
  const size = data.length / order.length
  return order.flatMap((block) => [...data.subarray(block * size, (block + 1) * size)])
}

/** With another last size. */
export function withLast(shape: readonly number[], last: number): number[] {
  return [...shape.slice(0, -1), last]
}

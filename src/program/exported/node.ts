// An operation of torch.export, as a lowering reads it.
import { type ExportedNode, isReference, type Reference } from '../../format/exported.ts'
import type { CallOptions, Id } from '../operation.ts'
import type { Writer } from '../write.ts'

/** A tensor that has been written down. */
export interface Lowered {
  readonly id: Id
  readonly shape: readonly number[]
  readonly dtype: string
}

/** Writes what an operation gives: one tensor, or several. */
export type Lower = (node: Node) => Id | readonly Id[]

type Argument = ExportedNode['args'][string] | undefined

export class Node {
  readonly writer: Writer
  readonly op: string
  /** Of the first tensor that it gives. */
  readonly shape: readonly number[]
  readonly shapes: readonly (readonly number[])[]
  readonly dtype: string
  private readonly args: ExportedNode['args']
  private readonly read: (value: Reference) => Lowered

  constructor(writer: Writer, { op, args, shapes, dtypes }: ExportedNode, read: (value: Reference) => Lowered) {
    this.writer = writer
    this.op = op
    this.args = args
    this.shapes = shapes
    this.shape = shapes[0]!
    this.dtype = dtypes[0]!
    this.read = read
  }

  has(name: string): boolean {
    return (this.args[name] ?? undefined) !== undefined
  }

  isTensor(name: string): boolean {
    return isReference(this.args[name])
  }

  tensor(name: string): Lowered {
    const own = this.args[name]
    if (!isReference(own)) throw new RangeError(`${this.op}: expected a tensor for ${name}, got ${JSON.stringify(own)}`)
    return this.read(own)
  }

  /** A number as a tensor, where it is one. */
  operand(name: string): Id {
    return this.isTensor(name) ? this.tensor(name).id : this.writer.full([], this.number(name))
  }

  tensors(name: string): Lowered[] {
    const list = this.list(name)
    return list.map((own) => {
      if (isReference(own)) return this.read(own)
      throw new RangeError(`${this.op}: expected tensors for ${name}, got ${JSON.stringify(own)}`)
    })
  }

  /** A list that may have nothing in the place of a tensor. */
  tensorsOrNone(name: string): (Lowered | undefined)[] {
    return this.list(name).map((own) => (isReference(own) ? this.read(own) : undefined))
  }

  number(name: string, otherwise?: number): number {
    const own: Argument = this.args[name]
    if (typeof own === 'boolean') return Number(own)
    if (typeof own === 'number') return own
    if (own === undefined && otherwise !== undefined) return otherwise
    throw new RangeError(`${this.op}: expected a number for ${name}, got ${JSON.stringify(own)}`)
  }

  numbers(name: string, otherwise?: readonly number[]): readonly number[] {
    const own: Argument = this.args[name]
    if (own === undefined && otherwise !== undefined) return otherwise
    return (Array.isArray(own) ? own : [own]).map((each) => {
      if (!Number.isFinite(each))
        throw new RangeError(`${this.op}: expected numbers for ${name}, got ${JSON.stringify(own)}`)
      return each as number
    })
  }

  /** One for each axis: torch takes one for all. */
  each(name: string, axes: number, otherwise: number): number[] {
    const own = this.numbers(name, [otherwise])
    if (own.length === 0) return Array.from({ length: axes }, () => otherwise)
    return own.length === axes ? [...own] : Array.from({ length: axes }, () => own[0]!)
  }

  flag(name: string): boolean {
    return this.args[name] === true || this.args[name] === 1
  }

  text(name: string): string {
    const own = this.args[name]
    return typeof own === 'string' ? own : ''
  }

  /** An axis, from 0. */
  dim(name: string, rank: number, otherwise?: number): number {
    const own = this.number(name, otherwise)
    return own < 0 ? own + Math.max(rank, 1) : own
  }

  /** Axes, from 0; all of them where none is named. */
  dims(name: string, rank: number): number[] {
    const own = this.has(name) ? this.numbers(name) : []
    if (own.length === 0) return Array.from({ length: rank }, (_, axis) => axis)
    return own.map((dim) => (dim < 0 ? dim + Math.max(rank, 1) : dim)).filter((dim) => dim < rank)
  }

  private list(name: string): readonly unknown[] {
    const own = this.args[name]
    if (!Array.isArray(own)) throw new RangeError(`${this.op}: expected a list for ${name}, got ${JSON.stringify(own)}`)
    return own
  }

  call(name: string, operands: readonly Id[], options: CallOptions = {}): Id {
    return this.writer.write('call', operands, { name, options })
  }

  permuted(id: Id, dims: readonly number[]): Id {
    return dims.every((dim, axis) => dim === axis) ? id : this.call('permute', [id], { dims })
  }

  /** What comes out is of an integer dtype. */
  get isWhole(): boolean {
    return !this.dtype.startsWith('float') && this.dtype !== 'bfloat16'
  }
}

/** The first tensor, whatever its schema calls it. */
export function self(node: Node): Lowered {
  return node.tensor(node.isTensor('self') ? 'self' : node.isTensor('input') ? 'input' : 'x')
}

/** A lowering that gives what goes in. */
export const same: Lower = (node) => self(node).id

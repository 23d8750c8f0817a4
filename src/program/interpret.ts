// Computes a program, operation by operation, and its gradients.
import { elementCount } from '../format/tensor.ts'
import type { Id, Op, Operation, Program } from './operation.ts'
import { type Primitive, primitives } from './primitives.ts'
import { type Recognised, recognised } from './recognise.ts'
import { type Known, taking } from './reuse.ts'
import { find, kept, type LoopRun, runOf, type Scope, type Seen } from './scope.ts'
import * as shapes from './shapes.ts'
import { rowsOf, withRows } from './shapes.ts'
import { addTo, type Computed, gradOf, type Value } from './value.ts'

/** What goes into a program, by name: its parameters and inputs. */
export type Given = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> | BigInt64Array }>
>

/** Named tensors without their shapes, in float64. */
export type Numbers = Readonly<Record<string, Float64Array>>

/** What a program gives, and the gradients by everything that went in when those by its outputs are given. */
interface Interpreted {
  readonly known: Known
  readonly outputs: Readonly<Record<string, Value>>
  /** By the names of parameters and inputs. cotangents: by the names of outputs. */
  readonly backward: (cotangents: Readonly<Record<string, ArrayLike<number>>>) => Numbers
}

/** Computes a layer as a whole. → its output over time and its last states; backward: the gradients by what went in, by name */
export type WholeLayer = (
  layer: Recognised,
  given: Readonly<Record<string, Value>>,
  lengths: Float64Array | undefined,
  kept: boolean,
) => {
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float64Array }>>
  readonly backward: (cotangents: Readonly<Record<string, Float64Array>>) => Numbers
}

export interface Options {
  /** Whether `backward` will be called. */
  readonly gradients?: boolean
  /** Computes layers that are torch's own; else all are computed operation by operation. */
  readonly whole?: WholeLayer | undefined
  /** Told what each operation has given, in order of computation; step: of the loop around it. It ends the run by throwing. */
  readonly seen?: Seen | undefined
  /** Another run, with the same numbers and without gradients: what is computed as it was there is taken from it. */
  readonly known?: Known | undefined
}

/**
 * Computes a program in float64.
 * given: its parameters and inputs.
 */
export function interpret(
  program: Program,
  given: Given,
  { gradients = true, whole, seen: told, known }: Options = {},
): Interpreted {
  const leaves = new Map<string, Value>()
  /** What goes back, in order of computation. */
  const tape: (() => void)[] = []

  const scope: Scope = { values: new Map(), runs: new Map(), outer: undefined }
  const isTaken = known === undefined || gradients ? undefined : taking(known, program, scope, told)
  for (const operation of program.operations) {
    if (isTaken?.(operation) !== true) compute(operation, scope, program.operations)
  }
  const outputs = Object.fromEntries(Object.entries(program.outputs).map(([name, id]) => [name, find(scope, id)]))

  return {
    known: { operations: program.operations, values: scope.values, runs: scope.runs },
    outputs,
    backward(cotangents) {
      for (const leaf of leaves.values()) leaf.grad = undefined
      for (const [name, by] of Object.entries(cotangents)) {
        const grad = gradOf(outputs[name]!)
        if (grad !== undefined) for (let i = 0; i < grad.length; i++) grad[i]! += by[i]!
      }
      for (const back of tape.toReversed()) back()
      const asked = [...leaves].filter(([, leaf]) => leaf.requires_grad)
      return Object.fromEntries(asked.map(([name, leaf]) => [name, leaf.grad ?? new Float64Array(leaf.data.length)]))
    },
  }

  function compute(
    operation: Operation,
    scope: Scope,
    siblings: readonly Operation[],
    step?: Parameters<Seen>[2],
  ): void {
    const value = valueOf(operation, scope, siblings) ?? nothing
    scope.values.set(operation.id, value)
    told?.(operation.id, value, step)
  }

  function valueOf(operation: Operation, scope: Scope, siblings: readonly Operation[]): Value | undefined {
    const { op, operands, attributes } = operation
    switch (op) {
      case 'parameter':
        return leaf(attributes.name, true)
      case 'input':
        return leaf(attributes.name, attributes.requires_grad)
      case 'loop':
        scope.runs.set(operation.id, wholeLayer(operation, scope, siblings) ?? loop(operation, scope, siblings))
        return undefined
      case 'stacked': {
        const run = runOf(scope, operands[0]!)
        return run.stacked.get(attributes.of) ?? stacked(run, attributes.of)
      }
      case 'last':
        return runOf(scope, operands[0]!).states.get(attributes.state)
      case 'step':
      case 'state':
        // A loop has set them before its body.
        return scope.values.get(operation.id)
      default: {
        const values = operands.map((id) => find(scope, id))
        // The attributes are those of the operation; TypeScript cannot follow that.
        const primitive = primitives[op] as Primitive<Op>
        return remembered(values, primitive(values, attributes))
      }
    }
  }

  function leaf(name: string, requires_grad: boolean): Value {
    const known = leaves.get(name)
    if (known !== undefined) return known
    const own = given[name]
    if (own === undefined) throw new RangeError(`expected ${name}, got nothing of that name`)
    const data = inFloat64(own.data)
    const value = { shape: own.shape, data, requires_grad: requires_grad && gradients, grad: undefined }
    leaves.set(name, value)
    return value
  }

  function remembered(operands: readonly Value[], { shape, data, back }: Computed): Value {
    let requires_grad = false
    if (back !== undefined) for (const operand of operands) requires_grad ||= operand.requires_grad
    const value: Value = { shape, data, requires_grad, grad: undefined }
    if (requires_grad) {
      tape.push(() => {
        const d = gradTaken(value)
        if (d !== undefined) back!(d)
      })
    }
    return value
  }

  function wholeLayer(operation: Operation<'loop'>, scope: Scope, siblings: readonly Operation[]): LoopRun | undefined {
    const layer = whole && recognised(operation, siblings)
    if (whole === undefined || layer === undefined) return undefined
    const own = Object.fromEntries(Object.entries(layer.ids).map(([name, id]) => [name, find(scope, id)]))
    const lengths = layer.lengths === undefined ? undefined : find(scope, layer.lengths).data
    const requires_grad = Object.values(own).some((value) => value.requires_grad)
    const { outputs, backward } = whole(layer, own, lengths, requires_grad)
    const values = Object.fromEntries(
      Object.entries(outputs).map(([name, output]): [string, Value] => [
        name,
        { ...output, requires_grad, grad: undefined },
      ]),
    )
    if (requires_grad) {
      tape.push(() => {
        const cotangents = Object.entries(values).flatMap(([name, value]) => {
          const d = gradTaken(value)
          return d === undefined ? [] : [[name, d] as const]
        })
        if (cotangents.length === 0) return
        for (const [name, d] of Object.entries(backward(Object.fromEntries(cotangents)))) addTo(own[name]!, d)
      })
    }
    const { h, c } = layer.states
    const states = new Map([[h, values['h_n']!], ...(c === undefined ? [] : [[c, values['c_n']!] as const])])
    return { states, stacked: new Map([[layer.output, values['output']!]]), seen: [], steps: 0, batch: undefined }
  }

  function loop(
    { id, operands, attributes: { steps, reverse, body, next } }: Operation<'loop'>,
    outer: Scope,
    siblings: readonly Operation[],
  ): LoopRun {
    const lengths = operands[0] === undefined ? undefined : find(outer, operands[0]).data
    const batch = lengths?.length
    const wanted = siblings.filter((other) => other.op === 'stacked' && other.operands[0] === id)
    const seen: { t: number; rows: readonly number[] | undefined; scope: Scope }[] = []
    const states = new Map<Id, Value>()
    for (const { op, id, operands } of body) if (op === 'state') states.set(id, find(outer, operands[0]!))

    for (let s = 0; s < steps; s++) {
      const t = reverse ? steps - 1 - s : s
      const rows = lengths === undefined ? undefined : going(lengths, t)
      if (rows?.length === 0) continue
      // A number for each step has no rows.
      const own = (x: Value): Value =>
        rows === undefined || x.shape.length === 0 ? x : remembered([x], rowsOf(x, rows))
      const scope: Scope = { values: new Map(), runs: new Map(), outer }
      for (const operation of body) {
        if (operation.op === 'step') {
          const sequence = find(outer, operation.operands[0]!)
          const now = remembered([sequence], shapes.select([sequence], { dim: 0, index: t }))
          scope.values.set(operation.id, own(now))
        } else if (operation.op === 'state') {
          scope.values.set(operation.id, own(states.get(operation.id)!))
        } else compute(operation, scope, body, { loop: id, t, rows })
        if (operation.op === 'step' || operation.op === 'state') {
          told?.(operation.id, scope.values.get(operation.id)!, { loop: id, t, rows })
        }
      }
      for (const [state, before] of states) {
        const after = find(scope, next[state]!)
        states.set(state, rows === undefined ? after : remembered([before, after], withRows(before, rows, after)))
      }
      if (wanted.length > 0) seen.push({ t, rows, scope: kept(scope, wanted as readonly Operation<'stacked'>[]) })
    }
    return { states, stacked: new Map(), seen, steps, batch }
  }

  /** The values of all steps in the order of time. */
  function stacked({ seen, steps, batch }: LoopRun, of: Id): Value {
    const values = seen.map(({ scope }) => find(scope, of))
    const inner = values[0]?.shape ?? []
    const shape = [steps, ...(batch === undefined ? inner : inner.with(0, batch))]
    const size = elementCount(shape.slice(1))
    const rowSize = elementCount(inner.slice(1))
    const data = new Float64Array(steps * size)
    for (const [i, { t, rows }] of seen.entries()) {
      const own = values[i]!.data
      if (rows === undefined) data.set(own, t * size)
      else rows.forEach((row, j) => data.set(own.subarray(j * rowSize, (j + 1) * rowSize), t * size + row * rowSize))
    }
    return remembered(values, {
      shape,
      data,
      back(d) {
        for (const [i, { t, rows }] of seen.entries()) {
          const grad = gradOf(values[i]!)
          if (grad === undefined) continue
          const width = rows === undefined ? size : rowSize
          const starts = rows === undefined ? [t * size] : rows.map((row) => t * size + row * rowSize)
          for (const [j, start] of starts.entries()) {
            for (let k = 0; k < width; k++) grad[j * width + k]! += d[start + k]!
          }
        }
      },
    })
  }
}

const converted = new WeakMap<object, Float64Array>()

/** The same numbers are asked for again and again, by programs that differ. */
function inFloat64(data: ArrayLike<number> | BigInt64Array): Float64Array {
  if (data instanceof Float64Array) return data
  let own = converted.get(data)
  if (own === undefined) {
    own = data instanceof BigInt64Array ? Float64Array.from(data, Number) : Float64Array.from(data)
    converted.set(data, own)
  }
  return own
}

/** The gradient by a value, which is then at its end. */
function gradTaken(value: Value): Float64Array | undefined {
  const { grad } = value
  value.grad = undefined
  return grad
}

/** What stands where an operation gives no tensor of its own, as a loop does. */
const nothing: Value = { shape: [0], data: new Float64Array(0), requires_grad: false, grad: undefined }

/** The rows that have a step at this time; undefined for all. */
function going(lengths: Float64Array, t: number): readonly number[] | undefined {
  const rows: number[] = []
  for (let row = 0; row < lengths.length; row++) if (t < lengths[row]!) rows.push(row)
  return rows.length === lengths.length ? undefined : rows
}

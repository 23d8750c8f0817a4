// What refutes an edited program before it has come to its end: numbers on the way that the port has given out.
import type { Context } from '../edits/context.ts'
import type { Seen } from '../program/scope.ts'
import type { Id, Operation, Program } from '../program/operation.ts'
import type { Stepped } from '../program/training.ts'
import { unitRoundoff } from '../format/tensor.ts'
import type { Question } from './question.ts'

/** An edited program is worse conditioned than torch's, perhaps: what is surely other is so many limits away. */
const slack = 16

/** Some numbers of a tensor that the port gave, in the order of what computes them. */
interface Part {
  readonly tensor: string
  /** How many numbers at a step, and of how many steps; rows that have ended count. */
  readonly size: number
  readonly steps: number
  /** In the tensor, of each number; the numbers of a step follow each other. */
  readonly offset: (i: number, step: number, rows: readonly number[] | undefined) => number
}

/** What an operation gives, that the port has given out. */
export interface Check {
  readonly part: Part
  /** The loop that it is in. */
  readonly loop: Id | undefined
  /** What lies between it and the port's tensor: where one of them is edited, it says nothing. */
  readonly between: readonly Operation[]
}

export class Refuted extends Error {}

/** The same again and again: where it was thrown is looked for by nobody, and takes longer than many a run. */
const refuted = new Refuted('a number on the way is surely not the port’s')

/** How far a program came, and how far from the port's it was there. */
export interface Progress {
  readonly passed: number
  readonly departure: number
}

export type Checks = ReadonlyMap<Id, Check>

export function checksOf({ program, byId }: Context, { given, recorded, outputs }: Question): Checks {
  const checks = new Map<Id, Check>()
  const operations = new Map(program.operations.map((operation) => [operation.id, operation]))
  const sizeOf = (id: Id): number => byId.get(id)!.shape.reduce((all, size) => all * size, 1)
  const isGiven = (name: string): boolean =>
    given.includes(name) && outputs[name]!.data.length === recorded.expected[name]!.data.length
  // A training has an output for each step, not for each operation.
  const outputsOf = program.update === undefined ? Object.entries(program.outputs) : []
  for (const [name, id] of outputsOf) {
    if (!isGiven(name)) continue
    checks.set(id, {
      part: { tensor: name, size: outputs[name]!.data.length, steps: 1, offset: (i) => i },
      loop: undefined,
      between: [],
    })
    let own = operations.get(id)
    const between: Operation[] = []
    const into = (operand: Id | undefined): Operation | undefined => {
      between.push(own!)
      return operand === undefined ? undefined : operations.get(operand)
    }
    // (batch, seq_len, …) of (seq_len, batch, …), or without a batch.
    let isTurned = false
    if (own?.op === 'reshape' || (own?.op === 'transpose' && own.attributes.dim0 === 0 && own.attributes.dim1 === 1)) {
      isTurned = own.op === 'transpose'
      own = into(own.operands[0])
    }
    if (own?.op === 'stack' && own.attributes.dim === 0) {
      const size = sizeOf(own.operands[0]!)
      for (const [k, operand] of own.operands.entries()) {
        checks.set(operand, {
          part: { tensor: name, size, steps: 1, offset: (i) => k * size + i },
          loop: undefined,
          between: [...between, own],
        })
      }
      continue
    }
    const joined = own
    const parts = own?.op === 'cat' ? own.operands : own === undefined ? [] : [own.id]
    if (own?.op === 'cat') between.push(own)
    for (const [d, part] of parts.entries()) {
      const stacked = operations.get(part)
      if (stacked?.op !== 'stacked') continue
      const [seq_len = 0, batch = 1, width = 1] = byId.get(stacked.id)!.shape
      const all = joined?.op === 'cat' ? width * parts.length : width
      const offset: Part['offset'] = (i, step, rows) => {
        const row = rows === undefined ? Math.floor(i / width) : rows[Math.floor(i / width)]!
        return (isTurned ? row * seq_len + step : step * batch + row) * all + d * width + (i % width)
      }
      const own = operations.get(stacked.operands[0]!)!
      checks.set(stacked.attributes.of, {
        part: { tensor: name, size: batch * width, steps: seq_len, offset },
        loop: own.id,
        between: [...between, stacked, own],
      })
    }
  }
  return checks
}

/** Throws Refuted where a number on the way is surely not the port's. */
export function watching(
  checks: Checks,
  { program: right }: Context,
  program: Program,
  question: Question,
): { readonly seen: Seen; readonly stepped: Stepped; readonly progress: () => Progress } {
  const { outputs, limits, recorded } = question
  const u = unitRoundoff[recorded.dtype]
  let passed = 0
  let off = 0
  const isSame = (operation: Operation): boolean => {
    if (operation.op !== 'loop') return program.operations.includes(operation)
    const found = program.operations.find(({ id, op }) => op === 'loop' && id === operation.id)
    const own = found as Operation<'loop'> | undefined
    const { reverse, steps } = operation.attributes
    return (
      own?.attributes.reverse === reverse && own.attributes.steps === steps && own.operands[0] === operation.operands[0]
    )
  }
  const isValid = new Map<Check, boolean>()
  const judge = (tensor: string, data: Float64Array, offset: (i: number) => number): void => {
    const given = outputs[tensor]!.data
    const limit = limits[tensor]!
    let sum = 0
    let isOff = false
    for (let i = 0; i < data.length; i++) {
      const at = offset(i)
      const [x, y] = [data[i]!, given[at]!]
      const allowed = slack * limit[at]! + 4 * slack * u * Math.abs(y)
      const error = Math.abs(x - y)
      if (error <= allowed || Object.is(x, y) || limit[at] === Infinity) continue
      if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue
      // float32 overflows where float64 does not.
      if (!Number.isFinite(y) && !(Math.abs(x) < largestFloat)) continue
      isOff = true
      sum += Number.isFinite(error) ? Math.log1p(limit[at]! > 0 ? error / limit[at]! : error) : 30
    }
    if (!isOff) {
      passed++
      return
    }
    off = sum / data.length
    throw refuted
  }
  let isFirst = program.update !== undefined
  return {
    seen(id, { data }, step) {
      if (isFirst && id === program.outputs['loss'] && program.training?.lossAfter !== true) {
        isFirst = false
        if (outputs['loss'] !== undefined) judge('loss', data, () => 0)
        return
      }
      const check = checks.get(id)
      if (check === undefined || check.loop !== step?.loop) return
      let valid = isValid.get(check)
      if (valid === undefined) {
        const { tensor } = check.part
        valid = check.between.every(isSame) && program.outputs[tensor] === right.outputs[tensor]
        isValid.set(check, valid)
      }
      if (!valid) return
      const { t = 0, rows } = step ?? {}
      judge(check.part.tensor, data, (i) => check.part.offset(i, t, rows))
    },
    stepped(step, numbers) {
      for (const [name, data] of Object.entries(numbers)) {
        if (outputs[name] === undefined || limits[name] === undefined) continue
        const size = data.length / (recorded.expected[name]!.shape[0] ?? 1)
        const from = (step - 1) * size
        judge(name, data.subarray(from, from + size), (i) => from + i)
      }
    },
    progress: () => ({ passed, departure: off }),
  }
}

const largestFloat = 3e38

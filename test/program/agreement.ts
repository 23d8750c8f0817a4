import { measureBudget } from '../../src/verify/budget.ts'
import { expectedAxes, isModelRequest, type Request } from '../../src/format/case.ts'
import { kappa } from '../../src/verify/compare.ts'
import { exactly } from '../../src/engine/run.ts'
import { sizes } from '../../src/format/module.ts'
import { runProgram } from '../../src/program.ts'
import type { Numbers } from '../../src/program/interpret.ts'
import * as plain from '../../src/inexact/run.ts'
import { floatTensor, forCells, largest, type Tensor } from '../../src/format/tensor.ts'

/** Where the engine and the program of a request are apart. */
export interface Agreement {
  readonly wrong: readonly string[]
  /** The tensors that are farther apart than `close`, but no farther than rounding in float64 can make them. */
  readonly measured: readonly string[]
  /** The farthest that any tensor is apart, as a part of its largest number; of those that are not measured. */
  readonly most: { readonly forward: number; readonly gradients: number }
}

/** As parts of the largest finite number of a tensor. */
const close = { forward: 1e-14, gradients: 1e-12 }

/** What a program is compared with: the kernels, and for models, whose engine is made of programs, a computation that is not. */
function independent(request: Request): Numbers {
  return isModelRequest(request) ? plain.exactly(request) : exactly(request)
}

/** Compares every number of a request. What is not finite must be the same. program: or whatever else is to be compared. */
export function agreement(request: Request, program: (request: Request) => Numbers = runProgram): Agreement {
  const ours = independent(request)
  const own = program(request)
  const wrong: string[] = []
  const measured: string[] = []
  const most = { forward: 0, gradients: 0 }
  const names = Object.keys(ours)
  if (names.join() !== Object.keys(own).join()) wrong.push(`${Object.keys(own).join()} for ${names.join()}`)
  let budget: Readonly<Record<string, Tensor<'float64'>>> | undefined
  for (const name of names) {
    const [a, e] = [own[name] ?? new Float64Array(), ours[name]!]
    if (a.length !== e.length) wrong.push(`${name}: ${a.length} numbers for ${e.length}`)
    const isOther = (x: number, i: number): boolean =>
      (!Number.isFinite(x) || !Number.isFinite(a[i])) && !Object.is(x, a[i])
    const other = e.findIndex(isOther)
    if (other >= 0) {
      wrong.push(`${name}[${other}]: ${a[other]} for ${e[other]}`)
      continue
    }
    const off = largest(e.map((x, i) => (Number.isFinite(x) ? x - a[i]! : 0)))
    const part = off === 0 ? 0 : off / largest(e)
    const kind = name.startsWith('grad_') ? 'gradients' : 'forward'
    if (part <= close[kind]) {
      most[kind] = Math.max(most[kind], part)
      continue
    }
    budget ??= budgetOf(request, ours)
    const beyond = beyondBudget(a, e, budget[name]!, expectedShape(request, name))
    if (beyond === undefined) measured.push(`${name}: ${part.toExponential(1)}`)
    else wrong.push(`${name}: ${part.toExponential(1)} of the largest number; ${beyond}`)
  }
  return { wrong, measured, most }
}

function expectedShape(request: Request, name: string): number[] {
  return sizes(expectedAxes(request)[name]!)
}

/** What rounding in float64 may make of each tensor: measured by noise, as the error that is allowed to an engine is. */
function budgetOf(request: Request, exact: Numbers): Readonly<Record<string, Tensor<'float64'>>> {
  const expected = Object.keys(expectedAxes(request))
    .filter((name) => exact[name] !== undefined)
    .map((name) => [name, floatTensor('float64', expectedShape(request, name), exact[name]!)] as const)
  const recorded = { ...request, id: 'agreement', dtype: 'float64' as const, expected: Object.fromEntries(expected) }
  if (isModelRequest(request) || request.training !== undefined) return measureBudget(recorded)
  // The budget of a forward pass has the rounding of activations for a GRU alone, but f ∘ c + i ∘ g of an LSTM can cancel, too.
  const none = expected.map(
    ([name, { shape, data }]) =>
      [
        name,
        floatTensor(
          'float64',
          shape,
          data.map(() => 0),
        ),
      ] as const,
  )
  return measureBudget({ cotangents: Object.fromEntries(none), ...recorded })
}

function beyondBudget(
  actual: Float64Array,
  expected: Float64Array,
  { shape: budgetShape, data }: Tensor<'float64'>,
  shape: readonly number[],
): string | undefined {
  let beyond: string | undefined
  forCells(shape, budgetShape, (i, cell) => {
    if (!Number.isFinite(expected[i])) return
    const off = Math.abs(actual[i]! - expected[i]!)
    if (!(off <= kappa * data[cell]!)) beyond ??= `[${i}] is ${off} off, where ${kappa * data[cell]!} is allowed`
  })
  return beyond
}

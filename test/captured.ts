// A captured model small enough to compute by hand: y = relu(x W₁ᵀ + b₁), output = y W₂ᵀ.
import type { Case, ExportedRequest } from '../src/format/case.ts'
import { openFixture } from '../src/format/fixture.ts'
import { fixtureBytes, sampleHeader, sourceOf } from './sample.ts'

export const header = { ...sampleHeader, version: 3 }

const float32 = (shape: readonly number[], numbers: readonly number[]): object => ({
  dtype: 'float32',
  shape,
  data: new Uint8Array(Float32Array.from(numbers).buffer),
})
const budget = (size: number, rank: number): object => ({
  dtype: 'float64',
  shape: Array.from({ length: rank }, () => 1),
  data: new Uint8Array(Float64Array.of(size).buffer),
})

const numbers = {
  x: [1, -2, 3, 0.5, 1.5, -1],
  W1: [0.5, -1, 2, 1, 0.25, -0.5],
  b1: [0.125, -0.25],
  W2: [1, -2, 3, 0.5, -1, 4],
}
/** Rows times columns, as torch.nn.functional.linear has it. */
function linear(x: readonly number[], weight: readonly number[], bias: readonly number[], inputs: number): number[] {
  const outputs = weight.length / inputs
  return Array.from({ length: (x.length / inputs) * outputs }, (_, i) => {
    const [row, unit] = [Math.floor(i / outputs), i % outputs]
    let sum = bias[unit] ?? 0
    for (let k = 0; k < inputs; k++) sum += x[row * inputs + k]! * weight[unit * inputs + k]!
    return sum
  })
}
const first = linear(numbers.x, numbers.W1, numbers.b1, 3)
const hidden = first.map((own) => Math.max(own, 0))
const output = linear(hidden, numbers.W2, [], 2)

const described = (shape: readonly number[]): object => ({ shape, dtype: 'float32' })
const node = (name: string, op: string, args: object, shape: readonly number[], module: string, line = ''): object => ({
  name,
  op: `aten.${op}.default`,
  args,
  shapes: [shape],
  dtypes: ['float32'],
  module,
  line,
})

/** The messages of a file: what cases share, and a case. */
export const programRecord = {
  program: 'p',
  nodes: [
    node(
      'linear',
      'linear',
      { input: { input: 'x' }, weight: { param: 'first.weight' }, bias: { param: 'first.bias' } },
      [2, 2],
      'first',
      'model.py:7',
    ),
    node('relu', 'relu', { self: { node: 'linear' } }, [2, 2], 'act'),
    node('linear_1', 'linear', { input: { node: 'relu' }, weight: { param: 'second.weight' } }, [2, 3], 'second'),
  ],
  taps: [
    { name: 'first', value: { node: 'linear' }, output: false },
    { name: 'act', value: { node: 'relu', output: 0 }, output: false },
    { name: 'output', value: { node: 'linear_1' }, output: true },
  ],
  params: {
    'first.weight': described([2, 3]),
    'first.bias': described([2]),
    'second.weight': described([3, 2]),
  },
  inputs: { x: described([2, 3]) },
}
export const weightsRecord = {
  weights: 'w',
  params: {
    'first.weight': float32([2, 3], numbers.W1),
    'first.bias': float32([2], numbers.b1),
    'second.weight': float32([3, 2], numbers.W2),
  },
}
export const capturedRecord = {
  id: 'one',
  module: 'ExportedProgram',
  config: { name: 'Small', program: 'p', weights: 'w' },
  dtype: 'float32',
  inputs: { x: float32([2, 3], numbers.x) },
  expected: { first: float32([2, 2], first), act: float32([2, 2], hidden), output: float32([2, 3], output) },
  budget: { first: budget(1e-6, 2), act: budget(1e-6, 2), output: budget(4e-6, 2) },
  alone: { first: budget(1e-6, 2), act: budget(1e-7, 2), output: budget(2e-6, 2) },
}

/** The same with samples in the place of `act`; its sums are anything. */
export const sampledRecord = {
  ...capturedRecord,
  expected: { first: capturedRecord.expected.first, output: capturedRecord.expected.output },
  budget: { first: capturedRecord.budget.first, output: capturedRecord.budget.output },
  alone: { first: capturedRecord.alone.first, output: capturedRecord.alone.output },
  samples: {
    act: {
      stream: '0/one/act/samples',
      values: float32([2], [hidden[0]!, hidden[2]!]),
      budget: budget(1e-6, 2),
      alone: budget(1e-7, 2),
      block: 3,
      sums: { dtype: 'float64', shape: [2], data: new Uint8Array(16) },
      sums_budget: { dtype: 'float64', shape: [2], data: new Uint8Array(16) },
      kinds: 0,
    },
  },
}

/** The same with gradients, by hand: dW₂ = Cᵀ h, dh = C W₂ where h is above 0, dx = dh W₁. */
const by = [0.5, -1, 2, 1.5, 0.25, -0.75]
const dSecond = [0, 1, 2].flatMap((o) => [0, 1].map((k) => by[o]! * hidden[k]! + by[3 + o]! * hidden[2 + k]!))
const dHidden = [0, 1].flatMap((row) =>
  [0, 1].map((k) => {
    const all = [0, 1, 2].reduce((sum, o) => sum + by[3 * row + o]! * numbers.W2[2 * o + k]!, 0)
    return hidden[2 * row + k]! > 0 ? all : 0
  }),
)
const dInput = [0, 1].flatMap((row) =>
  [0, 1, 2].map((i) => dHidden[2 * row]! * numbers.W1[i]! + dHidden[2 * row + 1]! * numbers.W1[3 + i]!),
)
export const gradientsProgram = {
  ...programRecord,
  gradients: [
    { name: 'grad_x', value: { input: 'x' } },
    { name: 'grad_second.weight', value: { param: 'second.weight' } },
  ],
}
export const gradientsRecord = {
  ...capturedRecord,
  cotangents: { output: float32([2, 3], by) },
  expected: {
    ...capturedRecord.expected,
    grad_x: float32([2, 3], dInput),
    'grad_second.weight': float32([3, 2], dSecond),
  },
  budget: { ...capturedRecord.budget, grad_x: budget(1e-5, 2), 'grad_second.weight': budget(1e-5, 2) },
}

export function capturedBytes(
  messages: readonly unknown[] = [programRecord, weightsRecord, capturedRecord],
  cases = 1,
): Uint8Array {
  return fixtureBytes(messages, header, { cases })
}

/** The case as it is read. */
export async function captured(): Promise<Case & ExportedRequest> {
  for await (const read of (await openFixture(sourceOf(capturedBytes()))).cases()) {
    if ('error' in read) throw read.error
    return read.case as Case & ExportedRequest
  }
  throw new Error('expected a case')
}

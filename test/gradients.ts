import type { Outputs, RecurrentRequest } from '../src/format/case.ts'
import { run } from '../src/engine/run.ts'
import { differences } from './differences.ts'

/** `grad_` of everything that went in, by central differences of Σ cotangents · outputs, the outputs those of a run without them. */
export function gradientsByDifferences(
  request: RecurrentRequest,
  forward: (request: RecurrentRequest) => Outputs = run,
): Record<string, number[]> {
  const { cotangents = {}, ...plain } = request
  const value = (changes: Partial<RecurrentRequest>): number => {
    const outputs = forward({ ...plain, ...changes } as RecurrentRequest)
    let sum = 0
    for (const [name, { data }] of Object.entries(cotangents)) {
      const output = outputs[name]?.data ?? []
      for (const [i, by] of data.entries()) sum += by * (output[i] ?? Number.NaN)
    }
    return sum
  }
  const { inputs, params } = request
  const gradients: Record<string, number[]> = {}
  for (const name of ['input', 'h_0', 'c_0'] as const) {
    const tensor = inputs[name]
    if (tensor === undefined) continue
    gradients[`grad_${name}`] = differences(tensor, (moved) => value({ inputs: { ...inputs, [name]: moved } }))
  }
  for (const [name, parameter] of Object.entries(params)) {
    gradients[`grad_${name}`] = differences(parameter, (moved) => value({ params: { ...params, [name]: moved } }))
  }
  return gradients
}

/** Where gradients and differences are more than 1e-8 of the larger of 1 and the largest element apart. */
export function agreeing(actual: Outputs, expected: Readonly<Record<string, readonly number[]>>): string[] {
  const wrong: string[] = []
  const names = Object.keys(actual).filter((name) => name.startsWith('grad_'))
  if (names.join() !== Object.keys(expected).join()) wrong.push(`${names.join()} for ${Object.keys(expected).join()}`)
  for (const [name, gradient] of Object.entries(expected)) {
    const { data = [] } = actual[name] ?? {}
    if (data.length !== gradient.length) wrong.push(`${name}: ${data.length} elements for ${gradient.length}`)
    const limit = 1e-8 * Math.max(1, ...gradient.map((x) => Math.abs(x)))
    for (const [i, e] of gradient.entries()) {
      const a = data[i] ?? Number.NaN
      if (!(Math.abs(a - e) <= limit)) wrong.push(`${name}[${i}]: ${a}, by differences ${e}`)
    }
  }
  return wrong
}

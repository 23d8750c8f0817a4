import type { Outputs, Request } from '../../src/format/case.ts'
import { run as runEngine } from '../../src/engine/run.ts'
import { questionOf, type RecurrentCase } from '../sample.ts'

/** What is wrong with an engine's float64 outputs: 1e-14 of the larger of 1 and the value is allowed. */
export function wrongWith(recorded: RecurrentCase, run: (request: Request) => Outputs = runEngine): string[] {
  const outputs = run(questionOf(recorded))
  const wrong: string[] = []
  if (Object.keys(outputs).join() !== Object.keys(recorded.expected).join()) wrong.push(Object.keys(outputs).join())
  for (const [name, expected] of Object.entries(recorded.expected)) {
    const actual = outputs[name]
    if (actual?.shape.join() !== expected.shape.join() || actual.dtype !== expected.dtype) wrong.push(`${name}: shape`)
    for (const [i, e] of expected.data.entries()) {
      const a = actual?.data[i] ?? Infinity
      if (!(Math.abs(a - e) <= 1e-14 * Math.max(1, Math.abs(e)))) wrong.push(`${name}[${i}]: ${a}, expected ${e}`)
    }
    if (actual?.data.length !== expected.data.length) wrong.push(`${name}: ${actual?.data.length} elements`)
  }
  return wrong.map((line) => `${recorded.id}: ${JSON.stringify(recorded.config)}: ${line}`)
}

/** The combinations of layer, direction, layout, states and bias that are not among the cases; lengths with each that is batched. */
export function drawnOptions(cases: readonly RecurrentCase[]): string[] {
  const drawn = new Set<string>()
  for (const { config, inputs } of cases) {
    const { bidirectional = false, batch_first = false } = 'bidirectional' in config ? config : {}
    const batched = inputs.input.shape.length === 3
    drawn.add([bidirectional, batch_first, batched, inputs.lengths === undefined].join())
    drawn.add(`states ${inputs.h_0 !== undefined}`)
    drawn.add(`bias ${config.bias}`)
  }
  const coin = [true, false]
  const wanted = coin.flatMap((D) =>
    coin.flatMap((first) => [
      ...coin.map((lengths) => [D, first, true, lengths].join()),
      [D, first, false, true].join(),
    ]),
  )
  wanted.push(...coin.flatMap((is) => [`states ${is}`, `bias ${is}`]))
  return wanted.filter((combination) => !drawn.has(combination))
}

// The example of CONTRIBUTING: a module that torch does not have.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Outputs, RecurrentRequest, Request } from '../../src/format/case.ts'
import { runProgram } from '../../src/program.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { agreeing, gradientsByDifferences } from '../gradients.ts'
import { random } from '../random.ts'
import { layerCase, type LayerOptions, questionOf } from '../sample.ts'
import { peepholeProgram } from './peephole.ts'

const hidden_size = 3
const batch = 2

/** An LSTM of the tests with peepholes. */
function requestOf(options: Partial<LayerOptions>): RecurrentRequest {
  const request = questionOf(layerCase({ module: 'LSTM', dtype: 'float64', ...options }))
  const numbers = random(7)
  const params: Record<string, FloatTensor> = { ...request.params }
  for (const name of Object.keys(request.params).filter((name) => name.startsWith('weight_ih'))) {
    for (const gate of ['i', 'f', 'o']) {
      const own = Array.from({ length: hidden_size }, () => numbers.around(1))
      params[name.replace('weight_ih', `weight_c${gate}`)] = floatTensor('float64', [hidden_size], own)
    }
  }
  return { ...request, params }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Of one layer and direction, one number after the other. */
function outputOf({ params, inputs, config }: RecurrentRequest): number[] {
  const get = (name: string, i: number): number => params[`${name}_l0`]!.data[i]!
  const output: number[] = []
  const h = [...inputs.h_0!.data]
  const c = [...inputs.c_0!.data]
  const seq_len = inputs.input.shape[0]!
  for (let t = 0; t < seq_len; t++) {
    for (let row = 0; row < batch; row++) {
      const before = h.slice(row * hidden_size, (row + 1) * hidden_size)
      for (let unit = 0; unit < hidden_size; unit++) {
        const sum = (gate: number): number => {
          const place = gate * hidden_size + unit
          let own = get('bias_ih', place) + get('bias_hh', place)
          for (let k = 0; k < config.input_size; k++) {
            const x = inputs.input.data[(t * batch + row) * config.input_size + k]!
            own += x * get('weight_ih', place * config.input_size + k)
          }
          for (let k = 0; k < hidden_size; k++) own += before[k]! * get('weight_hh', place * hidden_size + k)
          return own
        }
        const at = row * hidden_size + unit
        const i = sigmoid(sum(0) + get('weight_ci', unit) * c[at]!)
        const f = sigmoid(sum(1) + get('weight_cf', unit) * c[at]!)
        c[at] = f * c[at]! + i * Math.tanh(sum(2))
        h[at] = sigmoid(sum(3) + get('weight_co', unit) * c[at]) * Math.tanh(c[at])
      }
    }
    output.push(...h)
  }
  return output
}

function run(request: Request): Outputs {
  const numbers = runProgram(request, peepholeProgram(request as RecurrentRequest))
  return Object.fromEntries(
    Object.entries(numbers).map(([name, data]) => [name, floatTensor('float64', [data.length], data)]),
  )
}

describe('a peephole LSTM', () => {
  it('computes its equations', () => {
    const request = requestOf({})
    const expected = outputOf(request)
    const { data } = run(request)['output']!
    expect(data).toHaveLength(expected.length)
    expect(expected.filter((e, i) => !(Math.abs(data[i]! - e) <= 1e-14))).toEqual([])
  })

  it.each([
    ['one layer', {}],
    ['2 layers of two directions, with lengths', { num_layers: 2, bidirectional: true, lengths: [4, 2] }],
  ])('of %s has the gradients that differences have', (_, options) => {
    const request = requestOf({ ...options, cotangents: true })
    const expected = gradientsByDifferences(request, run)
    expect(agreeing(run(request), expected)).toEqual([])
    for (const gate of ['i', 'f', 'o']) expect(expected[`grad_weight_c${gate}_l0`]!.every((d) => d !== 0)).toBe(true)
  })

  it('stands in CONTRIBUTING.md as it is here', async () => {
    const [file, guide] = await Promise.all(
      [join(import.meta.dirname, 'peephole.ts'), join(import.meta.dirname, '..', '..', 'CONTRIBUTING.md')].map((path) =>
        readFile(path, 'utf8'),
      ),
    )
    expect(guide).toContain(`\`\`\`ts\n${file}\`\`\`\n`)
  })
})

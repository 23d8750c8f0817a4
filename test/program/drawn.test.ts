// `npm run programs` compares many more.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isModelRequest, type RecurrentRequest, type Request, type Training } from '../../src/format/case.ts'
import { exactly } from '../../src/engine/run.ts'
import { fuzzedModules, specs } from '../../src/oracle/fuzz/spec.ts'
import { programOf, runProgram } from '../../src/program.ts'
import { layerCase, layerNames, questionOf } from '../sample.ts'
import { agreement } from './agreement.ts'
import { requestOfSpec } from '../../src/probe/requests.ts'
import { edited, isAt } from './replaced.ts'

type Of<O> = Extract<Training, { optimizer: O }>
const sgd: Of<'SGD'> = {
  optimizer: 'SGD',
  lr: 0.1,
  weight_decay: 0.1,
  steps: 3,
  momentum: 0.9,
  dampening: 0.1,
  nesterov: false,
}
const adam: Of<'Adam'> = { optimizer: 'Adam', lr: 0.1, weight_decay: 0.1, steps: 3, betas: [0.9, 0.999], eps: 1e-8 }

describe('engine and program', () => {
  it('agree in random cases of every module, model and training', () => {
    const drawn = fc.sample(specs({ modules: fuzzedModules, maxSize: 12 }), { seed: 3, numRuns: 600 })
    const wrong = drawn.flatMap((spec) => {
      const request = requestOfSpec(spec)
      // The engine takes the layers of a model from the kernels.
      const engine = isModelRequest(request) ? agreement(request, exactly).wrong : []
      return [...agreement(request).wrong, ...engine].map((line) => `${JSON.stringify(spec)}: ${line}`)
    })
    expect(wrong).toEqual([])
    expect(new Set(drawn.map(({ module }) => module)).size).toBe(fuzzedModules.length)
    expect(drawn.some((spec) => 'training' in spec)).toBe(true)
  })

  it.each<[string, Training]>([
    ['SGD', { ...sgd, momentum: 0, dampening: 0 }],
    ['SGD with momentum and dampening', { ...sgd, weight_decay: 0 }],
    ['SGD with momentum and decay', { ...sgd, dampening: 0 }],
    ['SGD after Nesterov', { ...sgd, dampening: 0, nesterov: true }],
    ['Adam', { ...adam, weight_decay: 0 }],
    ['Adam with decay', adam],
    ['Adam with other betas', { ...adam, betas: [0.4, 0.8] }],
  ])('agree in steps of %s', (_, training) => {
    for (const module of layerNames) {
      expect(agreement(questionOf(layerCase({ module, training }))).wrong).toEqual([])
    }
  })
})

describe('the comparison of an LSTM in which f ∘ c and i ∘ g cancel out', () => {
  it('allows what rounding a gate does to the rest', () => {
    // f ∘ c is 0.99969 and i ∘ g is −0.99993: one rounding of i is 5e-13 of what is left of them.
    const request = requestOfSpec({
      id: 'seed-821333649',
      module: 'LSTM',
      input_size: 2,
      hidden_size: 1,
      seq_len: 3,
      batch: 1,
      options: { bias: false, batch_first: true },
      state: false,
      profile: 'saturated',
      seed: 821333649,
    })
    const { wrong, measured } = agreement(request)
    expect({ wrong, measured: measured.length }).toEqual({ wrong: [], measured: 1 })
  })
})

/** Runs the program of a request with a bias of 1e-11 too much at one place. */
function slightlyOff(request: Request): ReturnType<typeof runProgram> {
  const off = edited(programOf(request), (operation) =>
    isAt(operation, { op: 'add', tensor: 'bias_hh' })
      ? [
          { id: 'off', op: 'full', operands: [], attributes: { shape: [], value: 1 + 1e-11 }, site: {} },
          { ...operation, id: 'term' },
          { ...operation, op: 'mul', operands: ['term', 'off'] },
        ]
      : undefined,
  )
  return runProgram(request, off)
}

describe('the comparison', () => {
  const request: RecurrentRequest = questionOf(layerCase({ cotangents: true }))

  it('sees what is off by 1e-11', () => {
    const names = agreement(request, slightlyOff).wrong.map((line) => line.split(':')[0])
    expect(names).toContain('output')
    expect(names).toContain('grad_weight_hh_l0')
  })

  it('sees a number that is NaN, another length, and a tensor that is not there', () => {
    const { output, ...others } = runProgram(request)
    const wrongWith = (own: object): number => agreement(request, () => ({ ...own, ...others })).wrong.length
    expect(wrongWith({ output })).toBe(0)
    expect(wrongWith({ output: output!.map(() => Number.NaN) })).toBe(1)
    expect(wrongWith({ output: output!.subarray(1) })).toBeGreaterThan(0)
    expect(wrongWith({})).toBeGreaterThan(0)
  })
})

// `npm run programs` compares many more.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RecurrentRequest, Request } from '../../src/case.ts'
import { fuzzedModules, specs } from '../../src/fuzz/spec.ts'
import { programOf, runProgram } from '../../src/program.ts'
import { edited, isAt } from '../../src/program/operation.ts'
import { layerCase, questionOf } from '../sample.ts'
import { agreement } from './agreement.ts'
import { requestOfSpec } from './requests.ts'

describe('engine and program', () => {
  it('agree in random cases of every module, model and training', () => {
    const drawn = fc.sample(specs({ modules: fuzzedModules, maxSize: 12 }), { seed: 3, numRuns: 600 })
    const wrong = drawn.flatMap((spec) =>
      agreement(requestOfSpec(spec)).wrong.map((line) => `${JSON.stringify(spec)}: ${line}`),
    )
    expect(wrong).toEqual([])
    expect(new Set(drawn.map(({ module }) => module)).size).toBe(fuzzedModules.length)
    expect(drawn.some((spec) => 'training' in spec)).toBe(true)
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

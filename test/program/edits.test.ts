// That a mistake of a port is an edit of a few lines, and that the gradients of what it makes are its own.
import { describe, expect, it } from 'vitest'
import type { BuiltRequest, Outputs, RecurrentRequest, Request } from '../../src/format/case.ts'
import { programOf, runProgram } from '../../src/program.ts'
import type { Numbers } from '../../src/program/interpret.ts'
import { everyOperation, type Operation, type Program } from '../../src/program/operation.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { differences } from '../differences.ts'
import { agreeing, gradientsByDifferences } from '../gradients.ts'
import { modelRequest } from '../models.ts'
import { layerCase, type LayerOptions, questionOf } from '../sample.ts'
import { edited, isAt, wrapped } from './replaced.ts'

type Edit = (program: Program) => Program

function layerRequest(options: Partial<LayerOptions>): RecurrentRequest {
  return questionOf(layerCase({ dtype: 'float64', cotangents: true, seq_len: 3, ...options }))
}

const two: Partial<LayerOptions> = { num_layers: 2, bidirectional: true }

/** What an operation reads first, in its place. */
function first({ id, operands, site }: Operation): Operation {
  return { id, op: 'activation', operands: operands.slice(0, 1), attributes: { function: 'identity' }, site }
}

const edits: readonly (readonly [string, RecurrentRequest, Edit])[] = [
  [
    'b_hn alone is dropped',
    layerRequest({ module: 'GRU' }),
    (program) =>
      edited(program, (own) => (isAt(own, { op: 'add', gate: 'n', tensor: 'bias_hh' }) ? first(own) : undefined)),
  ],
  [
    'weight_hh is transposed, block by block',
    layerRequest({ module: 'LSTM' }),
    (program) =>
      edited(program, (own) =>
        isAt(own, { op: 'chunk', tensor: 'weight_hh' })
          ? wrapped(own, (inner) => ({ op: 'transpose', operands: [inner], attributes: { dim0: 0, dim1: 1 } }))
          : undefined,
      ),
  ],
  [
    'h_0 is ignored in layer 1',
    layerRequest({ ...two, module: 'GRU', lengths: [3, 1] }),
    (program) =>
      edited(program, (own) =>
        isAt(own, { op: 'select', layer: 1, tensor: 'h_0' })
          ? wrapped(own, (inner) => ({ op: 'full_like', operands: [inner], attributes: { value: 0 } }))
          : undefined,
      ),
  ],
  [
    'the gates are in the order i o f g in the reverse direction alone',
    layerRequest({ module: 'LSTM', bidirectional: true }),
    (program) =>
      edited(program, (own) =>
        own.op === 'chunk' && isAt(own, { direction: 'reverse' })
          ? { ...own, attributes: { ...own.attributes, index: [0, 2, 3, 1][own.attributes.index]! } }
          : undefined,
      ),
  ],
  [
    'weight_hh of layer 0 is used in layer 1',
    layerRequest({ num_layers: 2 }),
    (program) =>
      edited(program, (own) =>
        isAt(own, { op: 'parameter', layer: 1, tensor: 'weight_hh' })
          ? ({ ...own, attributes: { name: 'weight_hh_l0' } } as Operation)
          : undefined,
      ),
  ],
  [
    'the reverse direction is not flipped back',
    layerRequest({ module: 'GRU', bidirectional: true }),
    (program) =>
      edited(program, (own) =>
        isAt(own, { op: 'stacked', direction: 'reverse' })
          ? wrapped(own, (inner) => ({ op: 'flip', operands: [inner], attributes: { dim: 0 } }))
          : undefined,
      ),
  ],
  [
    'relu stands for tanh from step 1 on',
    layerRequest({ seq_len: 4 }),
    (program) => {
      const both = edited(program, (own) => {
        if (!isAt(own, { op: 'activation', gate: 'h' })) return undefined
        const { id, operands, site } = own
        return [
          { ...own, id: 'tanh' },
          { id: 'relu', op: 'activation', operands, attributes: { function: 'relu' }, site },
          { id, op: 'where', operands: ['isBefore', 'tanh', 'relu'], attributes: {}, site },
        ]
      })
      return edited(both, (own) => {
        if (own.op !== 'loop') return undefined
        const { attributes, site } = own
        const isBefore: Operation[] = [
          { id: 'time', op: 'step', operands: ['times'], attributes: {}, site },
          { id: 'isBefore', op: 'lt', operands: ['time', 'first'], attributes: {}, site },
        ]
        return [
          { id: 'times', op: 'arange', operands: [], attributes: { end: attributes.steps }, site },
          { id: 'first', op: 'full', operands: [], attributes: { shape: [], value: 1 }, site },
          { ...own, attributes: { ...attributes, body: [...isBefore, ...attributes.body] } },
        ]
      })
    },
  ],
  [
    'the padding takes part',
    layerRequest({ module: 'GRU', lengths: [2, 3] }),
    (program) => edited(program, (own) => (own.op === 'loop' ? { ...own, operands: [] } : undefined)),
  ],
  [
    'the states are clipped',
    layerRequest({ module: 'LSTM' }),
    (program) =>
      edited(program, (own) =>
        own.op === 'activation' && own.attributes.function === 'tanh' && own.site.gate === undefined
          ? wrapped(own, (inner) => ({ op: 'clamp', operands: [inner], attributes: { min: -0.25, max: 0.25 } }))
          : undefined,
      ),
  ],
]

function asOutputs(numbers: Numbers): Outputs {
  const tensors = Object.entries(numbers).map(([name, data]) => [name, floatTensor('float64', [data.length], data)])
  return Object.fromEntries(tensors)
}

describe('a program in which', () => {
  it.each(edits)('%s gives other numbers, and has the gradients that differences have', (_, request, edit) => {
    const run = (asked: Request): Outputs => asOutputs(runProgram(asked, edit(programOf(asked))))
    const own = runProgram(request)
    const other = run(request)
    const changed = Object.keys(own).filter((name) =>
      own[name]!.some((x, i) => Math.abs(x - other[name]!.data[i]!) > 1e-6),
    )
    expect(changed.filter((name) => !name.startsWith('grad_'))).not.toEqual([])
    expect(agreeing(other, gradientsByDifferences(request, run))).toEqual([])
  })
})

/** Has each state of an RNN made of what it would be by an operation. */
function stateMadeOf(
  program: Program,
  made: (inner: string) => Pick<Operation, 'op' | 'operands' | 'attributes'>,
): Program {
  return edited(program, (own) => (isAt(own, { op: 'activation', gate: 'h' }) ? wrapped(own, made) : undefined))
}

describe('a program in which h is rounded to float16 at each step', () => {
  const request = layerRequest({ seq_len: 4 })
  const rounding = stateMadeOf(programOf(request), (inner) => ({
    op: 'round',
    operands: [inner],
    attributes: { dtype: 'float16' },
  }))
  const rounded = runProgram(request, rounding)

  it('gives what float16 has, which is not what h was', () => {
    const { output } = rounded
    expect([...output!].every((h) => h * 2 ** 24 === Math.round(h * 2 ** 24))).toBe(true)
    expect(output!.some((h, i) => h !== runProgram(request)['output']![i])).toBe(true)
  })

  it('has the gradients of a program in which what rounding adds is a constant', () => {
    // Before and after rounding, of the same run.
    const before = [...everyOperation(rounding.operations)].find(({ id }) => id.endsWith("'"))
    const seen = edited(rounding, (own) =>
      own.op === 'stacked' ? [own, { ...own, id: 'unrounded', attributes: { of: before!.id } }] : undefined,
    )
    const { output, unrounded } = runProgram(request, { ...seen, outputs: { ...seen.outputs, unrounded: 'unrounded' } })
    const added: FloatTensor = {
      dtype: 'float64',
      shape: [4, 2, 3],
      data: output!.map((h, i) => h - unrounded![i]!),
    }
    const adding = edited(
      stateMadeOf(programOf(request), (inner) => ({ op: 'add', operands: [inner, 'now'], attributes: {} })),
      (own) => {
        if (own.op !== 'loop') return undefined
        const { attributes, site } = own
        const now: Operation = { id: 'now', op: 'step', operands: ['added'], attributes: {}, site }
        return [
          { id: 'added', op: 'input', operands: [], attributes: { name: 'added', requires_grad: false }, site },
          { ...own, attributes: { ...attributes, body: [now, ...attributes.body] } },
        ]
      },
    )
    const run = ({ inputs, ...others }: Request): Outputs =>
      asOutputs(runProgram({ ...others, inputs: { ...inputs, added } } as unknown as Request, adding))
    const expected = gradientsByDifferences(request, run)
    expect(agreeing(asOutputs(rounded), expected)).toEqual([])
  })
})

describe('a program of truncated backpropagation, in which the states are detached', () => {
  it('gives the same numbers, and no gradient to what is before the last step', () => {
    const request = layerRequest({})
    const detached = stateMadeOf(programOf(request), (inner) => ({ op: 'detach', operands: [inner], attributes: {} }))
    const { output, ...gradients } = runProgram(request, detached)
    expect(output).toEqual(runProgram(request)['output'])
    expect([...gradients['grad_h_0']!].every((d) => d === 0)).toBe(true)
  })
})

describe('a program of a model', () => {
  const request: BuiltRequest = modelRequest('EncoderDecoder', { config: { context: 'dot' }, cotangent: 1 })

  it('in which attention is not normalised has the gradients that differences have', () => {
    const edit: Edit = (program) =>
      edited(program, (own) => (isAt(own, { op: 'softmax', tensor: 'attention' }) ? first(own) : undefined))
    const lossOf = (asked: Request): number => runProgram(asked, edit(programOf(asked)))['loss']![0]!
    const own = runProgram(request, edit(programOf(request)))
    expect(Math.abs(own['loss']![0]! - runProgram(request)['loss']![0]!)).toBeGreaterThan(1e-3)
    for (const [name, parameter] of Object.entries(request.params)) {
      const expected = differences(parameter, (moved) =>
        lossOf({
          ...request,
          cotangents: undefined,
          params: { ...request.params, [name]: moved },
        } as unknown as Request),
      )
      const limit = 1e-7 * Math.max(1, ...expected.map(Math.abs))
      const wrong = expected.filter((e, i) => !(Math.abs(own[`grad_${name}`]![i]! - e) <= limit))
      expect({ name, wrong }).toEqual({ name, wrong: [] })
    }
  })
})

describe('a program of a training', () => {
  it('has an optimizer that is edited in the same way: Adam without its correction of bias', () => {
    const request = questionOf(
      layerCase({
        training: { optimizer: 'Adam', lr: 0.1, weight_decay: 0, steps: 2, betas: [0.9, 0.999], eps: 1e-8 },
      }),
    )
    const { update, ...forward } = programOf(request)
    const uncorrected = edited(update!, (own) =>
      own.op === 'pow' ? { ...own, op: 'full', operands: [], attributes: { shape: [], value: 0 } } : undefined,
    )
    const [right, wrong] = [runProgram(request), runProgram(request, { ...forward, update: uncorrected })]
    // The first step of Adam is lr times the sign of the gradient; without the correction (1 − 0.9) / √(1 − 0.999) times it.
    const before = request.params['bias_ih_l0']!.data
    const moved = (numbers: Numbers): number => Math.abs(numbers['bias_ih_l0']![0]! - before[0]!)
    expect(Math.abs(moved(right) / 0.1 - 1)).toBeLessThan(1e-6)
    expect(Math.abs(moved(wrong) / 0.1 - 0.1 / Math.sqrt(0.001))).toBeLessThan(1e-5)
  })
})

describe('a program', () => {
  const requests = [
    layerRequest({ ...two, module: 'LSTM', lengths: [3, 2] }),
    modelRequest('EncoderDecoder', { config: { context: 'additive' }, lengths: [2, 4, 1] }),
  ]

  it.each(requests)('of $module is data: a copy of it computes the same', (request) => {
    const program = programOf(request)
    expect(runProgram(request, structuredClone(program))).toEqual(runProgram(request))
  })

  it.each(requests)('of $module has every operation under an id of its own, after those that it reads', (request) => {
    const known = new Set<string>()
    for (const { id, op, operands } of everyOperation(programOf(request).operations)) {
      expect(known.has(id)).toBe(false)
      if (op !== 'loop') expect(operands.filter((operand) => !known.has(operand))).toEqual([])
      known.add(id)
    }
  })
})

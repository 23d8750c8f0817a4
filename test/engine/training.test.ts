// Training against the update formulas of torch.optim's pages, with gradients by differences, and by hand.
import { describe, expect, it } from 'vitest'
import type { Training } from '../../src/format/case.ts'
import { run } from '../../src/engine/run.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { trajectory } from '../optimizers.ts'
import {
  cellCase,
  cellNames,
  type CellOptions,
  layerCase,
  layerNames,
  type LayerOptions,
  questionOf,
  type RecurrentCase,
  sgd,
} from '../sample.ts'

const plain: Training = {
  optimizer: 'SGD',
  lr: 0.5,
  weight_decay: 0,
  steps: 4,
  momentum: 0,
  dampening: 0,
  nesterov: false,
}
const adam: Training = { optimizer: 'Adam', lr: 0.1, weight_decay: 0, steps: 4, betas: [0.9, 0.99], eps: 1e-3 }

/** Every way in which the optimizers are asked for. */
const trainings: readonly [string, Training][] = [
  ['SGD', plain],
  ['SGD with momentum', { ...plain, momentum: 0.9 }],
  ['SGD with momentum and dampening', { ...plain, momentum: 0.9, dampening: 0.3 }],
  ['SGD with nesterov', { ...plain, momentum: 0.9, nesterov: true }],
  ['SGD with weight_decay', { ...plain, weight_decay: 0.2 }],
  ['SGD with everything', { ...plain, momentum: 0.5, weight_decay: 0.2, nesterov: true }],
  ['SGD with dampening but without momentum', { ...plain, dampening: 0.5 }],
  ['Adam', adam],
  ['Adam with weight_decay', { ...adam, weight_decay: 0.2 }],
  ['Adam with other betas', { ...adam, betas: [0.2, 0.5] }],
  ['Adam with betas of 0', { ...adam, betas: [0, 0] }],
]

/** Where outputs and what the case expects, by differences of the naive implementation, are more than 1e-7 apart. */
function wrongWith(recorded: RecurrentCase): string[] {
  const outputs = run(questionOf(recorded))
  const wrong: string[] = []
  if (Object.keys(outputs).join() !== Object.keys(recorded.expected).join()) wrong.push(Object.keys(outputs).join())
  for (const [name, expected] of Object.entries(recorded.expected)) {
    const actual = outputs[name]
    if (actual?.shape.join() !== expected.shape.join()) wrong.push(`${name}: ${actual?.shape.join()}`)
    for (const [i, e] of expected.data.entries()) {
      const a = actual?.data[i] ?? Number.NaN
      if (!(Math.abs(a - e) <= 1e-7)) wrong.push(`${name}[${i}]: ${a}, expected ${e}`)
    }
  }
  return wrong
}

describe('a training is what naive gradients and the published formulas give', () => {
  it.each(trainings)('of an RNN by %s', (_, training) => {
    expect(wrongWith(layerCase({ dtype: 'float64', training }))).toStrictEqual([])
  })

  it.each(layerNames)('of an %s by SGD and by Adam, in two directions', (module) => {
    for (const training of [sgd, adam]) {
      const options: Partial<LayerOptions> = { module, dtype: 'float64', bidirectional: true, training }
      expect(wrongWith(layerCase(options)), `of ${training.optimizer}`).toStrictEqual([])
    }
  })

  it.each(cellNames)('of an %s by SGD and by Adam', (module) => {
    for (const training of [sgd, adam]) {
      const options: Partial<CellOptions> = { module, dtype: 'float64', training }
      expect(wrongWith(cellCase(options)), `of ${training.optimizer}`).toStrictEqual([])
    }
  })

  it.each<[string, Partial<LayerOptions>]>([
    ['batch_first', { batch_first: true }],
    ['unbatched', { batch: undefined }],
    ['without states', { h_0: false }],
    // The mean is over the padding too, where output and target are compared like anywhere.
    ['with lengths', { lengths: [4, 2] }],
    ['with the same dropout_mask at every step', { num_layers: 2, dropout: 0.5, dropout_mask: true }],
    ['with proj_size', { module: 'LSTM', proj_size: 2 }],
  ])('%s', (_, options) => {
    expect(wrongWith(layerCase({ dtype: 'float64', training: { ...sgd, steps: 2 }, ...options }))).toStrictEqual([])
  })
})

/** Trains y = relu(w x), w at first 3, against a target of 1 with x = 2: the loss is (2 w − 1)², its gradient 4 (2 w − 1). */
function line(training: Training): { loss: number[]; w: number[]; W: number[] } {
  const recorded = cellCase({
    dtype: 'float64',
    nonlinearity: 'relu',
    bias: false,
    input_size: 1,
    hidden_size: 1,
    batch: undefined,
    h_0: false,
  })
  const scalar = (x: number): FloatTensor => floatTensor('float64', [1, 1], [x])
  const inputs = { input: floatTensor('float64', [1], [2]), target: floatTensor('float64', [1], [1]) }
  const params = { weight_ih: scalar(3), weight_hh: scalar(7) }
  const { loss, weight_ih, weight_hh } = run({ ...questionOf(recorded), inputs, params, training })
  expect([loss?.shape, weight_ih?.shape]).toStrictEqual([[training.steps], [training.steps, 1, 1]])
  return { loss: [...(loss?.data ?? [])], w: [...(weight_ih?.data ?? [])], W: [...(weight_hh?.data ?? [])] }
}

describe('three steps of y = w x from w = 3 by hand, in numbers that are exact', () => {
  const steps = 3
  const slow = { ...plain, lr: 0.0625, steps }

  it('SGD takes w − lr g', () => {
    // g: 20, 10, 5.
    expect(line(slow)).toStrictEqual({ loss: [25, 6.25, 1.5625], w: [1.75, 1.125, 0.8125], W: [7, 7, 7] })
  })

  it('a momentum of 0.5 adds half of the step before, and is not dampened at first', () => {
    // g: 20; 10 and b = 0.5 · 20 + 10 = 20; 0 and b = 10.
    expect(line({ ...slow, momentum: 0.5 })).toMatchObject({ loss: [25, 6.25, 0], w: [1.75, 0.5, -0.125] })
    // g: 20; 10 and b = 0.5 · 20 + 0.75 · 10 = 17.5; 1.25 and b = 8.75 + 0.9375.
    expect(line({ ...slow, momentum: 0.5, dampening: 0.25 }).w).toStrictEqual([1.75, 0.65625, 0.05078125])
  })

  it('nesterov looks ahead from the first step on', () => {
    // g: 20, step 20 + 0.5 · 20 = 30, w = 1.125; g = 5, b = 15, step 12.5, w = 0.34375; g = −1.25, b = 6.25, step 1.875.
    expect(line({ ...slow, momentum: 0.5, nesterov: true }).w).toStrictEqual([1.125, 0.34375, 0.2265625])
  })

  it('weight_decay pulls parameters without a gradient to 0 too', () => {
    // g: 20 + 0.5 · 3.
    const { w, W } = line({ ...slow, weight_decay: 0.5 })
    expect(w[0]).toBe(3 - 21.5 / 16)
    expect(W).toStrictEqual([7, 7 - 7 / 32, 7 * (31 / 32) ** 2, 7 * (31 / 32) ** 3].slice(1))
  })

  it('Adam’s first step is lr long whatever the betas are, and eps shortens it', () => {
    for (const betas of [[0.5, 0.75] as [number, number], [0, 0] as [number, number]]) {
      expect(line({ ...adam, lr: 0.25, betas, eps: 0, steps: 1 }).w, `${betas[0]}`).toStrictEqual([2.75])
      // g: 20; 20 / (20 + 20).
      expect(line({ ...adam, lr: 0.25, betas, eps: 20, steps: 1 }).w, `${betas[0]}`).toStrictEqual([2.875])
    }
  })

  // An eps of 0 would make W, whose gradient is 0, a NaN, as in torch.
  it('Adam’s second step has moments of 1 − β² and the third of 1 − β³', () => {
    const { w } = line({ ...adam, lr: 0.25, betas: [0.5, 0.75], eps: 1e-300, steps })
    // g: 20, then 4 (2 · 2.75 − 1) = 18.
    const m = (0.5 * (0.5 * 20) + 0.5 * 18) / 0.75
    const v = (0.75 * (0.25 * 400) + 0.25 * 324) / 0.4375
    const second = 2.75 - (0.25 * m) / Math.sqrt(v)
    const g = 4 * (2 * second - 1)
    const third =
      second - (0.25 * ((0.5 * 0.75 * m + 0.5 * g) / 0.875)) / Math.sqrt((0.75 * 0.4375 * v + 0.25 * g * g) / 0.578125)
    expect(Math.abs(w[1]! - second)).toBeLessThanOrEqual(1e-15 * 8)
    expect(Math.abs(w[2]! - third)).toBeLessThanOrEqual(1e-15 * 8)
  })

  it('the formulas of the tests give the same', () => {
    const slope = ([w = 0]: readonly number[]): { loss: number; gradient: number[] } => ({
      loss: (2 * w - 1) ** 2,
      gradient: [4 * (2 * w - 1)],
    })
    for (const [name, training] of trainings) {
      const { loss, after } = trajectory({ ...training, lr: 0.01 }, [3], slope)
      const actual = line({ ...training, lr: 0.01 })
      for (const [i, [w = Number.NaN]] of after.entries()) {
        expect(Math.abs(actual.w[i]! - w), `${name}, step ${i}`).toBeLessThanOrEqual(1e-14)
        expect(Math.abs(actual.loss[i]! - loss[i]!), `${name}, step ${i}`).toBeLessThanOrEqual(1e-13)
      }
      expect(actual.w, `of ${name}`).toHaveLength(training.steps)
    }
  })
})

describe('a request for a training', () => {
  it('gives loss and parameters in the order of the state_dict, rounded to its dtype only at the end', () => {
    const single = layerCase({ module: 'LSTM', dtype: 'float32', training: { ...sgd, steps: 2 } })
    const outputs = run(questionOf(single))
    expect(Object.keys(outputs)).toStrictEqual(['loss', ...Object.keys(single.params)])
    const { inputs, params } = single
    const widened = (tensors: object): Record<string, FloatTensor> =>
      Object.fromEntries(
        Object.entries(tensors as Record<string, FloatTensor>).map(([name, { shape, data }]) => [
          name,
          floatTensor('float64', shape, Float64Array.from(data)),
        ]),
      )
    const double = run({
      ...questionOf(single),
      dtype: 'float64',
      params: widened(params),
      inputs: widened(inputs) as unknown as typeof inputs,
    })
    for (const [name, { dtype, data }] of Object.entries(outputs)) {
      expect(dtype, `of ${name}`).toBe('float32')
      expect(data, `of ${name}`).toStrictEqual(Float32Array.from(double[name]?.data ?? []))
    }
  })

  it('keeps its arrays as they are', () => {
    for (const training of [sgd, adam]) {
      const request = questionOf(layerCase({ dtype: 'float64', training }))
      const before = structuredClone(request)
      run(request)
      expect(request).toStrictEqual(before)
    }
  })
})

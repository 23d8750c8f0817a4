import { describe, expect, it } from 'vitest'
import type { Request } from '../../src/format/case.ts'
import { Machine, onMachine, type Precision } from '../../src/engine/machine.ts'
import { recurrent } from '../../src/engine/recurrent.ts'
import { float32Engine, run } from '../../src/engine/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { random } from '../random.ts'
import { cellCase, layerCase, layerNames, questionOf } from '../sample.ts'

const precisions = ['float64', 'float32'] as const

describe.each(precisions)('the memory of %s', (precision: Precision) => {
  it('is not that of the run before', () => {
    const [first, second] = [1, 2].map(() => onMachine(precision, (machine) => machine.take(3)))
    expect(second).toBe(first)
  })

  it('is handed out at multiples of 16, one after the other', () => {
    const machine = new Machine(precision)
    const addresses = [1, 0, 3, 1].map((count) => machine.take(count))
    expect(addresses.map((address) => (address - addresses[0]!) / 16)).toStrictEqual(
      precision === 'float64' ? [0, 1, 1, 3] : [0, 1, 1, 2],
    )
  })

  it('grows, and what was put before stays', () => {
    const machine = new Machine(precision)
    const address = machine.put([1, 2, 3])
    const far = machine.zeros(1_000_000)
    expect(machine.numbers.length).toBeGreaterThan(1_000_000)
    expect([...machine.numbers.subarray(machine.placeOf(address), machine.placeOf(address) + 3)]).toStrictEqual([
      1, 2, 3,
    ])
    expect(machine.numbers[machine.placeOf(far) + 999_999]).toBe(0)
  })

  it('is given up after a run that has needed much of it', () => {
    const before = onMachine(precision, (machine) => machine)
    expect(onMachine(precision, (machine) => machine)).toBe(before)
    const large = onMachine(precision, (machine) => {
      machine.take(2 ** 28 / machine.itemSize)
      return machine
    })
    expect(large).toBe(before)
    expect(onMachine(precision, (machine) => machine)).not.toBe(before)
  })

  it('that no addresses reach is refused, and the next run goes on', () => {
    expect(() => onMachine(precision, (machine) => machine.take(2 ** 40))).toThrow(
      'torch-parity: expected a case that fits the memory, got one of ',
    )
    expect(onMachine(precision, (machine) => machine.take(1))).toBeGreaterThan(0)
  })

  // The kernels end with an error when they reach past what was reserved: memory is made as small as it can be.
  it('that is reserved is enough for 150 layers of all sizes, forward and back', () => {
    const numbers = random(7)
    for (let i = 0; i < 150; i++) {
      const module = numbers.pick(layerNames)
      const size = (most: number): number => Math.ceil(most ** numbers.next())
      const [T, B, I, H] = [size(60), size(60), size(200), size(200)]
      const proj_size = module === 'LSTM' && numbers.next() < 0.3 ? numbers.int(0, H - 1) : 0
      const drawn = layerCase({
        module,
        seq_len: 1,
        batch: 1,
        input_size: I,
        hidden_size: H,
        proj_size,
        cotangents: false,
      })
      const units = proj_size > 0 ? proj_size : H
      const of = (...shape: number[]) =>
        floatTensor('float32', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)))
      const lengths = { dtype: 'int64', shape: [B], data: new BigInt64Array(B).fill(1n) } as const
      const request = {
        ...questionOf(drawn),
        inputs: { input: of(T, B, I), ...(numbers.next() < 0.5 ? { lengths } : {}) },
      }
      const { backward } = recurrent(new Machine(precision), request, request.params, true)
      const gradients = backward({ output: of(T, B, units) })
      expect(gradients['grad_input']?.shape, `${module} ${[T, B, I, H].join()}`).toStrictEqual([T, B, I])
      expect(() => recurrent(new Machine(precision), request, request.params, false)).not.toThrow()
    }
  })
})

describe('outputs', () => {
  const requests = [
    questionOf(
      layerCase({ module: 'LSTM', cotangents: true, bidirectional: true, batch_first: true, lengths: [4, 2] }),
    ),
    questionOf(cellCase({ module: 'GRUCell', cotangents: true })),
  ]

  it.each([
    ['our engine', run],
    ['our engine in float32', (request: Request) => float32Engine.run(request)],
  ] as const)('of %s are the same bits in a second run, in memory of their own', async (_, own) => {
    for (const request of requests) {
      const first = await own(request)
      const kept = structuredClone(first)
      // Another in between, in the same memory.
      await own(questionOf(layerCase({ hidden_size: 9 }, 2)))
      expect(first).toStrictEqual(kept)
      expect(await own(request)).toStrictEqual(kept)
      const buffers = Object.values(first).map(({ data }) => data.buffer)
      expect(new Set(buffers).size).toBe(buffers.length)
      for (const { buffer, byteLength } of Object.values(first).map(({ data }) => data))
        expect(buffer.byteLength).toBe(byteLength)
    }
  })
})

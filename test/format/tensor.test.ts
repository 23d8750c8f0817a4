import { describe, expect, it } from 'vitest'
import {
  broadcastStrides,
  elementCount,
  float64Data,
  floatTensor,
  formatShape,
  indexAt,
  itemSize,
  sameShape,
  tensorFromBytes,
  unitRoundoff,
} from '../../src/format/tensor.ts'
import { random } from '../random.ts'

describe('shapes', () => {
  it('elementCount of (2, 3, 4) is 24, of () is 1, and a 0 makes it 0', () => {
    expect(elementCount([2, 3, 4])).toBe(24)
    expect(elementCount([])).toBe(1)
    expect(elementCount([1e6, 0, 1e6])).toBe(0)
  })

  it('elementCount of (1000000, 1000000) is exactly 10¹²', () => {
    expect(elementCount([1_000_000, 1_000_000])).toBe(1_000_000_000_000)
  })

  it('formatShape writes (5, 3, 7), (5) and ()', () => {
    expect(formatShape([5, 3, 7])).toBe('(5, 3, 7)')
    expect(formatShape([5])).toBe('(5)')
    expect(formatShape([])).toBe('()')
  })

  it('sameShape is true for equal shapes alone', () => {
    expect(sameShape([2, 3], [2, 3])).toBe(true)
    expect(sameShape([], [])).toBe(true)
    expect(sameShape([3, 2], [2, 3])).toBe(false)
    expect(sameShape([2, 3], [2, 3, 1])).toBe(false)
    expect(sameShape([2, 3, 1], [2, 3])).toBe(false)
    expect(sameShape([], [1])).toBe(false)
  })

  it('sameShape is false for an array of two holes and (2, 3)', () => {
    const holes: number[] = []
    holes.length = 2
    expect(sameShape(holes, [2, 3])).toBe(false)
  })
})

describe('floatTensor', () => {
  it('rounds 0.1 to float32 and keeps it in float64', () => {
    expect(floatTensor('float32', [1], [0.1]).data).toStrictEqual(Float32Array.of(0.1))
    expect(floatTensor('float64', [1], [0.1]).data).toStrictEqual(Float64Array.of(0.1))
    expect(floatTensor('float32', [1], Float64Array.of(0.1)).data[0]).toBe(0.10000000149011612)
  })

  it('rounds 0.1 to float16 and bfloat16, in a Float32Array of its own', () => {
    const given = Float32Array.of(0.1, 65_520, -0)
    const half = floatTensor('float16', [3], given)
    expect(half).toStrictEqual({ dtype: 'float16', shape: [3], data: Float32Array.of(0.0999755859375, Infinity, -0) })
    expect(floatTensor('bfloat16', [3], given).data).toStrictEqual(Float32Array.of(0.10009765625, 65_536, -0))
    expect(given).toStrictEqual(Float32Array.of(0.1, 65_520, -0))
    expect(floatTensor('float16', [1], [1 + 2 ** -11 + 2 ** -30]).data[0]).toBe(1 + 2 ** -10)
  })

  it('shares an array of the right type, and copies one of the other type', () => {
    const single = Float32Array.of(1, 2)
    const double = Float64Array.of(1, 2)
    expect(floatTensor('float32', [2], single).data).toBe(single)
    expect(floatTensor('float64', [2], double).data).toBe(double)
    expect(floatTensor('float64', [2], single).data).toStrictEqual(double)
  })

  it('float64Data of a float32 0.1 is the float32 number, and float64 data is shared', () => {
    expect(float64Data(floatTensor('float32', [1], [0.1]))).toStrictEqual(Float64Array.of(0.10000000149011612))
    const tensor = floatTensor('float64', [1], [0.1])
    expect(float64Data(tensor)).toBe(tensor.data)
  })
})

it('unitRoundoff is half the distance from 1 to the next number of each dtype', () => {
  for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const) {
    const next = floatTensor(dtype, [2], [1 + 2 * unitRoundoff[dtype], 1 + unitRoundoff[dtype]])
    expect([...next.data], `of ${dtype}`).toStrictEqual([1 + 2 * unitRoundoff[dtype], 1])
  }
})

describe('tensorFromBytes', () => {
  it('reads float32 1 from the little-endian bytes 00 00 80 3f', () => {
    expect(tensorFromBytes('float32', [1], Uint8Array.of(0, 0, 0x80, 0x3f)).data).toStrictEqual(Float32Array.of(1))
  })

  it('reads float16 1 from the little-endian bytes 00 3c, and bfloat16 1 from 80 3f', () => {
    expect(tensorFromBytes('float16', [1], Uint8Array.of(0, 0x3c)).data).toStrictEqual(Float32Array.of(1))
    expect(tensorFromBytes('bfloat16', [1], Uint8Array.of(0x80, 0x3f)).data).toStrictEqual(Float32Array.of(1))
  })

  it('reads float64 −2 and int64 −2', () => {
    const float = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0xc0)
    const whole = Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
    expect(tensorFromBytes('float64', [1], float).data).toStrictEqual(Float64Array.of(-2))
    expect(tensorFromBytes('int64', [1], whole).data).toStrictEqual(BigInt64Array.of(-2n))
  })

  it('copies bytes that begin at offset 1, and does not see later changes of them', () => {
    const file = Uint8Array.of(9, 0, 0, 0x80, 0x3f, 9)
    const tensor = tensorFromBytes('float32', [1], file.subarray(1, 5))
    file.fill(0)
    expect(tensor.data).toStrictEqual(Float32Array.of(1))
  })

  it('keeps NaN, −0 and both infinities', () => {
    const special = Float64Array.of(Number.NaN, -0, Infinity, -Infinity)
    const read = tensorFromBytes('float64', [4], new Uint8Array(special.buffer))
    expect(read).toStrictEqual({ dtype: 'float64', shape: [4], data: special })
  })

  it('itemSize is 2 for float16 and bfloat16, 4 for float32 and 8 for float64 and int64', () => {
    expect(itemSize).toStrictEqual({ float16: 2, bfloat16: 2, float32: 4, float64: 8, int64: 8 })
  })
})

it('indexAt counts through (2, 3, 2) with the last axis first', () => {
  const indices: number[][] = []
  for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) for (let k = 0; k < 2; k++) indices.push([i, j, k])
  expect(indices.map((_, offset) => indexAt([2, 3, 2], offset))).toStrictEqual(indices)
})

describe('broadcastStrides', () => {
  it.each<[number[], number[], number[] | undefined]>([
    [
      [4, 1, 1],
      [4, 2, 3],
      [1, 0, 0],
    ],
    [
      [1, 4, 1],
      [2, 4, 3],
      [0, 1, 0],
    ],
    [
      [4, 1],
      [4, 3],
      [1, 0],
    ],
    [[3], [4, 2, 3], [0, 0, 1]],
    [
      [2, 3],
      [4, 2, 3],
      [0, 3, 1],
    ],
    [
      [4, 1, 3],
      [4, 2, 3],
      [3, 0, 1],
    ],
    [[], [4, 2], [0, 0]],
    [[1], [0, 3], [0, 0]],
    [[2, 1, 1], [4, 2, 3], undefined],
    [[4, 2, 3, 1], [4, 2, 3], undefined],
    [[1, 4, 2, 3], [4, 2, 3], undefined],
    [[0, 3], [1, 3], undefined],
    [[4], [4, 1], undefined],
  ])('of %j against %j are %j', (from, shape, strides) => {
    expect(broadcastStrides(from, shape)).toStrictEqual(strides)
  })

  it('find the element that repeating along axes of size 1 finds, in 300 random shapes', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const numbers = random(seed)
      const shape = Array.from({ length: numbers.int(1, 4) }, () => numbers.int(1, 4))
      const from = shape.map((size) => numbers.pick([1, size])).slice(numbers.int(0, shape.length))
      const strides = broadcastStrides(from, shape) ?? []
      for (let offset = 0; offset < elementCount(shape); offset++) {
        const index = indexAt(shape, offset)
        const at = index.reduce((sum, i, axis) => sum + i * (strides[axis] ?? Number.NaN), 0)
        const repeated = index.slice(shape.length - from.length).map((i, axis) => (from[axis] === 1 ? 0 : i))
        expect(indexAt(from, at), `seed ${seed}, ${formatShape(from)}, offset ${offset}`).toStrictEqual(repeated)
      }
    }
  })
})

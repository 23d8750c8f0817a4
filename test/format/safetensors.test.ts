import { expect, it } from 'vitest'
import { encodeSafetensors, readSafetensors } from '../../src/format/actual/safetensors.ts'
import { floatTensor, itemSize, type Tensor } from '../../src/format/tensor.ts'
import { int64Tensor } from '../sample.ts'

it('writes what it reads, every tensor where its items are aligned', () => {
  const halves = {
    odd: floatTensor('bfloat16', [3], [1, -2, Infinity]),
    input: floatTensor('float32', [1, 3], [0.5, -0, NaN]),
    scalar: floatTensor('float64', [], [2 ** -1074]),
    none: floatTensor('float16', [0, 2], []),
  }
  const tensors: Record<string, Tensor> = { ...halves, lengths: int64Tensor([3, 1]) }
  const [start, ...data] = encodeSafetensors(tensors)
  expect(start!.length % 8).toBe(0)
  let at = 0
  for (const own of data) {
    const tensor = Object.values(tensors).find(({ shape, dtype }) => {
      return own.length === itemSize[dtype] * shape.reduce((product, size) => product * size, 1)
    })
    expect(at % itemSize[tensor!.dtype]).toBe(0)
    at += own.length
  }
  const { odd, input, scalar, none } = halves
  expect(readSafetensors(Buffer.concat(encodeSafetensors(halves)), 'a')).toEqual({ scalar, input, odd, none })
  expect(() => readSafetensors(Buffer.concat([start!, ...data]), 'a')).toThrow(
    'a: lengths: expected F16, BF16, F32, F64, got I64',
  )
})

// The weights of a model of TensorFlow.js: a manifest in JSON, and files of bytes. Source: @tensorflow/tfjs-core, io/types.ts.
import * as z from 'zod'
import { parse } from '../case/wording.ts'
import { messageOf } from '../errors.ts'
import { plainText } from '../plain.ts'
import { elementCount, type FloatDType } from '../tensor.ts'
import { floatsOf, invalid, mostAxes, type Tensors } from './tensors.ts'

const Weight = z.looseObject({
  name: plainText.refine((name) => name !== '__proto__', 'expected the name of a tensor'),
  shape: z.array(z.int().min(0)).max(mostAxes),
  dtype: z.string(),
  quantization: z.looseObject({ dtype: z.string() }).optional(),
})

const Group = z.looseObject({ paths: z.array(plainText.min(1)).min(1), weights: z.array(Weight) })
const Model = z.looseObject({ weightsManifest: z.array(Group).min(1) })

/** Weights that stand one after the other in files, which are read as one. */
export type WeightGroup = z.infer<typeof Group>

/**
 * Reads a model.json, or its manifest alone.
 * @throws ParityError TENSORS_INVALID
 */
export function readManifest(bytes: Uint8Array, where: string): readonly WeightGroup[] {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw invalid(where, 'a model of TensorFlow.js in JSON', messageOf(cause))
  }
  const model = Array.isArray(value) ? { weightsManifest: value as unknown } : value
  const { weightsManifest } = parse(Model, model, where, 'TENSORS_INVALID')
  const names = new Set<string>()
  for (const { name } of weightsManifest.flatMap(({ weights }) => weights)) {
    if (names.has(name)) throw invalid(where, 'each weight once', `${name} twice`)
    names.add(name)
  }
  return weightsManifest
}

/** Bytes of one number of a dtype that is no float. */
const otherSizes: Readonly<Record<string, number>> = { int32: 4, bool: 1, uint8: 1, uint16: 2, complex64: 8 }

/**
 * The tensors of a group by its bytes; those that are no floats are left out.
 * @throws ParityError TENSORS_INVALID for weights that were quantised to whole numbers, which cannot be told from others near them.
 */
export function groupTensors({ weights, paths }: WeightGroup, bytes: Uint8Array, where: string): Tensors {
  const all: Record<string, Tensors[string]> = {}
  let at = 0
  for (const { name, shape, dtype, quantization } of weights) {
    const own = `${where}: ${name}`
    const stored = quantization?.dtype ?? dtype
    if (quantization !== undefined && stored !== 'float16') {
      throw invalid(own, 'weights as floats', `quantised to ${stored}: export them without quantisation`)
    }
    const known: FloatDType | undefined = stored === 'float32' || stored === 'float16' ? stored : undefined
    const size = known === undefined ? otherSizes[stored] : known === 'float32' ? 4 : 2
    if (size === undefined) throw invalid(own, `float32, float16, ${Object.keys(otherSizes).join(', ')}`, stored)
    const length = size * elementCount(shape)
    if (!(at + length <= bytes.length)) {
      throw invalid(own, `${length} bytes from ${at} on in ${paths.join(', ')}`, `${bytes.length - at}`)
    }
    if (known !== undefined) all[name] = floatsOf(known, shape, bytes.subarray(at, at + length), own)
    at += length
  }
  if (at !== bytes.length) throw invalid(where, `${at} bytes in ${paths.join(', ')}`, `${bytes.length}`)
  return all
}

import type { Case, Outputs } from '../format/case.ts'
import { diagnose, type Diagnosis } from '../diagnose.ts'
import { elementCount, type FloatTensor } from '../format/tensor.ts'
import { asWhole } from '../verify/filled.ts'
import { judge } from '../verify.ts'

/** Of what an engine gave, what was asked for; and nothing where it is no tensors, if of another shape. */
export function givenOf(recorded: Case, outputs: unknown): Outputs | undefined {
  if (typeof outputs !== 'object' || outputs === null) return undefined
  const given = Object.fromEntries(Object.entries(outputs).filter(([name]) => Object.hasOwn(recorded.expected, name)))
  const compared = judge(recorded, given).filter(({ tensor }) => Object.hasOwn(given, tensor))
  const areTensors = compared.every(
    ({ tensor, problem }) => problem === undefined || isOfOtherShape(given[tensor], recorded),
  )
  return areTensors && compared.length > 0 ? given : undefined
}

/** Why outputs depart, as far as they are tensors, if of another shape, among those that were asked for; else nothing. */
export function diagnosisOf(asked: Case, outputs: unknown, limitMs = 1000): Diagnosis | undefined {
  const recorded = asWhole(asked)
  const given = givenOf(recorded, outputs)
  if (given === undefined) return undefined
  const diagnosis = diagnose(recorded, given, { limitMs })
  return isWorthwhile(recorded, given, diagnosis) ? diagnosis : undefined
}

/** Of tensors of another shape there is no more to say than that, unless a fault gives just them. */
export function isWorthwhile(recorded: Case, given: Outputs, { explanations }: Diagnosis): boolean {
  return isShaped(recorded, given) || explanations.some(({ complete }) => complete)
}

/** Whether tensors have the shapes that were asked for. */
export function isShaped({ expected }: Case, given: Outputs): boolean {
  return Object.entries(given).every(([name, { shape }]) => shape.join() === expected[name]!.shape.join())
}

function isOfOtherShape(tensor: unknown, recorded: Case): boolean {
  const { dtype, shape, data }: Partial<FloatTensor> = Object(tensor)
  const isData = data instanceof Float32Array || data instanceof Float64Array
  return isData && dtype === recorded.dtype && Array.isArray(shape) && elementCount(shape) === data.length
}

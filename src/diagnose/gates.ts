import { isModelRequest } from '../format/case.ts'
import type { Comparison } from '../verify/compare.ts'
import { kinds } from '../format/module.ts'
import { agrees } from './patterns.ts'
import type { Question } from './question.ts'

/** Which gate is off, where the numbers tell. */
export function gateSentences({ recorded, outputs, limits }: Question, comparisons: readonly Comparison[]): string[] {
  if (isModelRequest(recorded)) return []
  const { gates, hasCellState } = kinds[recorded.module]
  if (gates.length === 1) return []
  const matches = (...names: readonly string[]): boolean | undefined => {
    const own = comparisons.filter(({ tensor }) => names.includes(tensor))
    return own.length === 0 ? undefined : own.every(({ outcome }) => outcome === 'match')
  }
  const found: string[] = []
  if (hasCellState && !('proj_size' in recorded.config && recorded.config.proj_size > 0)) {
    const [c, h] = [matches('c_n', 'c_1'), matches('h_n', 'h_1')]
    // h = o ∘ tanh(c)
    // Where output is right, so is every h, and only what is given out at last is not.
    if (c === true && h === false && matches('output') !== true) {
      found.push('c is right where h is not: the gate o, or the tanh of c')
    }
    if (c === false && 'c_1' in recorded.expected && outputGateIsRight(recorded.expected, outputs)) {
      found.push('h / tanh(c) is what it should be: the gate o is right, and i, f or g is not')
    }
  }
  for (const { tensor, outcome } of comparisons) {
    if (outcome === 'match' || !/^grad_(weight|bias)_(ih|hh)/.test(tensor)) continue
    const rows = gatesOff(recorded.expected[tensor]!.data, outputs[tensor]!.data, limits[tensor]!, gates)
    if (rows.length > 0 && rows.length < gates.length) {
      found.push(`${tensor}: only the rows of ${rows.length === 1 ? 'gate' : 'gates'} ${rows.join(' and ')} are off`)
      break
    }
  }
  return found
}

/** The gates whose rows of a stacked gradient are off. */
function gatesOff(
  expected: Float32Array | Float64Array,
  actual: Float32Array | Float64Array,
  limits: Float64Array,
  gates: readonly string[],
): string[] {
  const size = expected.length / gates.length
  const off = new Set<string>()
  for (let i = 0; i < expected.length; i++) {
    if (!agrees(actual[i]!, expected[i]!, limits[i]!)) off.add(gates[Math.floor(i / size)]!)
  }
  return [...off]
}

type Outputs = Question['outputs']

/** Whether o = h / tanh(c) is the same in both, where tanh(c) is large enough to divide by. */
function outputGateIsRight(expected: Outputs, actual: Outputs): boolean {
  const gateOf = ({ h_1, c_1 }: Outputs): number[] =>
    Array.from(h_1?.data ?? [], (h, i) => h / Math.tanh(c_1?.data[i] ?? Number.NaN))
  const [own, theirs] = [gateOf(actual), gateOf(expected)]
  const large = theirs.map(
    (_, i) => Math.min(Math.abs(expected['c_1']!.data[i]!), Math.abs(actual['c_1']?.data[i] ?? 0)) > 0.05,
  )
  return large.some(Boolean) && theirs.every((o, i) => !large[i] || Math.abs(own[i]! - o) <= 1e-5)
}

import { type Case, isModelRequest } from '../format/case.ts'
import { kappa } from './compare.ts'
import { broadcastStrides, type FloatTensor } from '../format/tensor.ts'

/** A row of greedy decoding that parts from PyTorch where two logits lie closer together than their allowed errors. */
export interface Tie {
  readonly batch: number
  readonly t: number
  /** The symbols that were chosen. */
  readonly actual: number
  readonly expected: number
  /** How far apart PyTorch's own logits of the two are, and how far apart they may be for a tie. */
  readonly margin: number
  readonly allowed: number
}

/** What is computed at every step of decoding, so that it depends on the symbols before it. */
const decoded = ['target_embedding', 'attention', 'context', 'decoder_states', 'logits'] as const

/**
 * Finds the rows whose symbols differ from PyTorch's for a reason that both may have: a tie. What such a row does afterwards
 * follows from another symbol and cannot be compared, so it is taken from PyTorch.
 * outputs: what an engine gave, unchecked.
 */
export function settleTies(
  recorded: Case,
  outputs: unknown,
): { readonly outputs: unknown; readonly ties: readonly Tie[] } {
  const { expected, budget } = recorded
  const { symbols, logits } = expected
  const given = outputs as Partial<Record<string, FloatTensor>> | null
  if (!isModelRequest(recorded) || symbols === undefined || logits === undefined || typeof given !== 'object') {
    return { outputs, ties: [] }
  }
  const actual = given?.['symbols']?.data
  const [steps = 0, batch = 0, classes = 0] = logits.shape
  if (!(actual instanceof symbols.data.constructor) || actual.length !== steps * batch) return { outputs, ties: [] }

  const [overTime = 0, overRows = 0, overClasses = 0] = broadcastStrides(budget['logits']!.shape, logits.shape) ?? []
  const allowedAt = (t: number, row: number, symbol: number): number =>
    kappa * budget['logits']!.data[t * overTime + row * overRows + symbol * overClasses]!
  const ties: Tie[] = []
  for (let row = 0; row < batch; row++) {
    const t = Array.from({ length: steps }, (_, step) => step).find((step) => {
      return actual[step * batch + row] !== symbols.data[step * batch + row]
    })
    if (t === undefined) continue
    const [own, theirs] = [actual[t * batch + row]!, symbols.data[t * batch + row]!]
    if (!Number.isInteger(own) || own < 0 || own >= classes) continue
    // Past its end a row is blank: there is nothing to choose from.
    const { config } = recorded
    const hasEnded = Array.from({ length: t }, (_, step) => symbols.data[step * batch + row]).includes(
      'eos' in config ? config.eos : -1,
    )
    if (hasEnded) continue
    const at = (t * batch + row) * classes
    const margin = Math.abs(logits.data[at + own]! - logits.data[at + theirs]!)
    const allowed = allowedAt(t, row, own) + allowedAt(t, row, theirs)
    if (margin <= allowed) ties.push({ batch: row, t, actual: own, expected: theirs, margin, allowed })
  }
  if (ties.length === 0) return { outputs, ties }
  const settled: Record<string, unknown> = { ...given }
  for (const name of ['symbols', ...decoded]) {
    const tensor = expected[name]
    const own = given?.[name]
    // Anything else than what is asked for is left to be judged as it is.
    // A context that is the same at every step has no axis of time.
    if (tensor === undefined || tensor.shape.length !== (name === 'symbols' ? 2 : 3)) continue
    if (!(own?.data instanceof tensor.data.constructor) || own.data.length !== tensor.data.length) continue
    const data = own.data.slice()
    const size = tensor.data.length / (steps * batch)
    for (const { batch: row, t } of ties) {
      // The logits of the tie itself are judged, and its symbols are not.
      for (let step = name === 'symbols' ? t : t + 1; step < steps; step++) {
        const from = (step * batch + row) * size
        data.set(tensor.data.subarray(from, from + size), from)
      }
    }
    settled[name] = { ...own, data }
  }
  return { outputs: settled, ties }
}

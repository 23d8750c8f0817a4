import { type Facts, type Quantity, quantities, type Statement, statements } from './facts.ts'

/** Something that a request may or may not be. Of what is counted more than once, one that is so is enough. */
export type Condition =
  | { readonly kind: 'holds'; readonly of: Statement; readonly is: boolean }
  /** `above`: the largest number that was seen on the other side. */
  | { readonly kind: 'from'; readonly of: Quantity; readonly k: number; readonly above: number }
  | { readonly kind: 'to'; readonly of: Quantity; readonly k: number; readonly below: number }
  | { readonly kind: 'equal'; readonly of: Quantity; readonly k: number }
  | { readonly kind: 'multiple'; readonly of: Quantity; readonly m: number; readonly is: boolean }
  /** Above m and no multiple of it: what has a rest after whole blocks. */
  | { readonly kind: 'rest'; readonly of: Quantity; readonly m: number }
  | { readonly kind: 'power'; readonly of: Quantity; readonly is: boolean }

export function meets(condition: Condition, { numbers, holds }: Facts): boolean {
  if (condition.kind === 'holds') return holds.has(condition.of) === condition.is
  return numbers[condition.of].some((n) => isSo(condition, n))
}

function isSo(condition: Exclude<Condition, { kind: 'holds' }>, n: number): boolean {
  switch (condition.kind) {
    case 'from':
      return n >= condition.k
    case 'to':
      return n <= condition.k
    case 'equal':
      return n === condition.k
    case 'multiple':
      return (n % condition.m === 0) === condition.is
    case 'rest':
      return n > condition.m && n % condition.m !== 0
    default:
      return isPower(n) === condition.is
  }
}

function isPower(n: number): boolean {
  return n > 0 && (n & (n - 1)) === 0
}

/** How much must be said for it: what is simpler is likelier. */
export function costOf(condition: Condition): number {
  if (condition.kind === 'holds') return historical.has(condition.of) ? 1.6 : 1
  const base = quantities[condition.of]
  switch (condition.kind) {
    case 'multiple':
      return base + 0.1 * Math.log2(condition.m)
    case 'rest':
      return base + 0.4 + 0.1 * Math.log2(condition.m)
    case 'from':
      return base + 0.2 + (isRound(condition.k) || isRound(condition.k - 1) ? 0 : 0.3)
    case 'to':
      return base + 0.3 + (isRound(condition.k) || isRound(condition.k + 1) ? 0 : 0.3)
    case 'equal':
      return base + 0.5
    default:
      return base + 0.6
  }
}

const historical: ReadonlySet<string> = new Set<Statement>([
  'first',
  'sameShapes',
  'sameParameters',
  'sameParameter',
  'sameOutputs',
  'againShapes',
  'largerBefore',
])

export function isHistorical(of: Statement): boolean {
  return historical.has(of)
}

function isRound(k: number): boolean {
  return isPower(k) || k % 100 === 0
}

/** As it is said: `hidden_size mod 4 ≠ 0`, `seq_len > 256`. */
export function conditionText(condition: Condition): string {
  if (condition.kind === 'holds') return statements[condition.of][condition.is ? 0 : 1]
  const { of } = condition
  switch (condition.kind) {
    case 'from':
      return thresholdText(of, condition.above + 1, condition.k)
    case 'to':
      return upToText(of, condition.k, condition.below - 1)
    case 'equal':
      return `${of} = ${condition.k}`
    case 'multiple':
      return `${of} mod ${condition.m} ${condition.is ? '=' : '≠'} 0`
    case 'rest':
      return `${of} > ${condition.m} and mod ${condition.m} ≠ 0`
    default:
      return `${of} is ${condition.is ? 'a' : 'no'} power of two`
  }
}

/** The bound lies somewhere from `first` to `last`; where it is not known more closely, that is said. */
function thresholdText(of: string, first: number, last: number): string {
  if (first < last) return `${of} ≥ a number from ${first} to ${last}`
  return isRound(last - 1) && last > 2 ? `${of} > ${last - 1}` : `${of} ≥ ${last}`
}

function upToText(of: string, first: number, last: number): string {
  if (first < last) return `${of} ≤ a number from ${first} to ${last}`
  return isRound(first + 1) && first > 2 ? `${of} < ${first + 1}` : `${of} ≤ ${first}`
}

const moduli = [2, 3, 4, 8, 16, 32, 64, 128] as const

/** Every condition that tells some of these requests from others. */
export function* conditionsOf(all: readonly Facts[]): Generator<Condition> {
  for (const of of Object.keys(statements) as Statement[]) {
    yield { kind: 'holds', of, is: true }
    yield { kind: 'holds', of, is: false }
  }
  for (const of of Object.keys(quantities) as Quantity[]) {
    const seen = [...new Set(all.flatMap(({ numbers }) => numbers[of]))].toSorted((one, other) => one - other)
    for (const [i, k] of seen.entries()) {
      if (i > 0) yield { kind: 'from', of, k, above: seen[i - 1]! }
      if (i + 1 < seen.length) yield { kind: 'to', of, k, below: seen[i + 1]! }
      if (k <= 16 || isPower(k)) yield { kind: 'equal', of, k }
    }
    for (const m of moduli) {
      if (m >= (seen.at(-1) ?? 0)) break
      yield { kind: 'multiple', of, m, is: true }
      yield { kind: 'multiple', of, m, is: false }
      yield { kind: 'rest', of, m }
    }
    yield { kind: 'power', of, is: true }
    yield { kind: 'power', of, is: false }
  }
}

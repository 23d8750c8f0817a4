import { type Condition, conditionsOf, conditionText, costOf, meets } from './condition.ts'
import type { Facts, Statement } from './facts.ts'

/** A request that was asked, as far as a rule is concerned. */
export interface Example {
  readonly facts: Facts
  readonly isWrong: boolean
}

/** Numbers that hide mistakes: they are lost in larger ones, or are zeros. A right answer says next to nothing there. */
const hiding: readonly Statement[] = ['notFinite', 'huge', 'large', 'tiny', 'subnormal', 'negativeZero']
/** And where it says less. */
const dimming: readonly Statement[] = ['noState', 'half']

/** What a right answer says against a rule that calls it wrong, beside a wrong one that it names. */
const prices = [2, 0.5, 0.1] as const

function dimnessOf({ holds }: Facts): 0 | 1 | 2 {
  if (hiding.some((name) => holds.has(name))) return 2
  return dimming.some((name) => holds.has(name)) ? 1 : 0
}

/** Wrong where all conditions of one of the terms are met. */
export type Rule = readonly (readonly Condition[])[]

/** A rule and how it stands with what it was learnt from. */
export interface Learnt {
  readonly rule: Rule
  /** Of the wrong ones it says so of. */
  readonly wrongInside: number
  readonly rightInside: number
  readonly wrongOutside: number
  readonly rightOutside: number
}

const mostTerms = 3
const mostConditions = 3
const beam = 12
/** What a condition must bring, by its cost. */
const priceOfCondition = 3

export function says(rule: Rule, facts: Facts): boolean {
  return rule.some((term) => term.every((condition) => meets(condition, facts)))
}

export function ruleText(rule: Rule): string {
  return rule.map((term) => term.map((condition) => conditionText(condition)).join(' and ')).join('; or where ')
}

export function costOfRule(rule: Rule): number {
  return rule.flat().reduce((sum, condition) => sum + costOf(condition), rule.length)
}

/** A set of examples, by their places. */
type Bits = Uint32Array

interface Atom {
  readonly condition: Condition
  readonly bits: Bits
  readonly cost: number
}

interface Term {
  readonly atoms: readonly Atom[]
  readonly bits: Bits
  readonly score: number
}

function countOf(bits: Bits, other: Bits): number {
  let count = 0
  for (let i = 0; i < bits.length; i++) {
    let word = bits[i]! & other[i]!
    word -= (word >>> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}

function bitsOf(examples: readonly Example[], is: (example: Example) => boolean): Bits {
  const bits = new Uint32Array(Math.ceil(examples.length / 32))
  for (const [i, example] of examples.entries()) if (is(example)) bits[i >>> 5]! |= 1 << (i & 31)
  return bits
}

function both(one: Bits, other: Bits): Bits {
  return one.map((word, i) => word & other[i]!)
}

function without(one: Bits, other: Bits): Bits {
  return one.map((word, i) => word & ~other[i]!)
}

/** What each condition holds for; of those that hold for the same, the simplest first. */
function atomsOf(examples: readonly Example[]): Map<string, Atom[]> {
  const classes = new Map<string, Atom[]>()
  for (const condition of conditionsOf(examples.map(({ facts }) => facts))) {
    const bits = bitsOf(examples, ({ facts }) => meets(condition, facts))
    const key = String.fromCharCode(...new Uint16Array(bits.buffer))
    const own = classes.get(key) ?? []
    own.push({ condition, bits, cost: costOf(condition) })
    classes.set(key, own)
  }
  for (const own of classes.values()) own.sort((one, other) => one.cost - other.cost)
  return classes
}

/** Rules for the same examples, the likeliest first, and what else says the same of all of them. */
export interface Learning {
  readonly best: Learnt
  /** Rules that the examples do not tell from the best one. */
  readonly others: readonly Rule[]
}

/**
 * Learns where requests are wrong: a rule of few terms of few conditions, one after the other, each for what is left. It says nothing of
 * requests that are all wrong, or all right. → undefined where nothing tells them apart
 */
export function learn(examples: readonly Example[]): Learning | undefined {
  const wrong = bitsOf(examples, ({ isWrong }) => isWrong)
  const right = bitsOf(examples, ({ isWrong }) => !isWrong)
  const rightBy = prices.map((_, dimness) => {
    return bitsOf(examples, ({ facts, isWrong }) => !isWrong && dimnessOf(facts) === dimness)
  })
  const [wrongs, rights] = [countOf(wrong, wrong), countOf(right, right)]
  if (wrongs === 0 || rights === 0) return undefined
  const classes = atomsOf(examples)
  const atoms = [...classes.values()].map(([first]) => first!)
  const terms: Term[] = []
  let left = wrong
  while (terms.length < mostTerms && left.some((word) => word !== 0)) {
    const term = bestTerm(atoms, { left, rightBy })
    if (term === undefined) break
    terms.push(term)
    left = without(left, term.bits)
  }
  if (terms.length === 0) return undefined
  const inside = terms.reduce<Bits>(
    (sum, { bits }) => sum.map((word, i) => word | bits[i]!),
    new Uint32Array(left.length),
  )
  const [wrongInside, rightInside] = [countOf(inside, wrong), countOf(inside, right)]
  const rule = terms.map(({ atoms: own }) => own.map(({ condition }) => condition))
  const best = {
    rule,
    wrongInside,
    rightInside,
    wrongOutside: wrongs - wrongInside,
    rightOutside: rights - rightInside,
  }
  return { best, others: alternatives(terms, classes, atoms, right) }
}

/** The wrong ones that nothing has been said of yet, and the right ones by how much they say. */
interface Sets {
  readonly left: Bits
  readonly rightBy: readonly Bits[]
}

function scored(atoms: readonly Atom[], bits: Bits, { left, rightBy }: Sets): Term {
  const cost = atoms.reduce((sum, atom) => sum + atom.cost, 0)
  const price = rightBy.reduce((sum, right, dimness) => sum + prices[dimness]! * countOf(bits, right), 0)
  return { atoms, bits, score: countOf(bits, left) - price - priceOfCondition * cost }
}

/** The conjunction that says most of what is left and least of what is right. */
function bestTerm(atoms: readonly Atom[], sets: Sets): Term | undefined {
  const better = (one: Term, other: Term): number => other.score - one.score
  const everything = scored([], new Uint32Array(sets.left.length).fill(0xffffffff), sets)
  let best: Term | undefined
  let open: Term[] = [everything]
  for (let length = 1; length <= mostConditions; length++) {
    const longer = open.flatMap((term) =>
      atoms
        .filter((atom) => !term.atoms.includes(atom))
        .map((atom) => scored([...term.atoms, atom], both(term.bits, atom.bits), sets)),
    )
    longer.sort(better)
    open = distinct(longer)
    const [first] = open
    if (first === undefined) break
    if (best === undefined || first.score > best.score) best = first
  }
  return best !== undefined && best.score > 0 ? best : undefined
}

function distinct(terms: readonly Term[]): Term[] {
  const kept: Term[] = []
  const seen = new Set<string>()
  for (const term of terms) {
    if (kept.length === beam) break
    const key = String.fromCharCode(...new Uint16Array(term.bits.slice().buffer))
    if (seen.has(key)) continue
    seen.add(key)
    kept.push(term)
  }
  return kept
}

const mostAlternatives = 200

/** Rules in which one condition is another: one that holds for the same, or for what makes no difference; or is left out. */
function alternatives(
  terms: readonly Term[],
  classes: ReadonlyMap<string, readonly Atom[]>,
  atoms: readonly Atom[],
  right: Bits,
): Rule[] {
  const rules: { readonly rule: Rule; readonly cost: number }[] = []
  const conditions = (own: readonly Atom[]): readonly Condition[] => own.map(({ condition }) => condition)
  for (const [t, term] of terms.entries()) {
    const others = terms.map(({ atoms: own }) => conditions(own))
    const all: Bits = new Uint32Array(right.length).fill(0xffffffff)
    for (const [a, atom] of term.atoms.entries()) {
      const rest = term.atoms.toSpliced(a, 1)
      const restBits = rest.reduce<Bits>((bits, own) => both(bits, own.bits), all)
      const admitted = countOf(term.bits, right)
      for (const other of atoms) {
        const bits = both(restBits, other.bits)
        if (without(term.bits, bits).some((word) => word !== 0) || countOf(bits, right) > admitted) continue
        const same = classes.get(String.fromCharCode(...new Uint16Array(other.bits.slice().buffer))) ?? [other]
        for (const each of same) {
          if (each.condition === atom.condition) continue
          const rule = others.with(t, [...conditions(rest), each.condition])
          rules.push({ rule, cost: costOfRule(rule) })
        }
      }
    }
  }
  rules.sort((one, other) => one.cost - other.cost)
  return rules.slice(0, mostAlternatives).map(({ rule }) => rule)
}

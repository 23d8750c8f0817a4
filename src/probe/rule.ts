import { type Condition, conditionsOf, conditionText, costOf, isHistorical, meets } from './condition.ts'
import { type Bits, bitsOf, both, countOf, everything, grown, isEmpty, keyOf, put, without } from './bits.ts'
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
const mostConditions = 4
const beam = 12
/** How many examples a condition must bring, by its cost: of many some are brought by any. */
const priceOfCondition = (examples: number): number => Math.max(3, examples / 200)

export function says(rule: Rule, facts: Facts): boolean {
  return rule.some((term) => term.every((condition) => meets(condition, facts)))
}

export function ruleText(rule: Rule): string {
  return rule.map((term) => term.map((condition) => conditionText(condition)).join(' and ')).join('; or where ')
}

/** Whether a rule is about what an engine was asked before. */
export function isAboutCalls({ rule }: Pick<Learnt, 'rule'>): boolean {
  return rule.flat().some((condition) => condition.kind === 'holds' && isHistorical(condition.of))
}

export function costOfRule(rule: Rule): number {
  return rule.flat().reduce((sum, condition) => sum + costOf(condition), rule.length)
}

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
export function learn(all: readonly Example[]): Learning | undefined {
  const learner = new Learner()
  for (const example of all) learner.add(example)
  return learner.learn()
}

/** The same, of examples that become more: what each condition holds for is looked at once. */
export class Learner {
  readonly #all: Example[] = []
  /** Of requests that are alike in all that can be said of them, one that is wrong and one that is right. */
  readonly #distinct: Example[] = []
  readonly #seen = new Set<string>()
  readonly #known = new Map<string, { bits: Bits; count: number }>()

  add(example: Example): void {
    const { facts, isWrong } = example
    this.#all.push(example)
    const key = `${JSON.stringify(facts.numbers)} ${[...facts.holds].join()} ${isWrong}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.#distinct.push(example)
  }

  learn(): Learning | undefined {
    const examples = this.#distinct
    const wrong = bitsOf(examples, ({ isWrong }) => isWrong)
    const right = bitsOf(examples, ({ isWrong }) => !isWrong)
    const rightBy = prices.map((_, dimness) => {
      return bitsOf(examples, ({ facts, isWrong }) => !isWrong && dimnessOf(facts) === dimness)
    })
    if (isEmpty(wrong) || isEmpty(right)) return undefined
    const classes = this.#classes()
    const atoms = [...classes.values()].map(([first]) => first!)
    const terms: Term[] = []
    let left = wrong
    while (terms.length < mostTerms && !isEmpty(left)) {
      const term = bestTerm(atoms, { left, rightBy, price: priceOfCondition(examples.length) })
      if (term === undefined) break
      terms.push(term)
      left = without(left, term.bits)
    }
    if (terms.length === 0) return undefined
    const rule = terms.map(({ atoms: own }) => own.map(({ condition }) => condition))
    return { best: counted(rule, this.#all), others: alternatives(terms, classes, atoms, right) }
  }

  /** The conditions by what they hold for; of those that hold for the same, the simplest first. */
  #classes(): Map<string, Atom[]> {
    const examples = this.#distinct
    const classes = new Map<string, Atom[]>()
    for (const condition of conditionsOf(examples.map(({ facts }) => facts))) {
      const bits = this.#bitsOf(condition)
      const own = classes.get(keyOf(bits)) ?? []
      own.push({ condition, bits, cost: costOf(condition) })
      classes.set(keyOf(bits), own)
    }
    for (const own of classes.values()) own.sort((one, other) => one.cost - other.cost)
    return classes
  }

  #bitsOf(condition: Condition): Bits {
    const {
      above: _,
      below: __,
      ...own
    } = condition as Condition & { readonly above?: number; readonly below?: number }
    const name = Object.values(own).join('\n')
    const before = this.#known.get(name)
    const bits = grown(before?.bits, this.#distinct.length)
    for (let i = before?.count ?? 0; i < this.#distinct.length; i++) {
      if (meets(condition, this.#distinct[i]!.facts)) put(bits, i)
    }
    this.#known.set(name, { bits, count: this.#distinct.length })
    return bits
  }
}

function counted(rule: Rule, all: readonly Example[]): Learnt {
  const counts = { wrongInside: 0, rightInside: 0, wrongOutside: 0, rightOutside: 0 }
  for (const { facts, isWrong } of all)
    counts[`${isWrong ? 'wrong' : 'right'}${says(rule, facts) ? 'Inside' : 'Outside'}`]++
  return { rule, ...counts }
}

/** The wrong ones that nothing has been said of yet, and the right ones by how much they say. */
interface Sets {
  readonly left: Bits
  readonly rightBy: readonly Bits[]
  /** Of a condition. */
  readonly price: number
}

/** atom: that is added to a term, or none. */
function scoreOf(
  { bits, cost }: Pick<Atom, 'bits' | 'cost'>,
  atom: Atom | undefined,
  { left, rightBy, price }: Sets,
): number {
  let score = countOf(bits, left, atom?.bits) - price * (cost + (atom?.cost ?? 0))
  for (const [dimness, right] of rightBy.entries()) score -= prices[dimness]! * countOf(bits, right, atom?.bits)
  return score
}

/** The conjunction that says most of what is left and least of what is right. */
function bestTerm(atoms: readonly Atom[], sets: Sets): Term | undefined {
  let best: Term | undefined
  let open: Term[] = [{ atoms: [], bits: everything(sets.left.length), score: -Infinity }]
  for (let length = 1; length <= mostConditions; length++) {
    const longer = open.flatMap((term) => {
      const cost = term.atoms.reduce((sum, atom) => sum + atom.cost, 0)
      return atoms
        .filter((atom) => !term.atoms.includes(atom))
        .map((atom) => ({ term, atom, score: scoreOf({ bits: term.bits, cost }, atom, sets) }))
    })
    longer.sort((one, other) => other.score - one.score)
    open = []
    const seen = new Set<string>()
    for (const { term, atom, score } of longer) {
      if (open.length === beam) break
      const bits = both(term.bits, atom.bits)
      const key = keyOf(bits)
      if (seen.has(key)) continue
      seen.add(key)
      open.push({ atoms: [...term.atoms, atom], bits, score })
    }
    const [first] = open
    if (first === undefined) break
    if (best === undefined || first.score > best.score) best = first
  }
  return best !== undefined && best.score > 0 ? best : undefined
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
    const all = everything(right.length)
    for (const [a, atom] of term.atoms.entries()) {
      const rest = term.atoms.toSpliced(a, 1)
      const restBits = rest.reduce<Bits>((bits, own) => both(bits, own.bits), all)
      const admitted = countOf(term.bits, right)
      for (const other of atoms) {
        const bits = both(restBits, other.bits)
        if (!isEmpty(without(term.bits, bits)) || countOf(bits, right) > admitted) continue
        const same = classes.get(keyOf(other.bits)) ?? [other]
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

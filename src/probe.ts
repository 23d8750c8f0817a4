// When an engine is wrong: experiments that are drawn, and a rule that is learnt of them. Our own engine stands for PyTorch.
import type { Engine } from './engine/run.ts'
import type { Draw } from './oracle/fuzz/spec.ts'
import { specOf } from './oracle/fuzz/spec.ts'
import { isLayer } from './format/module.ts'
import type { RecurrentSpec } from './oracle.ts'
import { type Bounds, drawnAround, choicesOf, simplerOf, simplest, sizesOf, variationsOf } from './probe/draw.ts'
import { type Experiment, experiment } from './probe/experiment.ts'
import { factsOf, History } from './probe/facts.ts'
import { commonPlaces } from './probe/places.ts'
import { type Example, learn, Learner, type Learnt, says } from './probe/rule.ts'
import { pressing } from './probe/pressing.ts'
import type { Conduct } from './verify/conduct.ts'
import { once } from './verify/again.ts'
import { randomOf } from './verify/random.ts'

export interface ProbeOptions extends Bounds {
  /** Of what is drawn. */
  readonly seed: number
  /** How many experiments at most. */
  readonly experiments: number
  /** After so long no other is begun. */
  readonly limitMs: number
  /** A request around which they are drawn, instead of the simplest. */
  readonly around?: Draw | undefined
  readonly signal?: AbortSignal
  /** What the engine has done beside computing, since this was last asked. */
  readonly take?: () => readonly Conduct[]
  readonly onExperiment?: (own: Experiment) => void
  /** Lets a signal be heard, of an engine that computes without a pause. */
  readonly breathe?: () => Promise<void>
}

export type { Experiment, Learnt }
export type { Draw }
export { confirm } from './probe/tally.ts'
export { drawOf } from './probe/draw.ts'
export { ruleText } from './probe/rule.ts'

/** What experiments have shown of an engine. */
export interface Probed {
  readonly experiments: readonly Experiment[]
  /** Where it is wrong, as far as a rule could be learnt. */
  readonly learnt: Learnt | undefined
  /** The same of where it fails. */
  readonly failing: Learnt | undefined
  /** Where in the outputs of those, as sentences. */
  readonly places: readonly string[]
  readonly smallestWrong: Experiment | undefined
  readonly largestRight: Experiment | undefined
  /** What it did beside computing, each kind once. */
  readonly conduct: readonly Conduct[]
  /** What the engine has been asked. */
  readonly history: History
}

/** One in so many of those that are right is asked once more. */
const repeated = 4
/** Drawn before anything is learnt. */
const screened = 160
/** Of those so many wrong and right ones are enough. */
const enough = 24
/** Other rules are told apart by so many experiments at a time, from so many that might. */
const told = 12
const pool = 160
const mostRounds = 12
/** Beside what a rule is learnt of, so many are asked to see whether it holds. */
const confirming = 60

const isOff = ({ outcome }: Experiment): boolean => outcome === 'wrong' || outcome === 'failed'
const isJudged = (own: Experiment): boolean => isOff(own) || own.outcome === 'right'

/**
 * Asks an engine for requests that are drawn, and learns where it is wrong: first any requests; from one that is wrong as simple ones as
 * are wrong, too, and what makes the difference to one that is right; then those of which rules that fit as well say otherwise; and at
 * last others, to see whether the rule holds.
 */
export async function probe(engine: Engine, options: ProbeOptions): Promise<Probed> {
  const { seed, around, take, signal, onExperiment, breathe } = options
  const random = randomOf(seed)
  const seedOf = (): number => Math.floor(random() * 2 ** 31)
  const until = performance.now() + options.limitMs
  const history = new History()
  const done: Experiment[] = []
  const conduct: Conduct[] = []
  const isOver = (): boolean =>
    done.length >= options.experiments || performance.now() >= until || signal?.aborted === true

  const ask = async (draw: Draw): Promise<Experiment | undefined> => {
    if (isOver()) return undefined
    // Other numbers each time: what is kept from one call to the next shows in nothing else.
    const asked = await experiment({ ...draw, seed: seedOf() }, engine, history, {
      take,
      isTwice: done.length % repeated === 0,
    })
    done.push(asked.experiment)
    if (isJudged(asked.experiment)) learner.add({ facts: asked.experiment.facts, isWrong: isOff(asked.experiment) })
    conduct.push(...asked.conduct)
    onExperiment?.(asked.experiment)
    await breathe?.()
    return asked.experiment
  }
  const judged = (): Experiment[] => done.filter(isJudged)
  const learner = new Learner()
  const drawn = (): Draw => {
    const before = done.length > 0 && random() < 0.15 ? done[Math.floor(random() * done.length)] : undefined
    // The shapes of an earlier one with other numbers: what is kept from one call to the next shows there.
    if (before !== undefined) return before.draw
    const base = around ?? simplest(options.modules[Math.floor(random() * options.modules.length)]!)
    return drawnAround(base, options, random, !done.some(isOff))
  }

  for (const draw of scanned(options)) await ask(draw)
  for (const draw of swept(options)) if (!done.some(isOff)) await ask(draw)
  const asked = done.length
  while (!isOver()) {
    await ask(drawn())
    const wrong = done.filter(isOff).length
    // As long as nothing is wrong there is nothing else to do.
    if (wrong > 0 && done.length >= asked + 3 * screened) break
    if (done.length >= asked + screened && wrong >= enough && judged().length - wrong >= enough) break
  }

  /** As simple as one that is off stays off, and what is one thing away from it. */
  const lookAround = async (own: Experiment, isOne: (other: Experiment) => boolean): Promise<void> => {
    let best = own
    simpler: for (;;) {
      for (const draw of simplerOf(best.draw)) {
        const other = await ask(draw)
        if (other === undefined) return
        if (!isOne(other)) continue
        best = other
        continue simpler
      }
      break
    }
    for (const draw of variationsOf(best.draw, options)) if ((await ask(draw)) === undefined) return
  }

  const cheapest = (among: readonly Experiment[]): Experiment | undefined =>
    among.toSorted((one, other) => sizeOf(one.spec) - sizeOf(other.spec))[0]
  const first = cheapest(done.filter(isOff))
  if (first !== undefined) await lookAround(first, isOff)

  let learning = learner.learn()
  for (let round = 0; round < 3 && learning !== undefined && learning.best.wrongOutside > 0; round++) {
    const { rule } = learning.best
    const isUnsaid = (own: Experiment): boolean => isOff(own) && !says(rule, own.facts)
    const unsaid = cheapest(done.filter(isUnsaid))
    if (unsaid === undefined || isOver()) break
    await lookAround(unsaid, isUnsaid)
    learning = learner.learn()
  }

  /** Requests that may be asked next, near what is known and anywhere. */
  const candidates = (): Draw[] => {
    const near = judged().slice(-40)
    return Array.from({ length: pool }, () => {
      const own = near[Math.floor(random() * near.length)]
      const others = own === undefined || random() < 0.5 ? [] : [...choicesOf(own.draw)]
      return others[Math.floor(random() * others.length)] ?? drawn()
    })
  }

  let confirmed = 0
  for (let round = 0; learning !== undefined && !isOver() && confirmed < confirming; round++) {
    const { best, others } = learning
    const inside = judged().filter((own) => isOff(own) && says(best.rule, own.facts))
    const close = round < mostRounds ? pressing(best.rule, inside).slice(0, told / 2) : []
    const open = candidates().map((draw) => {
      const facts = factsOf(specOf(draw), history)
      const own = says(best.rule, facts)
      return { draw, own, against: others.filter((other) => says(other, facts) !== own).length }
    })
    const telling = open.filter(({ against }) => against > 0 && round < mostRounds)
    telling.sort((one, other) => other.against - one.against)
    // Half of what confirms is said to be wrong, half to be right.
    const halves = [true, false].flatMap((is) => open.filter(({ own }) => own === is).slice(0, told / 2))
    const next = [...close, ...(telling.length > 0 ? telling.slice(0, told) : halves).map(({ draw }) => draw)]
    let isHeld = close.length === 0 && telling.length === 0
    for (const draw of next) {
      const asked = await ask(draw)
      if (asked !== undefined && isJudged(asked) && isOff(asked) !== says(best.rule, asked.facts)) isHeld = false
    }
    confirmed = isHeld ? confirmed + next.length : 0
    if (round > mostRounds + confirming) break
    learning = learner.learn()
  }

  const off = done.filter(isOff)
  const rights = done.filter(({ outcome }) => outcome === 'right')
  const wrongOrRight = done.filter(({ outcome }) => outcome === 'wrong' || outcome === 'right')
  const examples = (own: readonly Experiment[], what: Experiment['outcome']): Example[] =>
    own.map(({ facts, outcome }) => ({ facts, isWrong: outcome === what }))
  return {
    experiments: done,
    learnt: learn(examples(wrongOrRight, 'wrong'))?.best,
    failing: learn(examples(done.filter(isJudged), 'failed'))?.best,
    places: commonPlaces(off.flatMap(({ places }) => places ?? [])),
    smallestWrong: cheapest(off.filter(({ outcome }) => outcome === 'wrong')) ?? cheapest(off),
    largestRight: rights.toSorted((one, other) => sizeOf(other.spec) - sizeOf(one.spec))[0],
    conduct: once(conduct),
    history,
  }
}

/** The simplest request of each module, and of one layer, or of what is asked around, everything that is one thing away from it. */
function* scanned(options: ProbeOptions): Generator<Draw> {
  const { around, modules } = options
  if (around === undefined) for (const module of modules) yield simplest(module)
  const module = modules.find((own) => isLayer(own)) ?? modules[0]
  const base = around ?? (module === undefined ? undefined : simplest(module))
  if (base === undefined) return
  yield base
  yield* variationsOf(base, options)
  // More elements than 16 bits can count.
  for (const batch of [63, 64, 130]) yield { ...base, seq_len: 257, batch, input_size: 4, hidden_size: 4 }
}

/** Of everything else the sizes by which kernels differ, where nothing is wrong so far. */
function* swept({ around, modules, largest }: ProbeOptions): Generator<Draw> {
  if (around !== undefined) return
  for (const module of modules) {
    const base = simplest(module)
    yield* sizesOf(base, 'hidden_size', largest)
    yield* sizesOf({ ...base, asked: 'gradients' }, 'hidden_size', largest)
    if (isLayer(module)) yield* sizesOf({ ...base, num_layers: 2, bidirectional: true }, 'hidden_size', largest)
  }
}

/** How much there is to compute, and how much is said. */
function sizeOf({ input_size, hidden_size, seq_len = 1, batch = 4, options = {}, ...rest }: RecurrentSpec): number {
  const { num_layers = 1, bidirectional = false } = options
  const directions = bidirectional ? 2 : 1
  const products = (batch ?? 1) * seq_len * hidden_size * (input_size + hidden_size) * num_layers * directions
  return products * (1 + Object.keys(options).length + Object.keys(rest).length)
}

import { describe, expect, it } from 'vitest'
import { diagnose } from '../../src/diagnose.ts'
import { clockOf } from '../../src/diagnose/clock.ts'
import { questionOf } from '../../src/diagnose/question.ts'
import { basesOf, besideBases, knownTogether, uniqueBases } from '../../src/diagnose/residual.ts'
import { suspectsOf } from '../../src/diagnose/suspects.ts'
import { type Trials, trialsOf } from '../../src/diagnose/trials.ts'
import { everyEdit } from '../../src/diagnose/why.ts'
import { type Edit, keyOf } from '../../src/edits/edit.ts'
import { editsOf, faults } from '../../src/edits/faults.ts'
import { runEdited } from '../../src/edits.ts'
import type { Case } from '../../src/format/case.ts'
import { requestOf } from '../../src/verify.ts'
import { layerCase, type LayerOptions, type RecurrentCase } from '../sample.ts'

const options: Partial<LayerOptions> = { input_size: 3, hidden_size: 4, seq_len: 5, batch: 3, h_0: true }
const layer = (more: Partial<LayerOptions>): RecurrentCase => layerCase({ ...options, ...more })

const known = (name: string, recorded: Case): readonly Edit[] =>
  editsOf(
    faults.find((fault) => fault.name === name)!,
    requestOf(recorded),
  )!

function forth(edit: Edit): Edit {
  const { gradient: _, ...rest } = edit
  return rest
}

/** Whatever the way back knows of: nothing here is asked for gradients. */
const keysOf = (edits: readonly Edit[]): string[] => edits.map((edit) => keyOf(forth(edit))).toSorted()

function trialsWith(recorded: Case, edits: readonly Edit[]): Trials {
  return trialsOf(questionOf(recorded, runEdited(edits, requestOf(recorded))))
}

/** So long as no machine is too busy for it. */
const clock = () => clockOf(60_000)

describe('bases', () => {
  const recorded = layer({ module: 'LSTM', bidirectional: true, num_layers: 2 })
  const [first, second] = [known('bias_hh added twice', recorded), known('h_n by direction', recorded)]
  const trials = trialsWith(recorded, [...first, ...second])
  const ways = [known('c_0 ignored', recorded), second, first]

  it('put first what puts most right: an edit whose output no other touches', () => {
    const bases = basesOf(ways, trials, clock())
    expect(bases[0]!.edits).toStrictEqual(first)
    // output, and the layers and directions that have one place by either order.
    expect(bases[0]!.fixed).toBeGreaterThan(1)
    expect(bases.at(-1)!.fixed).toBeLessThanOrEqual(0)
  })

  it('are one where the edits are', () => {
    const [own] = basesOf([first], trials, clock())
    expect(uniqueBases([own!, { ...own!, edits: [...first] }])).toStrictEqual([own])
  })

  it('are made together with what changes the rest', () => {
    const bases = basesOf([first], trials, clock())
    const made = besideBases(bases, everyEdit(trials.context), trials, clock())
    const whole = made.find(({ tried }) => tried?.complete === true)
    expect(whole!.edits).toMatchObject([...first, { operator: 'reorder', value: { order: 'interleaved' } }])
    expect(besideBases(bases, everyEdit(trials.context), trials, clock(), 10)).toStrictEqual([])
  })

  it('are made together with each other, whichever of them tells', () => {
    const bases = basesOf(ways, trials, clock())
    const complete = (part: 'telling' | 'all'): string[][] =>
      knownTogether(bases, part, trials, clock())
        .filter(({ tried }) => tried?.complete === true)
        .map(({ edits }) => keysOf(edits))
    expect(complete('telling')).toContainEqual(keysOf([...first, ...second]))
    expect(complete('all')).toContainEqual(keysOf([...first, ...second]))
  })
})

it('edits that begin with some are tried as if all were made at once', () => {
  const recorded = layer({ module: 'GRU', num_layers: 2 })
  const first = known('reset before the product', recorded)
  const trials = trialsWith(recorded, [...first, ...known('residual between layers', recorded)])
  const attempt = trials.beside(first)
  let complete = 0
  for (const edit of everyEdit(trials.context)) {
    const one = attempt([...first, edit])
    const other = trials.attempt([...first, edit])
    expect(one === undefined, `with ${keyOf(edit)}`).toBe(other === undefined)
    expect(one?.tried, `with ${keyOf(edit)}`).toStrictEqual(other?.tried)
    if (one?.tried?.complete === true) complete++
  }
  expect(complete).toBeGreaterThan(0)
})

it('an edit of all parameters that changes those of one direction is a suspect where that one is off', () => {
  const recorded = layer({ module: 'GRU', bidirectional: true })
  const value = { of: 'forward', tensors: ['weight_hh'] }
  const sibling: Edit = { operator: 'sibling', operand: { op: 'parameter' }, value }
  const question = questionOf(recorded, runEdited([sibling], requestOf(recorded)))
  const isSuspect = suspectsOf(question, trialsOf(question).context)
  expect(isSuspect(sibling)).toBe(true)
  expect(isSuspect({ ...sibling, value: { ...value, of: 'reverse' } })).toBe(false)
})

const together: readonly (readonly [Partial<LayerOptions>, string, string])[] = [
  [{ module: 'LSTM', bidirectional: true }, 'peephole added', 'directions concatenated the other way'],
  [{ module: 'GRU', num_layers: 2 }, 'reset before the product', 'residual between layers'],
  [{ module: 'LSTM', lengths: [5, 4, 2] }, 'gates in the order i o f g', 'padding not zeroed'],
  [{ module: 'LSTM', batch_first: true, bidirectional: true }, 'c_0 ignored', 'batch_first ignored'],
]

it.each(together)('explains %s: %s, and %s', (more, ...names) => {
  const recorded = layer(more)
  const edits = names.flatMap((name) => known(name, recorded))
  const { explanations } = diagnose(recorded, runEdited(edits, requestOf(recorded)), { limitMs: 20_000 })
  expect(explanations[0]).toMatchObject({ complete: true })
  expect(keysOf(explanations[0]!.edits)).toStrictEqual(keysOf(edits))
})

it('what one edit does in a part is said before two that do the same', () => {
  const recorded = layer({ module: 'GRU', num_layers: 2, bidirectional: true, batch: 5, lengths: [3, 5, 1, 4, 2] })
  const [padded] = known('h_n from the padded end', recorded)
  const forward: Edit = { ...padded!, scope: { direction: 'forward' } }
  const { explanations } = diagnose(recorded, runEdited([forward], requestOf(recorded)), { limitMs: 20_000 })
  expect(explanations[0]).toMatchObject({ complete: true, edits: [{ scope: { direction: 'forward' } }] })
  expect(explanations[0]!.edits).toHaveLength(1)
})

it('the time is told by the clock that is given', () => {
  const recorded = layer({ module: 'GRU' })
  const outputs = runEdited(known('weight_hh transposed', recorded), requestOf(recorded))
  let time = 0
  const now = (): number => (time += 1000)
  expect(diagnose(recorded, outputs, { limitMs: 500, now })).toMatchObject({ explanations: [], stopped: true })
  expect(diagnose(recorded, outputs, { limitMs: 20_000, now: () => 0 }).explanations[0]).toMatchObject({
    faults: ['weight_hh transposed'],
  })
})

import { describe, expect, it } from 'vitest'
import type { Case, Outputs } from '../../src/format/case.ts'
import { kappa } from '../../src/verify/compare.ts'
import type { Engine } from '../../src/engine/run.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { settleTies } from '../../src/verify/ties.ts'
import { verify } from '../../src/verify.ts'
import { modelCase, modelRequest } from '../models.ts'
import { budgetTensor, layerCase } from '../sample.ts'

const steps = 4
const batch = 3
const classes = 5
/** What one logit may be off at step 1, and what it is a power of two for: all numbers here are exact. */
const budgetOfLogits = 2 ** -13
const allowed = 2 * kappa * budgetOfLogits

/** The symbol of a row at a step, and the one whose logit comes next. */
const chosen = (t: number, row: number): number => (t + row) % classes
const second = (t: number, row: number): number => (t + row + 1) % classes

/**
 * Greedy decoding of 4 steps, 3 rows and 5 symbols whose logits are 3, 2, 1, 0 and −1 from the chosen symbol on, but for those
 * of the second one in row 1 at step 1, which is `margin` below the chosen one.
 */
function decoding(margin: number, budget?: FloatTensor & { readonly dtype: 'float64' }): Case {
  const request = modelRequest('LanguageModel', { config: { decoding: 'greedy', max_len: steps } })
  const recorded = modelCase(request)
  const logits = new Float64Array(steps * batch * classes)
  const symbols = new Float64Array(steps * batch)
  for (let t = 0; t < steps; t++) {
    for (let row = 0; row < batch; row++) {
      symbols[t * batch + row] = chosen(t, row)
      for (let i = 0; i < classes; i++) logits[at(t, row) + ((chosen(t, row) + i) % classes)] = 3 - i
    }
  }
  logits[at(1, 1) + second(1, 1)] = 3 - margin
  return {
    ...recorded,
    expected: {
      ...recorded.expected,
      logits: floatTensor('float64', [steps, batch, classes], logits),
      symbols: floatTensor('float64', [steps, batch], symbols),
    },
    budget: {
      ...recorded.budget,
      logits: budget ?? budgetTensor([steps, 1, 1], [2 ** -20, budgetOfLogits, 2 ** -20, 2 ** -20]),
    },
  }
}

const at = (t: number, row: number): number => (t * batch + row) * classes

/** What PyTorch gave, with some numbers replaced. */
function withNumbers(
  outputs: Outputs,
  name: string,
  changes: readonly (readonly [offset: number, value: number])[],
): Outputs {
  const { shape, data } = outputs[name]!
  const changed = Float64Array.from(data)
  for (const [offset, value] of changes) changed[offset] = value
  return { ...outputs, [name]: floatTensor('float64', shape, changed) }
}

/** An engine that chose the second symbol in row 1 at step 1. */
function parted({ expected }: Case): Outputs {
  return withNumbers(expected, 'symbols', [[batch + 1, second(1, 1)]])
}

function giving(outputs: unknown): Engine {
  return { name: 'port', run: () => outputs as Outputs }
}

/** What comes of it: the outcome, the tensors that do not match, and where the ties are. */
async function judged(recorded: Case, outputs: unknown): Promise<{ outcome: string; wrong: string[]; ties: string[] }> {
  const { outcome, comparisons, ties = [] } = await verify(recorded, giving(outputs))
  const wrong = comparisons.filter((comparison) => comparison.outcome === 'mismatch').map(({ tensor }) => tensor)
  return { outcome, wrong, ties: ties.map((tie) => `batch ${tie.batch}, t ${tie.t}`) }
}

const oneTie = { outcome: 'match', wrong: [], ties: ['batch 1, t 1'] }

describe('another symbol than PyTorch’s', () => {
  it('whose logit is as close as both may be off is a tie, with its symbols and margin, and no mismatch', async () => {
    const recorded = decoding(allowed)
    const { outcome, ties } = await verify(recorded, giving(parted(recorded)))
    expect(outcome).toBe('match')
    expect(ties).toStrictEqual([{ batch: 1, t: 1, actual: 3, expected: 2, margin: allowed, allowed }])
  })

  it('whose logit is equal is a tie', async () => {
    const recorded = decoding(0)
    expect(await judged(recorded, parted(recorded))).toStrictEqual(oneTie)
  })

  it('whose logit is a little farther off is a mismatch', async () => {
    const recorded = decoding(allowed + 2 ** -40)
    const wanted = { outcome: 'mismatch', wrong: ['symbols'], ties: [] }
    expect(await judged(recorded, parted(recorded))).toStrictEqual(wanted)
  })

  it('whose logit is far off is a mismatch', async () => {
    const recorded = decoding(0)
    const outputs = withNumbers(recorded.expected, 'symbols', [[batch + 1, chosen(1, 1) + 2]])
    expect(await judged(recorded, outputs)).toStrictEqual({ outcome: 'mismatch', wrong: ['symbols'], ties: [] })
  })

  it('at another step of the row than the tie is a mismatch', async () => {
    const recorded = decoding(0)
    const outputs = withNumbers(recorded.expected, 'symbols', [[1, second(0, 1)]])
    expect(await judged(recorded, outputs)).toStrictEqual({ outcome: 'mismatch', wrong: ['symbols'], ties: [] })
  })

  it('is judged by what each of the two logits may be off, where the budget tells them apart', async () => {
    const budgetOf = (own: number, other: number): FloatTensor & { readonly dtype: 'float64' } => {
      const data = new Float64Array(steps * batch * classes).fill(2 ** -20)
      data[at(1, 1) + chosen(1, 1)] = own
      data[at(1, 1) + second(1, 1)] = other
      return { dtype: 'float64', shape: [steps, batch, classes], data }
    }
    const enough = decoding(allowed, budgetOf(0.5 * budgetOfLogits, 1.5 * budgetOfLogits))
    const tooLittle = decoding(allowed, budgetOf(0.5 * budgetOfLogits, 1.25 * budgetOfLogits))
    expect(await judged(enough, parted(enough))).toStrictEqual(oneTie)
    const wanted = { outcome: 'mismatch', wrong: ['symbols'], ties: [] }
    expect(await judged(tooLittle, parted(tooLittle))).toStrictEqual(wanted)
  })

  it('is a tie by a budget of one number', async () => {
    const recorded = decoding(allowed, { dtype: 'float64', shape: [1], data: Float64Array.of(budgetOfLogits) })
    expect(await judged(recorded, parted(recorded))).toStrictEqual(oneTie)
  })

  it.each([
    ['NaN', Number.NaN],
    ['∞', Infinity],
  ])('beside a logit of %s is a mismatch', async (_, logit) => {
    const { expected, ...rest } = decoding(0)
    const recorded = { ...rest, expected: withNumbers(expected, 'logits', [[at(1, 1) + chosen(1, 1), logit]]) }
    const wanted = { outcome: 'mismatch', wrong: ['symbols'], ties: [] }
    expect(await judged(recorded, parted(recorded))).toStrictEqual(wanted)
  })

  it('after PyTorch’s row has ended is a mismatch, though all its logits are blank there', async () => {
    const request = modelRequest('EncoderDecoder', { config: { decoding: 'greedy', max_len: 3, eos: 2 }, batch: 1 })
    const recorded = modelCase(request)
    const ended = (outputs: Outputs, symbols: readonly number[]): Outputs => ({
      ...outputs,
      logits: floatTensor('float64', [3, 1, 5], [0, 0, 5, 0, 0, ...Array.from({ length: 10 }, () => 0)]),
      symbols: floatTensor('float64', [3, 1], symbols),
    })
    const expected = ended(recorded.expected, [2, 2, 2])
    const padded = ended(recorded.expected, [2, 0, 0])
    expect(await judged({ ...recorded, expected }, expected)).toStrictEqual({ outcome: 'match', wrong: [], ties: [] })
    const wanted = { outcome: 'mismatch', wrong: ['symbols'], ties: [] }
    expect(await judged({ ...recorded, expected }, padded)).toStrictEqual(wanted)
  })
})

describe('after a tie', () => {
  const recorded = decoding(0)
  const tied = parted(recorded)

  it('what its row does is not judged: symbols and logits may be anything', async () => {
    const symbols = withNumbers(tied, 'symbols', [
      [2 * batch + 1, 4.5],
      [3 * batch + 1, Number.NaN],
    ])
    const outputs = withNumbers(symbols, 'logits', [
      [at(2, 1), 1e9],
      [at(3, 1) + 4, Number.NaN],
    ])
    expect(await judged(recorded, outputs)).toStrictEqual(oneTie)
  })

  it.each([
    ['its logits at the tie itself', [at(1, 1) + 4, 17]],
    ['its logits before it', [at(0, 1), 17]],
    ['the logits of another row at the same step', [at(1, 0), 17]],
    ['the logits of another row after it', [at(3, 2) + 4, 17]],
    ['the logits of the row before it, after it', [at(2, 0) + 4, 17]],
  ] as const)('%s are judged', async (_, change) => {
    const wanted = { outcome: 'mismatch', wrong: ['logits'], ties: ['batch 1, t 1'] }
    expect(await judged(recorded, withNumbers(tied, 'logits', [change]))).toStrictEqual(wanted)
  })

  it('the symbols of other rows are judged', async () => {
    const outputs = withNumbers(tied, 'symbols', [[3 * batch + 2, chosen(3, 2) + 3]])
    const wanted = { outcome: 'mismatch', wrong: ['symbols'], ties: ['batch 1, t 1'] }
    expect(await judged(recorded, outputs)).toStrictEqual(wanted)
  })

  it('what was computed before decoding is judged', async () => {
    const wanted = { outcome: 'mismatch', wrong: ['states_l0'], ties: ['batch 1, t 1'] }
    expect(await judged(recorded, withNumbers(tied, 'states_l0', [[35, 17]]))).toStrictEqual(wanted)
  })

  it('another row may have a tie of its own', async () => {
    const expected = withNumbers(recorded.expected, 'logits', [[at(2, 0) + second(2, 0), 3]])
    const symbols = withNumbers(parted({ ...recorded, expected }), 'symbols', [[2 * batch, second(2, 0)]])
    const outputs = withNumbers(symbols, 'logits', [[at(3, 0), 17]])
    const ties = ['batch 0, t 2', 'batch 1, t 1']
    expect(await judged({ ...recorded, expected }, outputs)).toStrictEqual({ outcome: 'match', wrong: [], ties })
    const early = withNumbers(outputs, 'logits', [[at(1, 0), 17]])
    const wanted = { outcome: 'mismatch', wrong: ['logits'], ties }
    expect(await judged({ ...recorded, expected }, early)).toStrictEqual(wanted)
  })

  it('a tensor that is missing or has another shape or dtype is a mismatch', async () => {
    const { logits, ...withoutLogits } = tied
    const tie = ['batch 1, t 1']
    const wanted = { outcome: 'mismatch', wrong: ['logits'], ties: tie }
    expect(await judged(recorded, withoutLogits)).toStrictEqual(wanted)
    const shorter = floatTensor('float64', [steps, batch, 4], new Float64Array(48))
    expect(await judged(recorded, { ...tied, logits: shorter })).toStrictEqual(wanted)
    const turned = { ...logits!, shape: [batch, steps, classes] }
    expect(await judged(recorded, { ...tied, logits: turned })).toStrictEqual(wanted)
    const float32 = floatTensor('float32', logits!.shape, Float32Array.from(logits!.data))
    expect(await judged(recorded, { ...tied, logits: float32 })).toStrictEqual(wanted)
    const turnedSymbols = { ...tied['symbols']!, shape: [batch, steps] }
    const symbols = { outcome: 'mismatch', wrong: ['symbols'], ties: tie }
    expect(await judged(recorded, { ...tied, symbols: turnedSymbols })).toStrictEqual(symbols)
  })

  it('what the engine gave is left as it was', () => {
    const outputs = withNumbers(tied, 'logits', [[at(3, 1), 17]])
    const before = structuredClone(outputs)
    expect(settleTies(recorded, outputs).ties).toHaveLength(1)
    expect(outputs).toStrictEqual(before)
  })
})

describe('of an encoder and decoder with attention', () => {
  const request = modelRequest('EncoderDecoder', {
    config: { context: 'additive', decoding: 'greedy', max_len: steps },
    batch: 2,
  })
  const plain = modelCase(request)
  // Both rows go on to the end, and the first two symbols of row 1 at step 1 have equal logits.
  const logits = Float64Array.from({ length: steps * 2 * classes }, (_, i) => [0, 0, 1, 2, 3][i % classes]!)
  logits[(2 + 1) * classes + 3] = 3
  const recorded: Case = {
    ...plain,
    expected: {
      ...plain.expected,
      logits: floatTensor('float64', [steps, 2, classes], logits),
      symbols: floatTensor('float64', [steps, 2], [4, 4, 4, 4, 4, 4, 4, 4]),
    },
  }
  const tied = withNumbers(recorded.expected, 'symbols', [[3, 3]])
  const computed = ['target_embedding', 'attention', 'context', 'decoder_states', 'logits']

  it.each(computed)('%s is not judged after the tie in its row', async (name) => {
    const { data } = tied[name]!
    const size = data.length / (steps * 2)
    const outputs = withNumbers(tied, name, [
      [(2 * 2 + 1) * size, 17],
      [(3 * 2 + 1) * size + size - 1, 17],
    ])
    expect(await judged(recorded, outputs)).toStrictEqual(oneTie)
  })

  it.each(computed)('%s is judged at the tie, and after it in the other row', async (name) => {
    const size = tied[name]!.data.length / (steps * 2)
    const wanted = { outcome: 'mismatch', wrong: [name], ties: ['batch 1, t 1'] }
    const at = withNumbers(tied, name, [[(1 * 2 + 1) * size + size - 1, 17]])
    expect(await judged(recorded, at)).toStrictEqual(wanted)
    const other = withNumbers(tied, name, [[2 * 2 * size + size - 1, 17]])
    expect(await judged(recorded, other)).toStrictEqual(wanted)
  })

  it.each(['source_embedding', 'encoder_states'])('%s is judged as ever', async (name) => {
    const wanted = { outcome: 'mismatch', wrong: [name], ties: ['batch 1, t 1'] }
    const last = tied[name]!.data.length - 1
    expect(await judged(recorded, withNumbers(tied, name, [[last, 17]]))).toStrictEqual(wanted)
  })
})

describe('a context that is the same at every step', () => {
  // One case where (batch, hidden_size) could be taken for (max_len, batch), and one where it could not.
  it.each([3, 4])('is judged in every row and unit when hidden_size is %i and max_len 3', async (hidden_size) => {
    const config = { context: 'last', decoding: 'greedy', max_len: 3, hidden_size } as const
    const plain = modelCase(modelRequest('EncoderDecoder', { config, batch: 3 }))
    const logits = Float64Array.from({ length: 9 * classes }, (_, i) => [0, 0, 1, 3, 3][i % classes]!)
    const expected = {
      ...plain.expected,
      logits: floatTensor('float64', [3, 3, classes], logits),
      symbols: floatTensor('float64', [3, 3], [3, 3, 3, 3, 3, 3, 3, 3, 3]),
    }
    const tied = withNumbers(expected, 'symbols', [[1, 4]])
    const outputs = withNumbers(tied, 'context', [[2 * hidden_size + 1, 17]])
    const wanted = { outcome: 'mismatch', wrong: ['context'], ties: ['batch 1, t 0'] }
    expect(await judged({ ...plain, expected }, outputs)).toStrictEqual(wanted)
  })
})

describe('symbols that are none', () => {
  const recorded = decoding(0)
  const problems = async (outputs: unknown): Promise<(string | undefined)[]> => {
    const { comparisons, ties } = await verify(recorded, giving(outputs))
    expect(ties).toBe(undefined)
    return comparisons.filter(({ tensor }) => tensor === 'symbols').map(({ problem }) => problem)
  }
  const { symbols, ...others } = recorded.expected

  it('and are missing are a mismatch', async () => {
    expect(await problems(others)).toStrictEqual(['expected a tensor, got none'])
    expect(await problems(null)).toStrictEqual(['expected a tensor, got none'])
    expect(await problems('symbols')).toStrictEqual(['expected a tensor, got none'])
    expect(await problems(undefined)).toStrictEqual(['expected a tensor, got none'])
  })

  it('and are no tensor are a mismatch', async () => {
    expect(await problems({ ...others, symbols: [1, 2, 3] })).toStrictEqual([
      'expected a tensor { dtype, shape, data }, got an object without them',
    ])
    const list = { ...symbols!, data: [...symbols!.data] }
    expect(await problems({ ...others, symbols: list })).toStrictEqual(['expected data in a Float64Array, got Array'])
  })

  it('and have another shape are a mismatch', async () => {
    const shape = [steps - 1, batch]
    const shorter = floatTensor('float64', shape, symbols!.data.slice(batch))
    expect(await problems({ ...others, symbols: shorter })).toStrictEqual(['expected shape (4, 3), got (3, 3)'])
    const few = { ...symbols!, data: symbols!.data.slice(1) }
    expect(await problems({ ...others, symbols: few })).toStrictEqual(['expected 12 elements in data, got 11'])
  })

  it('and have another dtype are a mismatch', async () => {
    const whole = { dtype: 'int64', shape: [steps, batch], data: BigInt64Array.from(symbols!.data, BigInt) }
    expect(await problems({ ...others, symbols: whole })).toStrictEqual(['expected dtype float64, got int64'])
  })

  it.each([
    ['fractional', 2.5],
    ['negative', -1],
    ['as large as there are symbols', classes],
    ['NaN', Number.NaN],
    ['infinite', Infinity],
  ])('and are %s are a mismatch, at a tie too', async (_, symbol) => {
    const outputs = withNumbers(recorded.expected, 'symbols', [[batch + 1, symbol]])
    expect(await judged(recorded, outputs)).toStrictEqual({ outcome: 'mismatch', wrong: ['symbols'], ties: [] })
  })
})

describe('nothing is settled', () => {
  it('where all symbols are PyTorch’s', async () => {
    const recorded = decoding(0)
    const outputs = withNumbers(recorded.expected, 'logits', [[at(3, 1), 17]])
    expect(settleTies(recorded, outputs)).toStrictEqual({ outputs, ties: [] })
    expect(await judged(recorded, outputs)).toStrictEqual({ outcome: 'mismatch', wrong: ['logits'], ties: [] })
  })

  it.each<[string, Case]>([
    ['a layer', layerCase()],
    ['a model that is taught', modelCase(modelRequest('LanguageModel'))],
  ])('in a case of %s', (_, recorded) => {
    const outputs = { ...recorded.expected, symbols: decoding(0).expected['symbols'] }
    const settled = settleTies(recorded, outputs)
    expect(settled.outputs).toBe(outputs)
    expect(settled.ties).toStrictEqual([])
  })
})

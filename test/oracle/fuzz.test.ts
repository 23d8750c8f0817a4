import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Case, Outputs, Request } from '../../src/format/case.ts'
import { engine, type Engine, run } from '../../src/engine/run.ts'
import { ParityError } from '../../src/format/errors.ts'
import { faulted, faults } from '../../src/edits/faults.ts'
import { fuzz, type FuzzOptions, type Fuzzed } from '../../src/oracle/fuzz.ts'
import { edges } from '../../src/oracle/fuzz/draw.ts'
import { smaller } from '../../src/oracle/fuzz/smaller.ts'
import { isModelSpec } from '../../src/oracle/fuzz/models.ts'
import { fuzzedLayers, fuzzedModules, specs } from '../../src/oracle/fuzz/spec.ts'
import { openOracle, type Oracle, type RecordSpec } from '../../src/oracle.ts'
import { renderFinding } from '../../src/report/fuzz.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { realPython } from '../cli/command.ts'

const slow = { timeout: 120_000 }
let oracle: Oracle

beforeAll(async () => {
  oracle = await openOracle({ python: realPython() })
}, 60_000)

afterAll(() => oracle.close())

async function fuzzed(own: Engine, options: Partial<FuzzOptions> = {}): Promise<Fuzzed> {
  const usual = { modules: fuzzedModules, maxSize: 8, runs: 100, seed: 3, concurrency: 16 }
  return fuzz((spec) => oracle.record(spec), own, { ...usual, ...options })
}

function planted(name: string): Engine {
  const fault = faults.find((each) => each.name === name)
  if (fault === undefined) throw new Error(`expected a fault, got none of the name ${name}`)
  return faulted(fault)
}

/** An engine that is wrong in some requests. */
function wrongIn(isWrong: (request: Request) => boolean): Engine {
  return {
    name: 'wrong',
    run(request): Outputs {
      const outputs = run(request)
      if (!isWrong(request)) return outputs
      return Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => [
          name,
          floatTensor(
            tensor.dtype,
            tensor.shape,
            Array.from(tensor.data, (x) => x + 0.5),
          ),
        ]),
      )
    },
  }
}

const minimalOf = ({ finding }: Fuzzed): Omit<RecordSpec, 'id' | 'seed'> | undefined => {
  if (finding === undefined) return undefined
  const { id: _, seed: __, ...rest } = finding.minimal
  return rest
}

describe('fuzz', () => {
  it('finds nothing in our own engine, and has PyTorch refuse nothing', slow, async () => {
    const { finding, runs, matched, undecided, unsupported, refusals } = await fuzzed(engine, { runs: 250, seed: 11 })
    expect(finding).toBeUndefined()
    expect([...refusals.keys()]).toEqual([])
    expect({ runs, judged: matched + undecided + unsupported }).toEqual({ runs: 250, judged: 250 })
    // What cannot be decided is not what is drawn most.
    expect(matched).toBeGreaterThan(230)
  })

  it('finds an engine that gives something else the second time, to the last bit', slow, async () => {
    const asked = new Set<unknown>()
    const once: Engine = {
      name: 'once',
      run(request): Outputs {
        const outputs = run(request)
        const { data } = Object.values(outputs)[0]!
        if (asked.has(request.inputs) && data[0] !== undefined) data[0] *= 1 + 2 ** -23
        asked.add(request.inputs)
        return outputs
      },
    }
    const { finding } = await fuzzed(once, { runs: 50, seed: 1, modules: ['RNNCell'] })
    const verdict = finding?.outcome.kind === 'judged' ? finding.outcome.verdict : undefined
    expect(verdict?.outcome).toBe('match')
    expect(verdict?.conduct?.[0]?.text).toMatch(/^run 2: h_1 \[0.*\] is .+, and then .+ \(1 of \d+ elements? differ\)$/)
    expect(renderFinding(finding!)).toMatch(/^not repeatable fuzz: case .+: run 2: h_1 /m)
  })

  it.each([
    ['weight_hh transposed', { module: 'RNNCell', input_size: 1, hidden_size: 2, batch: 1 }],
    ['gates in the order z r n', { module: 'GRUCell', input_size: 1, hidden_size: 1, batch: 1 }],
    [
      'reverse not reversed',
      { module: 'RNN', input_size: 1, hidden_size: 1, seq_len: 2, batch: 1, options: { bidirectional: true } },
    ],
    [
      'context not transformed',
      {
        module: 'EncoderDecoder',
        config: {
          rnn: 'RNN',
          source_embeddings: 1,
          target_embeddings: 2,
          embedding_dim: 1,
          hidden_size: 1,
          context: 'transformed_last',
          injection: 'initial_state',
          decoding: 'teacher_forcing',
          max_len: 1,
          bos: 0,
          eos: 1,
        },
        seq_len: 1,
        batch: 1,
        target_len: 1,
      },
    ],
    ['bias gradient counted once', { module: 'RNNCell', input_size: 1, hidden_size: 1, batch: 1, gradients: true }],
  ])('finds and shrinks %s', slow, async (name, minimal) => {
    const found = await fuzzed(planted(name), { runs: 400 })
    expect(minimalOf(found)).toEqual(minimal)
    expect(found.finding?.outcome).toMatchObject({ kind: 'judged', verdict: { outcome: 'mismatch' } })
  })

  it('finds the same again with the same seed, however many cases are under way', slow, async () => {
    const own = wrongIn(({ module }) => module === 'LSTM')
    const one = await fuzzed(own, { seed: 9 })
    for (const concurrency of [1, 40]) {
      const again = await fuzzed(own, { seed: 9, concurrency })
      expect(again.finding?.run).toBe(one.finding?.run)
      expect(again.finding?.minimal).toEqual(one.finding?.minimal)
    }
    const other = await fuzzed(own, { seed: 10 })
    expect(other.finding?.drawn).not.toEqual(one.finding?.drawn)
  })

  it('gives the case that the minimal specification gives', slow, async () => {
    const { finding } = await fuzzed(wrongIn(({ module }) => module === 'GRU'))
    const again = await oracle.record(finding!.minimal)
    expect(finding!.outcome.recorded).toEqual(again)
  })

  it('takes an engine that throws for one that departs', slow, async () => {
    const thrower: Engine = {
      name: 'thrower',
      run(request) {
        if (request.params['bias_ih_l0'] === undefined && request.module === 'GRU') throw new Error('no bias')
        return run(request)
      },
    }
    const found = await fuzzed(thrower)
    expect(minimalOf(found)).toEqual({
      module: 'GRU',
      input_size: 1,
      hidden_size: 1,
      seq_len: 1,
      batch: 1,
      options: { bias: false },
    })
    const { outcome } = found.finding!
    expect(outcome.kind === 'failed' && outcome.error.message).toMatch(/engine thrower: expected outputs, got no bias$/)
  })

  it('asks an engine for one case at a time', slow, async () => {
    let under = 0
    let most = 0
    const counting: Engine = {
      name: 'counting',
      async run(request) {
        most = Math.max(most, ++under)
        await new Promise((resolve) => setTimeout(resolve, 1))
        under--
        return run(request)
      },
    }
    await fuzzed(counting, { runs: 30 })
    expect(most).toBe(1)
  })

  it('stops when it is told to and keeps what was judged', slow, async () => {
    const controller = new AbortController()
    let runs = 0
    const onRun = (): void => {
      if (++runs === 20) controller.abort()
    }
    const stopped = await fuzzed(engine, { runs: Infinity, signal: controller.signal, onRun })
    expect(stopped.runs).toBeGreaterThanOrEqual(20)
    expect(stopped.runs).toBeLessThan(60)
    expect(stopped.matched + stopped.undecided + stopped.unsupported).toBe(stopped.runs)
  })

  it('keeps a finding when it is told to stop while it makes it smaller', slow, async () => {
    const controller = new AbortController()
    const own = wrongIn(({ module }) => module === 'LSTM')
    const onRun = (outcome: { kind: string; verdict?: { outcome: string } }): void => {
      if (outcome.kind === 'judged' && outcome.verdict?.outcome === 'mismatch') controller.abort()
    }
    const { finding } = await fuzzed(own, { seed: 9, concurrency: 1, signal: controller.signal, onRun })
    expect(finding).toMatchObject({ tried: 0 })
    expect(finding?.minimal).toEqual(finding?.drawn)
  })

  it('counts what is refused and gives an example of each reason', slow, async () => {
    const refusing = async (spec: RecordSpec): ReturnType<Oracle['record']> => {
      if (spec.module !== 'RNN') return oracle.record(spec)
      throw new ParityError('CASE_REFUSED', `case ${spec.id}: expected less`)
    }
    const usual = { modules: fuzzedModules, maxSize: 4, runs: 40, seed: 3, concurrency: 8 }
    const { refused, matched, undecided, unsupported, refusals } = await fuzz(refusing, engine, usual)
    expect(refused).toBeGreaterThan(0)
    expect(refused + matched + undecided + unsupported).toBe(40)
    expect([...refusals.keys()]).toEqual(['expected less'])
  })

  const usual = { modules: fuzzedModules, maxSize: 4, runs: 40, seed: 3, concurrency: 8 }
  const gone = new ParityError('PYTHON_FAILED', 'expected Python, got none')

  it('goes on without the cases that are lost, and counts them as lost alone', slow, async () => {
    let asked = 0
    const dying = (spec: RecordSpec): Promise<Case> => {
      return ++asked % 10 === 0 ? Promise.reject(gone) : oracle.record(spec)
    }
    const { runs, matched, unsupported, lost, finding } = await fuzz(dying, engine, usual)
    expect(finding).toBeUndefined()
    expect(runs).toBe(36)
    expect(matched + unsupported).toBe(36)
    expect(lost.map(({ error }) => error)).toEqual([gone, gone, gone, gone])
  })

  it('ends when case after case is lost, and gives what it had until then', slow, async () => {
    let asked = 0
    const ending = (spec: RecordSpec): Promise<Case> => (++asked > 20 ? Promise.reject(gone) : oracle.record(spec))
    const { runs, lost } = await fuzz(ending, engine, { ...usual, runs: Infinity })
    expect(runs).toBe(20)
    expect(lost.length).toBeGreaterThanOrEqual(8)
  })

  it('makes smaller what it found before Python died', slow, async () => {
    let found = false
    const dying = (spec: RecordSpec): Promise<Case> => (found ? Promise.reject(gone) : oracle.record(spec))
    const wrong = planted('weight_hh transposed')
    const watched: Engine = { name: 'wrong', run: (request) => wrong.run(request) }
    const { finding, lost } = await fuzz(dying, watched, {
      ...usual,
      onRun: (outcome) => (found ||= outcome.kind === 'judged' && outcome.verdict.outcome === 'mismatch'),
    })
    expect(finding?.minimal).toEqual(finding?.drawn)
    expect(lost.length).toBeGreaterThan(0)
  })

  it('gives what it has at once when it is interrupted, whatever is under way', slow, async () => {
    const interruption = new AbortController()
    let asked = 0
    const hanging = (spec: RecordSpec): Promise<Case> => {
      if (++asked <= 10) return oracle.record(spec)
      if (asked === 18) setTimeout(() => interruption.abort(), 2000)
      return new Promise(() => {})
    }
    const { runs, lost } = await fuzz(hanging, engine, { ...usual, interruption: interruption.signal })
    expect({ runs, lost }).toEqual({ runs: 10, lost: [] })
  })

  it('counts each option and each pair of those that matched', slow, async () => {
    const { coverage, matched } = await fuzzed(engine, { modules: ['LSTM'], runs: 60 })
    const { options, counts, pairs } = coverage
    const at = (name: string): number => options.indexOf(name)
    expect(counts[at('LSTM')]).toBe(matched)
    expect(counts[at('GRU')]).toBe(0)
    const bidirectional = counts[at('bidirectional')]!
    expect(bidirectional).toBeGreaterThan(0)
    expect(pairs[at('bidirectional')]![at('LSTM')]).toBe(bidirectional)
    expect(pairs[at('LSTM')]![at('GRUCell')]).toBeUndefined()
    expect(pairs[at('proj_size')]![at('GRU')]).toBeUndefined()
  })
})

describe('specs', () => {
  const drawn = fc.sample(specs({ modules: fuzzedModules, maxSize: 16 }), { seed: 5, numRuns: 40_000 })

  it('draw nothing that coverage says is never drawn, and everything else', async () => {
    const { newCoverage } = await import('../../src/oracle/fuzz/coverage.ts')
    const coverage = newCoverage()
    const before = coverage.pairs.map((row) => row.map((count) => count))
    for (const spec of drawn) coverage.add(spec)
    const wrong: string[] = []
    for (const [i, row] of coverage.pairs.entries()) {
      for (const [j, count] of row.entries()) {
        const both = `${coverage.options[i]} and ${coverage.options[j]}`
        if (before[i]![j] === undefined && count !== undefined) wrong.push(`${both} are drawn`)
        if (count === 0) wrong.push(`${both} are not drawn`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('stay within their limits', () => {
    for (const spec of drawn) {
      const { seq_len = 1, batch, lengths } = spec
      const sizes = isModelSpec(spec)
        ? Object.values(spec.config).filter((value) => typeof value === 'number' && value > 1)
        : [spec.input_size, spec.hidden_size]
      for (const size of [...sizes, seq_len, ...(lengths ?? [])]) {
        expect(size).toBeGreaterThanOrEqual(1)
        expect(size).toBeLessThanOrEqual(16)
      }
      if (lengths) expect(lengths.length).toBe(batch)
      expect(batch ?? 1).toBeGreaterThanOrEqual(1)
      expect(batch ?? 1).toBeLessThanOrEqual(256)
    }
  })

  it('draw every size just below, at and just above a power of two, and batches up to 256, one in ten above 8', () => {
    const layers = fc
      .sample(specs({ modules: ['RNN', 'LSTM', 'GRU'], maxSize: 65 }), { seed: 8, numRuns: 20_000 })
      .flatMap((spec) => (isModelSpec(spec) ? [] : [spec]))
    const drawnOf = (of: (spec: (typeof layers)[number]) => number): ReadonlySet<number> => new Set(layers.map(of))
    const missing = (sizes: ReadonlySet<number>, most: number): number[] => edges(1, most).filter((n) => !sizes.has(n))
    expect(
      missing(
        drawnOf(({ input_size }) => input_size),
        65,
      ),
    ).toEqual([])
    expect(
      missing(
        drawnOf(({ hidden_size }) => hidden_size),
        65,
      ),
    ).toEqual([])
    expect(
      missing(
        drawnOf(({ seq_len = 1 }) => seq_len),
        65,
      ),
    ).toEqual([])
    expect(
      missing(
        drawnOf(({ batch }) => batch ?? 1),
        256,
      ),
    ).toEqual([])
    const many = layers.filter(({ batch }) => (batch ?? 1) > 8).length / layers.length
    expect(many).toBeGreaterThan(0.08)
    expect(many).toBeLessThan(0.13)
    const none = specs({ modules: ['RNN'], maxSize: 4, maxBatch: 3 })
    for (const { batch } of fc.sample(none, { seed: 8, numRuns: 500 })) expect(batch ?? 1).toBeLessThanOrEqual(3)
  })

  it('draw what is not finite with gradients, and in the padding', () => {
    const recurrent = drawn.flatMap((spec) => (isModelSpec(spec) ? [] : [spec]))
    for (const profile of ['nan', 'infinite', 'nan_state', 'nan_padding', 'infinite_padding', 'infinite_last']) {
      const own = recurrent.filter((spec) => spec.profile === profile)
      expect(own.filter(({ gradients }) => gradients).length).toBeGreaterThan(20)
      if (!profile.endsWith('padding')) continue
      expect(own.filter(({ lengths }) => lengths === undefined)).toEqual([])
      expect(own.filter(({ lengths, seq_len = 1 }) => lengths?.some((n) => n < seq_len)).length).toBeGreaterThan(50)
    }
  })

  it('draw nothing that takes long because everything in it is large', () => {
    for (const spec of fc.sample(specs({ modules: ['LSTM'], maxSize: 256 }), { seed: 9, numRuns: 5000 })) {
      if (isModelSpec(spec) || (spec.batch ?? 1) <= 8) continue
      const { batch, seq_len = 1, hidden_size, input_size, options = {} } = spec
      const directions = options.bidirectional === true ? 2 : 1
      const perStep = 4 * hidden_size * (input_size + hidden_size) * (options.num_layers ?? 1) * directions
      expect((batch ?? 1) * seq_len * perStep).toBeLessThanOrEqual(2 ** 24)
    }
  })
})

describe('smaller', () => {
  it('comes to nothing smaller in the end, whatever it starts with', () => {
    for (const spec of fc.sample(specs({ modules: fuzzedModules, maxSize: 16 }), { seed: 6, numRuns: 300 })) {
      let now = spec
      let steps = 0
      for (;;) {
        const next = smaller(now).next()
        if (next.done === true) break
        now = next.value
        expect(++steps).toBeLessThan(100)
      }
      if (isModelSpec(now)) {
        expect(now.module).toBe(spec.module)
        expect(now.config['rnn']).toBe('RNN')
        for (const value of Object.values(now.config)) {
          if (typeof value === 'number') expect(value).toBeLessThanOrEqual(2)
        }
        continue
      }
      const { id: _, seed: __, ...rest } = now
      expect(rest).toEqual({ module: 'RNNCell', input_size: 1, hidden_size: 1, batch: 1 })
    }
  })

  it('is never the same, and never more', () => {
    const weight = (spec: RecordSpec): number => {
      if (isModelSpec(spec)) {
        const { config, seq_len = 6, batch = 3, target_len = 0, lengths, ...rest } = spec
        const short = (lengths ?? []).filter((length) => length < seq_len).length
        const sizes = Object.values(config).reduce<number>(
          (sum, value) => sum + (typeof value === 'number' ? value : 0),
          0,
        )
        const others = Object.keys(rest).length + (lengths ? 1 : 0) + (config['rnn'] === 'RNN' ? 0 : 1)
        return sizes + seq_len + batch + (target_len ?? 0) + short + 1000 * others
      }
      const { input_size, hidden_size, seq_len = 1, batch = 4, options = {}, ...rest } = spec
      const sizes =
        input_size + hidden_size + seq_len + (batch ?? 9) + (options.num_layers ?? 1) + (options.proj_size ?? 0)
      const training = spec.training ? 1000 * Object.keys(spec.training).length + Number(spec.training['steps']) : 0
      const adam = spec.training?.['optimizer'] === 'Adam' ? 100 : 0
      const short = (spec.lengths ?? []).filter((length) => length < seq_len).length
      return (
        sizes +
        training +
        adam +
        short +
        10_000 * fuzzedLayers.indexOf(spec.module) +
        1000 * (Object.keys(options).length + Object.keys(rest).length)
      )
    }
    for (const spec of fc.sample(specs({ modules: fuzzedModules, maxSize: 16 }), { seed: 7, numRuns: 300 })) {
      for (const less of smaller(spec)) expect(weight(less)).toBeLessThan(weight(spec))
    }
  })
})

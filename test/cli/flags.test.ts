import { describe, expect } from 'vitest'
import type { Case, Outputs } from '../../src/format/case.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { caseRecord, cellCase, fixtureBytes, layerCase } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

/** A case whose recorded outputs are other ones, as if PyTorch had computed something else. */
function expecting(recorded: Case, change: (value: number, at: number) => number): Case {
  const expected: Outputs = Object.fromEntries(
    Object.entries(recorded.expected).map(([name, { dtype, shape, data }]) => [
      name,
      floatTensor(dtype, shape, Array.from(data, change)),
    ]),
  )
  return { ...recorded, expected }
}

function file(...cases: Case[]): Uint8Array {
  return fixtureBytes(cases.map(caseRecord))
}

const right = (id: string): Case => cellCase({ id })
const wrong = (id: string): Case => expecting(cellCase({ id }), (value) => value + 0.5)

describe('verify', () => {
  it('exits with 1 when a case mismatches, and judges the others', async ({ folder }) => {
    await folder.write('some.msgpack', file(right('one'), wrong('two'), right('three')))
    const { code, stdout, stderr } = await folder.run(['verify', 'some.msgpack', '--json', 'out.json'])
    expect(stderr).toBe('')
    expect(stdout).toContain('\n3 cases: 2 matched, 1 mismatched, 0 undecided, 0 unsupported\n')
    expect(code).toBe(1)
    const { cases, exitCode } = await folder.results('out.json')
    expect(cases.map(({ outcome }) => outcome)).toStrictEqual(['match', 'mismatch', 'match'])
    expect(exitCode).toBe(1)
  })

  it('exits with 2, not 1, when a case mismatches and another cannot be read', async ({ folder }) => {
    const unreadable = { ...caseRecord(right('bad')), module: 'Linear' }
    await folder.write('some.msgpack', fixtureBytes([caseRecord(wrong('one')), unreadable]))
    const { code, stdout, stderr } = await folder.run(['verify', 'some.msgpack', '--quiet'])
    expect(stderr).toMatch(/^error some\.msgpack: case bad: module: expected one of .*, got "Linear"\n$/)
    expect(stdout).toMatch(/^mismatch some\.msgpack: case one \(RNNCell\)\n/)
    expect(stdout).toContain('\n1 case: 0 matched, 1 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
  })

  it('names tensor, share, worst element, values, errors and the first step of a wrong engine', async ({ folder }) => {
    // PyTorch's value at t 2, batch 1, unit 2 is taken away; ours is then the one that is wrong.
    const recorded = layerCase({ id: 'deep' })
    const ours = Number(recorded.expected['output']?.data[2 * 6 + 3 + 2])
    const theirs = Math.fround(ours - 0.25)
    const planted = expecting(recorded, (value, at) => (at === 2 * 6 + 3 + 2 ? theirs : value))
    await folder.write('layer.msgpack', file(planted))
    const { code, stdout } = await folder.run(['verify', 'layer.msgpack', '--quiet'])
    const [mismatch, output, worst, h_n] = stdout.split('\n')
    expect(mismatch).toBe('mismatch layer.msgpack: case deep (RNN)')
    expect(output).toBe('  output: 1 of 24 elements differ (4.2 %), the first at t 2')
    expect(worst).toMatch(
      /^ {4}worst: t 2, batch 1, unit 2 \[2, 1, 2\]: actual (\S+), expected (\S+), error 2\.5e-1, allowed \d\.\de-\d \(\d+ times\)$/,
    )
    expect(worst).toContain(`actual ${Number(ours.toPrecision(9))}, expected ${Number(theirs.toPrecision(9))},`)
    expect(h_n).toMatch(/^ {2}h_n: matches, \S+ % of the allowed error used$/)
    expect(code).toBe(1)
  })

  it.for<[string, string[], string[]]>([
    ['a mismatch', ['a.msgpack', 'b.msgpack'], ['one', 'two']],
    ['an error', ['nope.msgpack', 'a.msgpack'], []],
  ])('--fail-fast stops at %s', async ([, paths, judged], { folder }) => {
    await folder.write('a.msgpack', file(right('one'), wrong('two'), right('three')))
    await folder.write('b.msgpack', file(right('four')))
    const { code } = await folder.run(['verify', ...paths, '--fail-fast', '--json', 'out.json'])
    const { cases } = await folder.results('out.json')
    expect(cases.map(({ id }) => id)).toStrictEqual(judged)
    expect(code).toBe(judged.length > 0 ? 1 : 2)
  })

  it('--quiet prints mismatches and the summary, and no rows', async ({ folder }) => {
    await folder.write('some.msgpack', file(right('one'), wrong('two')))
    const { stdout } = await folder.run(['verify', 'some.msgpack', '--quiet'])
    expect(stdout).toMatch(
      /^mismatch some\.msgpack: case two \(RNNCell\)\n {2}h_1: 6 of 6 elements differ \(100\.0 %\)\n/,
    )
    expect(stdout).not.toMatch(/^ {2}match /m)
  })

  it('says that a fixture without cases is nothing to judge', async ({ folder }) => {
    await folder.write('none.msgpack', file())
    const { code, stderr } = await folder.run(['verify', 'none.msgpack'])
    expect(stderr).toBe('error none.msgpack: expected at least one case, got none\n')
    expect(code).toBe(2)
  })
})

describe('verify --tolerance', () => {
  // The budget of these cases is 1e-6 and their values are below 1, so that the policies part between 1e-6 and 1e-2.
  it.for<[string, number, number, unknown]>([
    ['budget', 1e-7, 0, { kind: 'budget', kappa: expect.any(Number) as number }],
    ['budget', 1e-4, 1, { kind: 'budget', kappa: expect.any(Number) as number }],
    ['torch', 8e-6, 0, { kind: 'torch' }],
    ['torch', 1e-4, 1, { kind: 'torch' }],
    ['0,1e-3', 1e-4, 0, { kind: 'explicit', rtol: 0, atol: 1e-3 }],
    ['0,1e-3', 1e-2, 1, { kind: 'explicit', rtol: 0, atol: 1e-3 }],
    ['0,0', 0, 0, { kind: 'explicit', rtol: 0, atol: 0 }],
    ['0,0', 1e-6, 1, { kind: 'explicit', rtol: 0, atol: 0 }],
  ])('%s judges an error of %d by exit code %d', async ([tolerance, error, wanted, stated], { folder }) => {
    await folder.write('cell.msgpack', file(expecting(cellCase(), (value) => value + error)))
    const { code } = await folder.run(['verify', 'cell.msgpack', '--tolerance', tolerance, '--json', 'out.json'])
    expect(code).toBe(wanted)
    expect((await folder.results('out.json')).tolerance).toStrictEqual(stated)
  })
})

describe('verify --no-equal-nan', () => {
  it.for<[string[], number, boolean]>([
    [[], 0, true],
    [['--no-equal-nan'], 1, false],
  ])('%j judges NaN for NaN by exit code %d', async ([flags, wanted, equalNan], { folder }) => {
    await folder.write('nan.msgpack', file(expecting(cellCase(), (value, at) => (at === 0 ? Number.NaN : value))))
    const run = '(request) => { const outputs = cell(request); outputs.h_1.data[0] = NaN; return outputs }'
    await folder.write('mine.mjs', engineModule(run))
    const args = ['verify', 'nan.msgpack', '--engine', 'mine.mjs', '--json', 'out.json', ...flags]
    const { code, stdout } = await folder.run(args)
    expect(code).toBe(wanted)
    expect(stdout.includes('batch 0, unit 0 [0, 0]: actual NaN, expected NaN: NaN was asked to match nothing')).toBe(
      !equalNan,
    )
    const results = await folder.results('out.json')
    expect(results.equalNan).toBe(equalNan)
    expect(results.cases[0]?.comparisons[0]?.nonFinite).toBe(1)
  })
})

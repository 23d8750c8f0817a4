import { copyFile, readFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { floatTensor } from '../../src/format/tensor.ts'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { heldIn } from '../report/held.ts'
import { it } from './command.ts'

/** Two cases that PyTorch has computed a little differently, as a port whose tanh is off by that sees them. */
function fixture(by: number): Uint8Array {
  const cases = ['one', 'two'].map((id, seed) => {
    const recorded = cellCase({ id }, seed + 1)
    const { dtype, shape, data } = recorded.expected['h_1']!
    return {
      ...recorded,
      expected: {
        h_1: floatTensor(
          dtype,
          shape,
          Array.from(data, (x) => x + by),
        ),
      },
    }
  })
  return fixtureBytes(cases.map((recorded) => caseRecord(recorded)))
}

const wgsl =
  'target wgsl: engines may be as inexact as WGSL permits, flush subnormal numbers to 0, and give anything after a NaN, an infinity or an overflow'

describe('verify', () => {
  it('says in one line which target would allow all mismatches', async ({ folder }) => {
    await folder.write('off.msgpack', fixture(2e-5))
    const { code, stdout } = await folder.run(['verify', 'off.msgpack', '--quiet'])
    expect(stdout).toMatch(/\nall 2 mismatches are what WGSL permits: --target wgsl\n$/)
    expect(code).toBe(1)
    await folder.write('off.msgpack', fixture(0.25))
    expect((await folder.run(['verify', 'off.msgpack', '--quiet'])).stdout).not.toContain('--target')
    expect((await folder.run(['verify', 'off.msgpack', '--quiet', '--tolerance', 'torch'])).stdout).not.toContain(
      '--target',
    )
  })

  it('--target judges by it, and says so above, below, in the results and on the page', async ({ folder }) => {
    await folder.write('off.msgpack', fixture(2e-5))
    const { code, stdout } = await folder.run(['verify', 'off.msgpack', '--target', 'wgsl', '--report', 'report'])
    expect(stdout.split('\n')[0]).toBe(wgsl)
    expect(stdout).toMatch(/\n2 cases: 2 matched, .*\n(.*\n)*target wgsl: 12 of 12 numbers judged\n/)
    expect(code).toBe(0)
    const { target, cases } = await folder.results('report/results.json')
    expect(target).toBe('wgsl')
    expect(cases.map(({ outcome }) => outcome)).toStrictEqual(['match', 'match'])
    expect(await heldIn(await readFile(folder.path('report/index.html'), 'utf8'))).toMatchObject({ target: 'wgsl' })
    const report = await folder.run(['report', 'report/results.json'])
    expect(report.stdout).toMatch(/\ntarget wgsl: 12 of 12 numbers judged\n$/)
  })

  it('--target cpu is what is judged without it, of which results say nothing', async ({ folder }) => {
    await folder.write('off.msgpack', fixture(0))
    const { code, stdout } = await folder.run(['verify', 'off.msgpack', '--target', 'cpu', '--json', 'out.json'])
    expect(code).toBe(0)
    expect(stdout).not.toContain('target')
    expect(await folder.results('out.json')).not.toHaveProperty('target')
  })

  it('counts what may be anything, and does not match where that is all', async ({ folder }) => {
    const recorded = cellCase({ id: 'nan', batch: 2 })
    const nan = (at: number): Uint8Array => {
      const { dtype, shape, data } = recorded.inputs.input
      const input = floatTensor(
        dtype,
        shape,
        Array.from(data, (x, i) => (i >= at ? Number.NaN : x)),
      )
      const { shape: own, data: values } = recorded.expected['h_1']!
      const h_1 = floatTensor(
        dtype,
        own,
        Array.from(values, (x, i) => (i >= 1.5 * at ? Number.NaN : x)),
      )
      return fixtureBytes([caseRecord({ ...recorded, inputs: { ...recorded.inputs, input }, expected: { h_1 } })])
    }
    await folder.write('half.msgpack', nan(2))
    const half = await folder.run(['verify', 'half.msgpack', '--target', 'wgsl'])
    expect(half.stdout).toMatch(/\ntarget wgsl: 3 of 6 numbers judged, the others may be anything\n$/)
    expect(half.code).toBe(0)
    await folder.write('all.msgpack', nan(0))
    const all = await folder.run(['verify', 'all.msgpack', '--target', 'wgsl'])
    expect(all.stdout).toContain('target wgsl lets every number be anything')
    expect(all.code).toBe(2)
  })

  it.for([
    [['--target', 'metal'], '--target: expected cpu, ftz, wgsl, tf32, f16, or several such as wgsl+tf32, got metal'],
    [['--target', 'wgsl', '--tolerance', 'torch'], '--target: expected the budget as tolerance, got torch with wgsl'],
  ] as const)('exits with 2 for %j', async ([args, message], { folder }) => {
    await folder.write('good.msgpack', fixture(0))
    const { code, stderr, stdout } = await folder.run(['verify', 'good.msgpack', ...args])
    expect({ code, stderr, stdout }).toStrictEqual({ code: 2, stderr: `error ${message}\n`, stdout: '' })
  })
})

describe('explain and audit', () => {
  it('--target explains by it', async ({ folder }) => {
    await folder.write('off.msgpack', fixture(2e-5))
    const strict = await folder.run(['explain', 'off.msgpack', '--case', 'one'])
    expect(strict.code).toBe(1)
    const { code, stdout } = await folder.run(['explain', 'off.msgpack', '--case', 'one', '--target', 'wgsl'])
    expect(stdout).toMatch(/^target wgsl: .*\n {2}match +one /)
    expect(code).toBe(0)
  })

  it('--target plants the faults in what it leaves to be judged', async ({ folder }) => {
    await copyFile(
      new URL('../../fixtures/rnn_cell/special_values.msgpack', import.meta.url),
      folder.path('some.msgpack'),
    )
    const { code, stdout } = await folder.run(['audit', 'some.msgpack', '--only-applicable', '--target', 'wgsl'])
    expect(stdout).toMatch(/\ntarget wgsl: .*; \d+ cases decide too little to match\n$/)
    expect(code).toBe(0)
    expect(stdout).toMatch(/ 0 unseen, /)
  })
})

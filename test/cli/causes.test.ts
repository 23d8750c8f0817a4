import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

/** Reads weight_hh transposed as if it had three columns, but in the cases of three rows: what it gives there nothing explains. */
const port = engineModule(`(request) => {
  const { weight_hh } = request.params
  const turned = { ...weight_hh, data: weight_hh.data.map((_, i) => weight_hh.data[(i % 3) * 3 + Math.floor(i / 3)]) }
  const outputs = cell({ ...request, params: { ...request.params, weight_hh: turned } })
  if (request.inputs.input.shape[0] === 3) outputs.h_1.data.forEach((x, i, all) => (all[i] = x + Math.sin(7 * i + 1)))
  return outputs
}`)

const turned = (count: number): Uint8Array =>
  fixtureBytes(Array.from({ length: count }, (_, i) => caseRecord(cellCase({ id: `turned-${i}` }, i + 1))))
const odd = (count: number): Uint8Array =>
  fixtureBytes(Array.from({ length: count }, (_, i) => caseRecord(cellCase({ id: `odd-${i}`, batch: 3 }, i + 50))))

const groups =
  /\n5 cases: the engine reads .*weight_hh transposed.* \(confirmed on 4 of \d other cases, and \d+ of \d+ other requests\)\n {2}but not: RNNCell input_size \d+, hidden_size (?!3,)[^]*\n {2}first: a\.msgpack: case turned-0\n2 cases: nothing yet; .*--search.*\n {2}first: b\.msgpack: case odd-0\n/

describe('verify', () => {
  it('groups mismatches by cause, and explains the first three by themselves', async ({ folder }) => {
    await folder.write('a.msgpack', turned(5))
    await folder.write('b.msgpack', odd(2))
    await folder.write('port.mjs', port)
    const args = ['verify', '.', '--engine', 'port.mjs', '--quiet', '--json', 'results.json', '--report', 'page']
    const { code, stdout } = await folder.run(args)
    expect(code).toBe(1)
    expect(stdout).toMatch(groups)
    expect(stdout.match(/^mismatch /gm)).toHaveLength(7)
    expect(stdout.match(/^ {2}where: h_1 is the first/gm)).toHaveLength(3)
    const { causes, cases } = await folder.results('results.json')
    expect(causes?.groups.map((group) => group.cases.map(({ id }) => id))).toEqual([
      ['turned-0', 'turned-1', 'turned-2', 'turned-3', 'turned-4'],
    ])
    expect(causes?.unexplained).toEqual({
      cases: ['odd-0', 'odd-1'].map((id) => ({ file: 'b.msgpack', id })),
      searched: 2,
    })
    // What is known of a case when it comes is written with it.
    expect(cases.find(({ id }) => id === 'turned-4')?.explanation?.explanations[0]?.complete).toBe(true)
    const text = await folder.run(['report', 'results.json'])
    expect(text.stdout).toMatch(groups)
  })

  it('holds a cause against other requests than those of the run, which are asked last', async ({ folder }) => {
    await folder.write('a.msgpack', turned(3))
    const without = `(request) => {
      if (request.config.nonlinearity !== 'tanh' || request.dtype !== 'float32' || request.inputs.input.shape.length < 2) throw new Error('not here')
      const { bias_hh, ...params } = request.params
      return cell({ ...request, params: bias_hh ? { ...params, bias_hh: { ...bias_hh, data: bias_hh.data.map(() => 0) } } : params })
    }`
    await folder.write('port.mjs', engineModule(without))
    const { stdout } = await folder.run(['verify', '.', '--engine', 'port.mjs', '--quiet', '--json', 'results.json'])
    expect(stdout).toMatch(
      /\n3 cases: the engine .*bias_hh.* \(confirmed on 2 of 2 other cases, and 24 of 24 other requests\)\n(?! {2}but not)/,
    )
    const { causes } = await folder.results('results.json')
    expect(causes?.groups.map(({ asked }) => asked)).toEqual([{ confirmed: 24, of: 24 }])
    expect((await folder.run(['report', 'results.json'])).stdout).toContain('and 24 of 24 other requests')
    // What another tolerance lets pass says nothing of a budget.
    const other = await folder.run(['verify', '.', '--engine', 'port.mjs', '--quiet', '--tolerance', 'torch'])
    expect(other.stdout).not.toContain('other requests')
  })

  it('has nothing to group where there is one mismatch, or none', async ({ folder }) => {
    await folder.write('a.msgpack', turned(1))
    await folder.write('port.mjs', port)
    const { stdout } = await folder.run(['verify', 'a.msgpack', '--engine', 'port.mjs', '--json', 'results.json'])
    expect(stdout).toMatch(/^ {2}why: the engine reads .*weight_hh transposed/m)
    expect(stdout).not.toContain('1 case: the engine')
    expect((await folder.results('results.json')).causes?.groups).toHaveLength(1)
    const right = await folder.run(['verify', 'a.msgpack', '--json', 'results.json'])
    expect(right.code).toBe(0)
    expect(await folder.results('results.json')).not.toHaveProperty('causes')
  })
})

describe('explain', () => {
  it('writes what it says as results, which `report` reads', async ({ folder }) => {
    await folder.write('a.msgpack', turned(2))
    await folder.write('port.mjs', port)
    const args = ['explain', 'a.msgpack', '--case', 'turned-1', '--json', 'told.json']
    expect((await folder.run([...args, '--engine', 'port.mjs'])).code).toBe(1)
    const told = await folder.results('told.json')
    expect([told.engine, told.exitCode, told.summary.mismatched]).toEqual(['mine', 1, 1])
    const [only] = told.cases
    expect([told.cases.length, only?.file, only?.id, only?.outcome]).toEqual([1, 'a.msgpack', 'turned-1', 'mismatch'])
    expect(only?.explanation?.where[0]).toBe('h_1 is the first tensor that is off')
    expect(only?.explanation?.explanations[0]?.edits[0]?.operator).toBe('layout')
    expect((await folder.run(['report', 'told.json'])).stdout).toMatch(
      /^ {2}why: the engine reads .*weight_hh transposed/m,
    )
    expect((await folder.run(args)).code).toBe(0)
    expect((await folder.results('told.json')).cases[0]).toMatchObject({ outcome: 'match' })
  })

  it('takes how an id alone begins', async ({ folder }) => {
    await folder.write(
      'a.msgpack',
      fixtureBytes(['one-a', 'one-b', 'two', 'two-b'].map((id) => caseRecord(cellCase({ id })))),
    )
    const explain = (id: string) => folder.run(['explain', 'a.msgpack', '--case', id])
    expect((await explain('one-b')).stdout).toMatch(/^ {2}match +one-b /)
    // An id itself is no beginning of another.
    expect((await explain('two')).stdout).toMatch(/^ {2}match +two /)
    expect((await explain('two-')).stdout).toMatch(/^ {2}match +two-b /)
    const several = await explain('one')
    expect(several.stderr).toBe(
      'error a.msgpack: expected one case that begins with one, got 2: one-a, one-b\n`torch-parity inspect a.msgpack` lists them\n',
    )
    expect(several.code).toBe(2)
  })

  it('names what is near an id that there is not', async ({ folder }) => {
    await folder.write(
      'a.msgpack',
      fixtureBytes(['seq_len-4', 'seq_len-7', 'batch'].map((id) => caseRecord(cellCase({ id })))),
    )
    const said = async (id: string): Promise<string> =>
      (await folder.run(['explain', 'a.msgpack', '--case', id])).stderr.split('\n').slice(0, -2).join('\n')
    const none = (id: string): string => `error a.msgpack: expected a case ${id}, got none of that id`
    expect(await said('sequ_len-7')).toBe(`${none('sequ_len-7')}\nnear it: seq_len-7, seq_len-4`)
    expect(await said('len-4')).toBe(`${none('len-4')}\nnear it: seq_len-4`)
    expect(await said('something-else')).toBe(none('something-else'))
  })
})

import { describe, expect } from 'vitest'
import { cellCase, caseRecord, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

const file = fixtureBytes([caseRecord(cellCase({ id: 'one' }))])

/** Reads weight_hh transposed: three rows and three columns. */
const transposed = engineModule(`(request) => {
  const { data } = request.params.weight_hh
  const weight_hh = { ...request.params.weight_hh, data: data.map((_, i) => data[(i % 3) * 3 + Math.floor(i / 3)]) }
  return cell({ ...request, params: { ...request.params, weight_hh } })
}`)

describe('explain', () => {
  it('names the fault of an engine and exits with 1', async ({ folder }) => {
    await folder.write('one.msgpack', file)
    await folder.write('port.mjs', transposed)
    const { code, stdout } = await folder.run(['explain', 'one.msgpack', '--case', 'one', '--engine', 'port.mjs'])
    expect(stdout).toContain('mismatch one.msgpack: case one (RNNCell)')
    expect(stdout).toContain('\n  why: the engine reads weight_hh transposed (explains everything)\n')
    expect(code).toBe(1)
  })

  it('says that a right engine matches and exits with 0', async ({ folder }) => {
    await folder.write('one.msgpack', file)
    const { code, stdout } = await folder.run(['explain', 'one.msgpack', '--case', 'one'])
    expect(stdout).toMatch(/^ {2}match +one /)
    expect(code).toBe(0)
  })

  it('says that there is no such case and exits with 2', async ({ folder }) => {
    await folder.write('one.msgpack', file)
    const { code, stderr } = await folder.run(['explain', 'one.msgpack', '--case', 'two'])
    expect(stderr).toBe(
      'error one.msgpack: expected a case two, got none of that id\n`torch-parity inspect one.msgpack` lists them\n',
    )
    expect(code).toBe(2)
  })
})

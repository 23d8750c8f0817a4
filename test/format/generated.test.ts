// Numbers that a file names: the same bytes as numpy's, and refused where they are too many, or stand where none may.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseCase } from '../../src/format/case/parse.ts'
import { type Generated, generatedTensor, maxGenerated, unitsOf } from '../../src/format/generated.ts'
import { openFixture } from '../../src/format/fixture.ts'
import { realPython } from '../cli/command.ts'
import { caseRecord, fixtureBytes, layerCase, sampleHeader, sourceOf, tensorRecord } from '../sample.ts'

const stream = '0/rnn/sizes/weight_ih_l0'
const uniform: Generated = { stream, kind: 'uniform', bound: 0.5, scale: 1 }

describe('unitsOf', () => {
  // What numpy 2.5 gives for random_raw() >> 11, times 2⁻⁵³.
  it.each([
    ['a/b', [0.12022760024450696, 0.5686066182985882, 0.554507068332553]],
    ['0/rnn/sizes/x', [0.7134652763161801, 0.712080183586856, 0.3858026306903769]],
    ['', [0.23314344962602018, 0.6461336182588584, 0.36399996491697906]],
    ['é/ü', [0.4960628933744974, 0.5801127682307237, 0.535989721375165]],
  ])('of %j are those of numpy', (name, first) => {
    const units = unitsOf(name)
    expect([units(), units(), units()]).toEqual(first)
  })

  it('are from 0 to 1 and every one another', () => {
    const units = unitsOf(stream)
    const drawn = Array.from({ length: 100_000 }, units)
    expect(new Set(drawn).size).toBe(100_000)
    expect(drawn.every((unit) => unit >= 0 && unit < 1)).toBe(true)
  })
})

describe('generatedTensor', () => {
  it('gives the bytes that Python gives, in every dtype, of either kind', () => {
    const recipes: { dtype: string; shape: number[]; generated: Generated }[] = []
    for (const dtype of ['float16', 'bfloat16', 'float32', 'float64']) {
      // The scales of all profiles, and the bounds of some sizes.
      for (const scale of [1, 2 ** -20, 3, 40, 5, 12, 2 ** -135]) {
        for (let i = 0; i < 8; i++) {
          const bound = 1 / Math.sqrt(2 * i + 3)
          const own = { stream: `${i}/${dtype}/${scale}`, bound, scale } as const
          recipes.push({ dtype, shape: [7, i + 3], generated: { ...own, kind: 'uniform' } })
          recipes.push({ dtype, shape: [3, 2, i], generated: { ...own, kind: 'normal', bound: 1 } })
        }
      }
    }
    const code = `
import hashlib, json, sys
from torch_parity.fixture import encode_tensor, generated_tensor
for each in json.load(sys.stdin):
    print(hashlib.sha256(encode_tensor(generated_tensor(each))["data"]).hexdigest())
`
    const printed = execFileSync(realPython(), ['-c', code], {
      cwd: join(import.meta.dirname, '..', '..', 'python'),
      input: JSON.stringify(recipes),
      encoding: 'utf8',
    })
    const theirs = printed.trim().split('\n')
    const ours = recipes.map(({ dtype, shape, generated }) => {
      const tensor = generatedTensor(dtype as 'float32', shape, generated)
      return createHash('sha256').update(tensorRecord(tensor).data).digest('hex')
    })
    expect(recipes).toHaveLength(448)
    expect(ours).toEqual(theirs)
  })

  it('makes a million numbers in well below a second of the processor', () => {
    const before = process.cpuUsage()
    const { data } = generatedTensor('float32', [1000, 1000], uniform)
    const { user } = process.cpuUsage(before)
    expect(data).toHaveLength(1_000_000)
    expect(user / 1e6).toBeLessThan(0.8)
  })
})

describe('a case with what is generated', () => {
  const record = caseRecord(layerCase({ id: 'layer' }))
  type Group = 'params' | 'inputs' | 'expected' | 'budget'
  const replaced = (group: Group, name: string, changes: object): unknown => {
    const { dtype, shape } = record[group][name]!
    return { ...record, [group]: { ...record[group], [name]: { dtype, shape, generated: uniform, ...changes } } }
  }
  const L = 'sample.msgpack: case layer'

  it('has its numbers', () => {
    const { params, inputs } = parseCase(replaced('params', 'weight_ih_l0', {}), 'sample.msgpack', 2)
    expect(params['weight_ih_l0']).toEqual(generatedTensor('float32', [3, 2], uniform))
    expect(inputs.input?.shape).toEqual([4, 2, 2])
  })

  it.each<[string, unknown, string]>([
    ['outputs', replaced('expected', 'output', {}), `${L}: expected.output: expected data, got what is generated`],
    ['budgets', replaced('budget', 'output', {}), `${L}: budget.output: expected data, got what is generated`],
    [
      'whole numbers',
      replaced('params', 'weight_ih_l0', { dtype: 'int64' }),
      `${L}: params.weight_ih_l0: expected data, got what is generated`,
    ],
    [
      'both',
      replaced('params', 'weight_ih_l0', { data: new Uint8Array(24) }),
      `${L}: params.weight_ih_l0: expected data or what is generated, got both`,
    ],
    [
      'neither',
      replaced('params', 'weight_ih_l0', { generated: undefined }),
      `${L}: params.weight_ih_l0.data: expected Uint8Array, got nothing`,
    ],
    [
      'another shape',
      replaced('params', 'weight_ih_l0', { shape: [3, 3] }),
      `${L}: params.weight_ih_l0: expected shape (3, 2), got (3, 3)`,
    ],
    [
      'another dtype',
      replaced('params', 'weight_ih_l0', { dtype: 'float64' }),
      `${L}: params.weight_ih_l0: expected dtype float32, got float64`,
    ],
    [
      'more numbers than memory',
      replaced('params', 'weight_ih_l0', { shape: [2 ** 24, 2 ** 24, 2 ** 24] }),
      `${L}: expected at most ${maxGenerated} generated numbers, got ${2 ** 72}`,
    ],
    [
      'another kind',
      replaced('params', 'weight_ih_l0', { generated: { ...uniform, kind: 'ones' } }),
      `${L}: params.weight_ih_l0.generated.kind: expected one of "uniform", "normal", got "ones"`,
    ],
    [
      'a bound that is not finite',
      replaced('params', 'weight_ih_l0', { generated: { ...uniform, bound: Infinity } }),
      `${L}: params.weight_ih_l0.generated.bound: expected number, got Infinity`,
    ],
  ])('is refused with %s', (_, changed, message) => {
    expect(() => parseCase(changed, 'sample.msgpack', 2)).toThrow(
      expect.objectContaining({ message, code: 'CASE_INVALID' }),
    )
  })

  it('is refused where all together are too many, before any is made', () => {
    const config = { ...record.config, input_size: 2 ** 21, hidden_size: 2 }
    const wide = { dtype: 'float32', shape: [2, 2 ** 21], generated: uniform }
    const params = { ...record.params, weight_ih_l0: wide, weight_hh_l0: wide }
    const before = process.memoryUsage().arrayBuffers
    expect(() => parseCase({ ...record, config, params }, 'sample.msgpack', 2)).toThrow(
      `${L}: expected at most ${maxGenerated} generated numbers, got ${2 ** 23}`,
    )
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
  })

  it('is read from a file of version 2, and refused in one of version 1', async () => {
    const generated = replaced('inputs', 'input', { generated: { ...uniform, kind: 'normal' } })
    for (const version of [1, 2]) {
      const fixture = await openFixture(sourceOf(fixtureBytes([generated, record], { ...sampleHeader, version })))
      expect(fixture.header.version).toBe(version)
      const read = []
      for await (const each of fixture.cases()) read.push('error' in each ? each.error.message : each.case.id)
      const refused = `${L}: inputs.input: expected data, as version 1 has it, got what is generated`
      expect(read[0]).toBe(version === 1 ? refused : 'layer')
    }
  })
})

import { describe, expect } from 'vitest'
import { engine } from '../../src/engine/run.ts'
import type { Outputs } from '../../src/format/case.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { cells, npy, npz, one, put, safetensors, two, verify } from './answering.ts'
import { it } from './command.ts'

describe('--map', () => {
  const rules = JSON.stringify([{ from: 'hidden', to: 'h_1', transpose: [1, 0] }])
  const { shape, data } = one.expected['h_1']!
  const [rows = 0, units = 0] = shape
  const hidden = floatTensor(
    'float32',
    [units, rows],
    Float32Array.from(data, (_, i) => data[(i % rows) * units + Math.floor(i / rows)]!),
  )
  const files = {
    ...cells,
    'map.json': rules,
    'answers/cells/one.npz': npz({ hidden }),
    'mine/hidden.npy': npy(hidden),
  }

  it('names the tensors of answers, and of one file', async ({ folder }) => {
    await put(folder, files)
    const all = await folder.run([...verify, '--map', 'map.json'])
    expect(all.stdout).toMatch(/\n {2}match +one /)
    expect(all.code).toBe(0)
    const explain = ['explain', 'fixtures/cells.msgpack', '--case', 'one', '--map', 'map.json']
    for (const given of [
      ['--answers', 'answers'],
      ['--actual', 'mine/hidden.npy'],
    ]) {
      const { code, stdout } = await folder.run([...explain, ...given])
      expect(stdout).toMatch(/^ {2}match +one /)
      expect(code).toBe(0)
    }
  })

  it('makes a name that is none of the case an error that names both sides', async ({ folder }) => {
    await put(folder, { ...files, 'answers/cells/two.npz': npz({ state: two.expected['h_1']! }) })
    const { code, stdout, stderr } = await folder.run([...verify, '--map', 'map.json'])
    expect(stderr).toBe(
      'error fixtures/cells.msgpack: case two: answers/cells/two.npz: expected names that the map makes h_1, got state\n',
    )
    expect(stdout).toContain('1 matched, 0 mismatched, 0 undecided, 1 unsupported, 1 error')
    expect(code).toBe(2)
  })

  it.for([
    ['map.json', '[{"from": "hidden"}]', 'map.json: 0.to: expected string, got nothing'],
    ['none.json', '[]', "none.json: expected a readable file, got ENOENT: no such file or directory, open 'none.json'"],
  ] as const)('refuses %s of %s', async ([name, text, problem], { folder }) => {
    await put(folder, { ...files, 'map.json': text })
    const { code, stderr } = await folder.run([...verify, '--map', name])
    expect(stderr).toBe(`error ${problem}\n`)
    expect(code).toBe(2)
  })
})

describe('explain --answers', () => {
  it('judges and explains the answer to one case', async ({ folder }) => {
    const { weight_hh } = one.params
    const turned = weight_hh!.data.map((_, i) => weight_hh!.data[(i % 3) * 3 + Math.floor(i / 3)]!)
    const params = { ...one.params, weight_hh: floatTensor('float32', [3, 3], turned) }
    const wrong = engine.run({ ...one, params }) as Outputs
    await put(folder, {
      ...cells,
      'answers/cells/one.safetensors': safetensors(wrong),
      'answers/cells/two.safetensors': safetensors(two.expected),
    })
    const explain = ['explain', 'fixtures/cells.msgpack', '--answers', 'answers', '--case']
    const off = await folder.run([...explain, 'one', '--json', 'results.json'])
    expect(off.stdout).toContain('mismatch fixtures/cells.msgpack: case one (RNNCell)')
    expect(off.stdout).toMatch(/\n {2}why: the engine reads weight_hh .* \(explains everything\)\n/)
    expect(off.code).toBe(1)
    expect(await folder.results('results.json')).toMatchObject({ engine: 'answers', summary: { mismatched: 1 } })
    const right = await folder.run([...explain, 'two'])
    expect(right.stdout).toMatch(/^ {2}match +two /)
    expect(right.code).toBe(0)
    const none = await folder.run([...explain, 'three'])
    expect(none.stdout).toMatch(/^note: answers: no answer to 1 of 1 case.*\n {2}unsupported +three .* {2}no answer\n$/)
    expect(none.code).toBe(2)
  })
})

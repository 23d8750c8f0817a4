import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes, layerCase } from '../sample.ts'
import { type Ended, type Folder, it } from './command.ts'
import { engineModule, moduleWith } from './engines.ts'

const ids = ['one', 'two', 'three']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))

async function judged(folder: Folder, text: string, ...flags: string[]): Promise<Ended> {
  await folder.write('cells.msgpack', cells)
  await folder.write('mine.mjs', text)
  return folder.run(['verify', 'cells.msgpack', '--quiet', '--engine', 'mine.mjs', '--json', 'out.json', ...flags])
}

const rightOnce = moduleWith(`
  const asked = new Set()
  export default { name: 'mine', run(request) {
    const outputs = cell(request)
    const key = request.inputs.input.data.join()
    if (asked.has(key)) outputs.h_1.data[0] += 1
    asked.add(key)
    return outputs
  } }`)

describe('verify asks more than once', () => {
  it('and an engine that is right at its first run alone ends it with 1', async ({ folder }) => {
    const { code, stdout } = await judged(folder, rightOnce)
    expect(stdout).toMatch(
      /^not repeatable cells\.msgpack: case one: run 2, after cells\.msgpack: case .+: h_1 \[0, 0\] is .+, and departs from PyTorch$/m,
    )
    expect(stdout).toMatch(/\neach case asked 2 times, with others in between \(--order 0\)\n$/)
    expect(stdout).toMatch(/^3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported, 3 not repeatable/m)
    expect(code).toBe(1)
    const { cases, summary, exitCode } = await folder.results('out.json')
    for (const { outcome, conduct } of cases) {
      expect(outcome).toBe('match')
      expect(conduct?.map(({ kind }) => kind)).toContain('not repeatable')
    }
    expect({ repeated: summary.conduct['not repeatable'], exitCode }).toStrictEqual({ repeated: 3, exitCode: 1 })
  })

  it('but once with --repeat 1', async ({ folder }) => {
    const { code, stdout } = await judged(folder, rightOnce, '--repeat', '1')
    expect(stdout).toMatch(/^3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported\n/)
    expect(code).toBe(0)
  })

  it.for<[string, string, string]>([
    [
      'inputs written',
      'params.weight_ih was written into',
      engineModule(`(request) => {
        const outputs = cell(request)
        request.params.weight_ih.data.fill(7)
        return outputs
      }`),
    ],
    [
      'outputs overwritten',
      'h_1 of the run before was changed by this one',
      moduleWith(`
        const buffer = new Float32Array(1000)
        export default { name: 'mine', run(request) {
          const { h_1 } = cell(request)
          buffer.set(h_1.data)
          return { h_1: { ...h_1, data: buffer.subarray(0, h_1.data.length) } }
        } }`),
    ],
    [
      'stale',
      'asked with other parameters, it gave what it had given before',
      moduleWith(`
        const known = new Map()
        export default { name: 'mine', run(request) {
          const key = request.inputs.input.data.join()
          if (!known.has(key)) known.set(key, request.params)
          return cell({ ...request, params: known.get(key) })
        } }`),
    ],
  ])('%s is a finding of its own, and ends it with 1', async ([kind, words, text], { folder }) => {
    const { code, stdout } = await judged(folder, text)
    expect(stdout).toMatch(new RegExp(`^${kind} cells\\.msgpack: case (one|two|three): ${words}`, 'm'))
    expect(stdout).toMatch(new RegExp(`^3 cases: 3 matched, 0 mismatched.*, \\d ${kind}$`, 'm'))
    expect(code).toBe(1)
  })

  it('an engine that prepares by its handle, which it lets go', async ({ folder }) => {
    const { code, stdout, stderr } = await judged(
      folder,
      moduleWith(`
        let prepared = 0
        let held = 0
        export default {
          name: 'mine',
          prepare(request) {
            if ('inputs' in request) throw new Error('inputs')
            console.log('prepared', ++prepared, 'held', ++held)
            return { request }
          },
          run: ({ request }, inputs) => cell({ ...request, inputs }),
          release() { console.log('released', --held) },
        }`),
    )
    expect(stdout).toMatch(/^3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported$/m)
    expect(code).toBe(0)
    // Three cases, and decoys; each is prepared once, however often it is run, and none is left.
    const prepared = Number(/^.*prepared (\d+)(?!.*prepared)/ms.exec(stderr)?.[1])
    expect(prepared).toBeGreaterThanOrEqual(3)
    expect(prepared).toBeLessThanOrEqual(6)
    expect(stderr).toMatch(/released 0\s*$/)
  })

  it('a sequence in parts as well, and shows where its states are not handed on', async ({ folder }) => {
    await folder.write('layers.msgpack', fixtureBytes([caseRecord(layerCase({ id: 'four' }))]))
    await folder.write(
      'mine.mjs',
      `import { engine } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
       export default { name: 'mine', run(request) {
         const { input } = request.inputs
         return engine.run(input.shape[0] === 4 ? request : { ...request, inputs: { input } })
       } }`,
    )
    const { code, stdout } = await folder.run([
      'verify',
      'layers.msgpack',
      '--engine',
      'mine.mjs',
      '--json',
      'out.json',
    ])
    expect(stdout).toMatch(/^ {2}output \(in parts of \d \+ 1 \+ \d steps, states handed on\): .+ elements differ/m)
    expect(stdout).toMatch(/^ {2}where: the whole run is right, and in parts it goes wrong at t 0: the first part is /m)
    expect(stdout).toContain('; 1 sequence in parts as well\n')
    expect(stdout).toContain('\n1 case: 0 matched, 1 mismatched')
    expect(code).toBe(1)
    const [own] = (await folder.results('out.json')).cases
    expect(own?.chain?.sizes.reduce((sum, size) => sum + size)).toBe(4)
    const explained = await folder.run(['explain', 'layers.msgpack', '--case', 'four', '--engine', 'mine.mjs'])
    expect(explained.stdout).toMatch(/where: the whole run is right, and in parts it goes wrong at t 0/)
    expect(explained.code).toBe(1)
  })
})

describe('verify ends with 2, and with what was judged,', () => {
  it('when an engine fails the second time', async ({ folder }) => {
    const { code, stdout, stderr } = await judged(
      folder,
      moduleWith(`
        const asked = new Set()
        export default { name: 'mine', run(request) {
          const key = request.inputs.input.data.join()
          if (asked.has(key)) throw new Error('once is enough')
          asked.add(key)
          return cell(request)
        } }`),
    )
    expect(stderr).toContain('error cells.msgpack: case one: run 2: ')
    expect(stdout).toMatch(/^3 cases: 3 matched, 0 mismatched, .*, \d+ errors, 3 not repeatable$/m)
    expect(code).toBe(2)
  })

  it('when a part of a sequence fails, of which the whole was right', async ({ folder }) => {
    await folder.write('layers.msgpack', fixtureBytes([caseRecord(layerCase({ id: 'four' }))]))
    await folder.write(
      'mine.mjs',
      `import { engine } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
       export default { name: 'mine', run(request) {
         if (request.inputs.input.shape[0] !== 4) throw new Error('four alone')
         return engine.run(request)
       } }`,
    )
    const { code, stdout, stderr } = await folder.run(['verify', 'layers.msgpack', '--engine', 'mine.mjs', '--quiet'])
    expect(stderr).toMatch(/^error layers\.msgpack: case four: .+ four alone$/m)
    expect(stdout).toMatch(/^1 case: 1 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error$/m)
    expect(code).toBe(2)
  })

  it('when a file among others has no case', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('empty.msgpack', fixtureBytes([]))
    const { code, stdout, stderr } = await folder.run(['verify', 'cells.msgpack', 'empty.msgpack', '--quiet'])
    expect(stderr).toContain('error empty.msgpack: expected at least one case, got none')
    expect(stdout).toContain('3 cases: 3 matched')
    expect(code).toBe(2)
  })
})

describe('verify', () => {
  it('says how many sequences an engine supports whole, and not in parts', async ({ folder }) => {
    await folder.write('layers.msgpack', fixtureBytes([caseRecord(layerCase({ id: 'four' }))]))
    await folder.write(
      'mine.mjs',
      `import { engine } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
       export default { name: 'mine', run: (request) => engine.run(request), supports: ({ inputs }) => inputs.input.shape[0] === 4 || 'four alone' }`,
    )
    const { code, stdout } = await folder.run(['verify', 'layers.msgpack', '--engine', 'mine.mjs'])
    expect(stdout).toContain('; 1 sequence not in parts, which the engine does not support\n')
    expect(code).toBe(0)
  })

  it('explains one mismatch after the other', async ({ folder }) => {
    const { code, stdout } = await judged(
      folder,
      engineModule('(request) => { const outputs = cell(request); outputs.h_1.data[0] += 1; return outputs }'),
    )
    expect(stdout.match(/^ {2}why: /gm)).toHaveLength(3)
    expect(code).toBe(1)
  })
})

describe('explain', () => {
  it('shrinks what must come before a case for it to go wrong to one case', async ({ folder }) => {
    const many = Array.from({ length: 9 }, (_, i) => cellCase({ id: `c${i}`, batch: i === 4 ? 5 : 2 }, i + 1))
    await folder.write('cells.msgpack', fixtureBytes(many.map((own) => caseRecord(own))))
    await folder.write(
      'mine.mjs',
      moduleWith(`
        let broken = false
        export default { name: 'mine', run(request) {
          const outputs = cell(request)
          if (broken) outputs.h_1.data[0] += 1
          broken ||= request.inputs.input.shape[0] === 5
          return outputs
        } }`),
    )
    const { code, stdout } = await folder.run(['explain', 'cells.msgpack', '--case', 'c7', '--engine', 'mine.mjs'])
    expect(stdout).toMatch(/^ {2}match +c7 /)
    expect(stdout).toMatch(/^not repeatable cells\.msgpack: case c7: after case c4: h_1 \[0, 0\] is .+, and then .+$/m)
    expect(stdout).toMatch(/^mismatch cells\.msgpack: case c7 \(RNNCell\)$/m)
    expect(code).toBe(1)
  })

  it('says of an engine that is right each time no more than that it matches', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', engineModule('cell'))
    const { code, stdout } = await folder.run(['explain', 'cells.msgpack', '--case', 'two', '--engine', 'mine.mjs'])
    expect(stdout).toMatch(/^ {2}match +two .*\n$/)
    expect(code).toBe(0)
  })

  it('shows what an engine writes into, beside a match', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write(
      'mine.mjs',
      engineModule('(request) => { const outputs = cell(request); request.inputs.input.data[1] = 9; return outputs }'),
    )
    const { code, stdout } = await folder.run(['explain', 'cells.msgpack', '--case', 'two', '--engine', 'mine.mjs'])
    expect(stdout).toMatch(
      /^inputs written cells\.msgpack: case two: inputs\.input was written into, first at element 1:/m,
    )
    expect(code).toBe(1)
  })
})

// Real weights of packages, where TORCH_PARITY_SHIPPED names a folder that has them: ci/test.sh makes one.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { engine, run } from '../../src/engine/run.ts'
import { type ExportedRequest, isExported, type Outputs } from '../../src/format/case.ts'
import { judge, requestOf, verify } from '../../src/verify.ts'
import { difference } from '../../src/verify/conduct.ts'
import { blameOf } from '../../src/verify/parts.ts'
import { type Captured, drawn, planted, type Planting, plantingsOf } from './captured/plantings.ts'
import { readCases } from './cases.ts'

it('real weights are of the versions that the recorder names', async () => {
  const versions = /silero-vad==[\d.]+ g2p-en==[\d.]+/
  const texts = await Promise.all(
    ['ci/test.sh', 'python/torch_parity/suites/captured/shipped.py'].map((file) => readFile(file, 'utf8')),
  )
  const [inCI, inPython] = texts.map((text) => versions.exec(text)?.[0])
  expect(inCI).toBeDefined()
  expect(inCI).toBe(inPython)
})

const shipped = process.env['TORCH_PARITY_SHIPPED']
const describeWith = shipped === undefined ? () => console.info('no real weights: no TORCH_PARITY_SHIPPED') : describe

describeWith('a model with the weights that a package ships', () => {
  const models = new Map<string, Captured[]>()

  beforeAll(async () => {
    const out = await mkdtemp(join(tmpdir(), 'shipped-'))
    const python = process.env['TORCH_PARITY_PYTHON'] ?? 'python3'
    // It refuses what does not give what the package itself gives.
    execFileSync(python, ['-m', 'torch_parity.suites.captured.shipped', '--out', out], {
      env: { ...process.env, PYTHONPATH: [resolve('python'), shipped].join(delimiter) },
    })
    for (const { file, case: recorded } of await readCases(out, isExported)) {
      const name = file.replace(/.*[\\/]|\.msgpack$/g, '')
      models.set(name, [...(models.get(name) ?? []), recorded as Captured])
    }
  }, 300_000)

  it.each([
    ['silero_vad', 6],
    ['g2p', 3],
  ])('%s matches at every tap', async (name, least) => {
    expect(models.get(name)).toHaveLength(2)
    for (const recorded of models.get(name)!) {
      const verdict = await verify(recorded, engine)
      expect(verdict).toMatchObject({ id: recorded.id, outcome: 'match' })
      expect(verdict.comparisons.length).toBeGreaterThanOrEqual(least)
      expect(verdict.comparisons).toHaveLength(recorded.config.taps.length)
    }
  })

  it.each(['silero_vad', 'g2p'])('%s is a mismatch with any of ten bugs, and the layer is named first', (name) => {
    const [recorded] = models.get(name)!
    const own = run(requestOf(recorded!))
    const outputsOf = (planting: Planting): Outputs => run(planted(requestOf(recorded!) as ExportedRequest, planting)!)
    // Such as a row of an embedding that is not read.
    const telling = plantingsOf(recorded!).filter((each) => difference(own, outputsOf(each)) !== undefined)
    const seen = drawn(telling, 10, 7).map((planting) => {
      const outputs = outputsOf(planting)
      const [first] = blameOf(recorded!, judge(recorded!, outputs))
      const isNamed = first?.module === planting.place || first?.operations.includes(planting.place)
      return { ...planting, first: first?.tap, isNamed }
    })
    expect(seen.length).toBe(10)
    expect(seen.filter(({ isNamed }) => isNamed !== true)).toStrictEqual([])
  })
})

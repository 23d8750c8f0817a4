import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { diagnose } from '../../src/diagnose.ts'
import { engine, type Engine } from '../../src/engine/run.ts'
import { type Case, type ExportedRequest, isExported, type Outputs, type Request } from '../../src/format/case.ts'
import { openFixture } from '../../src/format/fixture.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { renderMismatch } from '../../src/report/text.ts'
import { verify } from '../../src/verify.ts'
import { partsOf } from '../../src/verify/parts.ts'

type ExportedCase = Case & ExportedRequest

const cases: Record<string, ExportedCase> = {}
const large = ['conv', 'norm', 'mask', 'act']

beforeAll(async () => {
  const python = process.env['TORCH_PARITY_PYTHON']
  if (python === undefined) throw new Error('expected TORCH_PARITY_PYTHON to name a Python that has torch')
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'samples-')), 'sampled.msgpack')
  const env = { ...process.env, PYTHONPATH: path.resolve('python') }
  execFileSync(python, [path.join(import.meta.dirname, 'sampled.py'), file], { env })
  for await (const read of (await openFixture({ name: file, open: () => createReadStream(file) })).cases()) {
    if ('error' in read) throw read.error
    cases[read.case.id] = read.case as ExportedCase
  }
}, 60_000)

const can = (): ExportedCase => cases['can']!

/** Our engine, whose tensor is changed. */
function port(change: (outputs: Outputs, request: Request) => Outputs, parts = true): Engine {
  return {
    name: 'port',
    supports: (request) => parts || (isExported(request) && request.config.part === undefined) || 'takes whole models',
    run: async (request) => change(await engine.run(request), request),
  }
}

const withNumber = (tap: string, place: number, by: number): Engine =>
  port((outputs) => {
    const own = outputs[tap]
    if (own === undefined) return outputs
    return { ...outputs, [tap]: changed(own, (data) => (data[place] = data[place]! + by)) }
  })

function changed(tensor: FloatTensor, change: (data: number[]) => void): FloatTensor {
  const data = Array.from(tensor.data)
  change(data)
  return floatTensor(tensor.dtype, tensor.shape, data)
}

describe('taps of which samples are kept', () => {
  it('are the large ones, and match where everything is right', async () => {
    expect(Object.keys(can().samples!)).toStrictEqual(large)
    expect(Object.keys(can().expected)).toStrictEqual(['output'])
    const verdict = await verify(can(), engine)
    expect(verdict).toMatchObject({ outcome: 'match', taps: { given: 4, of: 4 } })
    expect(verdict.comparisons.map(({ tensor }) => tensor)).toStrictEqual([...large, 'output'])
    expect(verdict.comparisons[0]!.sampled).toStrictEqual({ of: 9600 })
  })

  it('are off where one number is that is no sample, and only the tap is to blame', async () => {
    const { places } = can().samples!['norm']!
    const beside = places.findIndex((place, i) => i > 20 && place + 1 !== places[i + 1])
    for (const by of [1e-3, -1e-3, 1, Number.NaN, Infinity, -Infinity]) {
      const verdict = await verify(can(), withNumber('norm', places[beside]! + 1, by))
      expect(verdict).toMatchObject({ outcome: 'mismatch', blame: [{ tap: 'norm' }] })
      expect(verdict.comparisons[1]!.differing).toBe(0)
    }
    const text = renderMismatch('x', await verify(can(), withNumber('norm', places[beside]! + 1, 1e-2)))
    expect(text).toMatch(/norm: 0 of \d+ samples of 9600 elements differ/)
    expect(text).toMatch(/1 of \d+ weighted sums of all elements differ; worst: of elements \[0, \d, \d+, \d+\] to \[/)
  })

  it('are off where another kind of number stands for minus infinity, and where one is on top', async () => {
    for (const other of [Number.NaN, Infinity, 0]) {
      const verdict = await verify(
        can(),
        port((outputs) => {
          const { mask } = outputs
          if (mask === undefined) return outputs
          const { places } = can().samples!['mask']!
          const first = mask.data.findIndex((own, i) => own === -Infinity && !places.includes(i))
          return { ...outputs, mask: changed(mask, (data) => (data[first] = other)) }
        }),
      )
      expect(verdict).toMatchObject({ outcome: 'mismatch', blame: [{ tap: 'mask' }] })
      expect(verdict.comparisons[2]).toMatchObject({ differing: 0, share: Infinity })
    }
  })

  it('say where in the tensor the worst sample is', async () => {
    const place = can().samples!['norm']!.places[7]!
    const verdict = await verify(can(), withNumber('norm', place, 0.5))
    const index = [0, Math.floor(place / 1200), Math.floor((place % 1200) / 30), place % 30]
    expect(verdict.comparisons[1]).toMatchObject({ differing: 1, worst: { index } })
  })

  it('do not match with two numbers in each other’s place, nor with a sign turned, nor with another shape', async () => {
    const turns: ((data: number[]) => void)[] = [
      (data) => ([data[1000], data[1001]] = [data[1001]!, data[1000]!]),
      (data) => (data[5001] = -data[5001]!),
      (data) => data.unshift(data.pop()!),
      (data) => data.fill(0),
    ]
    for (const turn of turns) {
      const verdict = await verify(
        can(),
        port((outputs) => ({ ...outputs, ...(outputs['conv'] && { conv: changed(outputs['conv'], turn) }) })),
      )
      expect(verdict.comparisons[0]!.outcome).toBe('mismatch')
    }
    const other = await verify(
      can(),
      port((outputs) => ({ ...outputs, conv: { ...outputs['conv']!, shape: [1, 8, 30, 40] } }), false),
    )
    expect(other.comparisons[0]!.problem).toBe('expected shape (1, 8, 40, 30), got (1, 8, 30, 40)')
  })

  it('are found under another name, and with their axes turned', async () => {
    const verdict = await verify(
      can(),
      port((outputs) => {
        const { norm, ...rest } = outputs
        if (norm === undefined) return outputs
        const data = Float32Array.from({ length: 9600 }, (_, i) => norm.data[(i % 8) * 1200 + Math.floor(i / 8)]!)
        return { ...rest, bn: floatTensor('float32', [1, 40, 30, 8], data) }
      }, false),
    )
    expect(verdict).toMatchObject({ outcome: 'match', correspondences: [{ tensor: 'bn', tap: 'norm' }] })
  })

  it('are computed by our engine where something is asked for from them alone', async () => {
    const { cases: parts, unasked } = partsOf(can())
    expect(unasked).toStrictEqual({})
    expect(parts.map(({ config }) => config.part)).toStrictEqual([...large, 'output'])
    const wrong = await verify(
      can(),
      port((outputs, request) => {
        const isPart = isExported(request) && request.config.part === 'act'
        return isPart ? { act: changed(outputs['act']!, (data) => (data[9] = data[9]! + 1e-3)) } : outputs
      }),
    )
    // Where the whole is right parts are not asked for.
    expect(wrong.outcome).toBe('match')
    const both = await verify(
      can(),
      port((outputs) => {
        const { conv, act } = outputs
        const off = (own: FloatTensor): FloatTensor => changed(own, (data) => (data[9] = data[9]! + 1e-2))
        return { ...outputs, ...(conv && { conv: off(conv) }), ...(act && { act: off(act) }) }
      }),
    )
    const names = both.parts!.filter(({ outcome }) => outcome === 'mismatch').map(({ tensor }) => tensor)
    expect(names).toStrictEqual(['conv', 'act'])
    expect(both.unasked).toBeUndefined()
  })

  it('are not asked for alone where our engine cannot compute them, and that is said', async () => {
    const recorded = cases['cannot']!
    expect(partsOf(recorded).cases).toStrictEqual([])
    const { unasked } = partsOf(recorded)
    expect(unasked['norm']).toContain('samples are kept of norm: our engine computes no aten.special_bessel_j0')
  })

  it('are not asked for alone where our engine gives other numbers', () => {
    const recorded = can()
    const norm = recorded.samples!['norm']!
    const sums = norm.sums.map((sum, i) => (i === 3 ? sum + 1 : sum))
    const { cases: parts, unasked } = partsOf({
      ...recorded,
      samples: { ...recorded.samples, norm: { ...norm, sums } },
    })
    expect(parts.map(({ config }) => config.part)).toStrictEqual(['conv', 'act', 'output'])
    const said = 'samples are kept of norm: our engine gives other numbers than PyTorch’s samples'
    expect(unasked).toStrictEqual({ norm: said, mask: said })
  })

  it('are explained', async () => {
    const request = { ...can(), config: { ...can().config, nodes: withEps(can()) } }
    const { explanations } = diagnose(can(), await engine.run(request), { limitMs: 20_000 })
    expect(explanations[0]?.complete).toBe(true)
    expect(explanations[0]?.advice?.[0]?.term).toContain('batch_norm')
  }, 60_000)

  it('are decided by their samples', async () => {
    const { norm } = can().samples!
    const budget = { ...norm!.budget, data: norm!.budget.data.map(() => 100) }
    const recorded = { ...can(), samples: { ...can().samples, norm: { ...norm!, budget } } }
    expect(await verify(recorded, engine)).toMatchObject({ outcome: 'undecided' })
  })
})

/** As an engine has it that leaves out what is added to the variance. */
function withEps({ config }: ExportedCase): ExportedCase['config']['nodes'] {
  return config.nodes.map((node) =>
    node.op.includes('batch_norm') ? { ...node, args: { ...node.args, eps: 0 } } : node,
  )
}

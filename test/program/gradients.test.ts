import { execFileSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openFile } from '../../src/cli/files.ts'
import { engine, type Engine, supports } from '../../src/engine/run.ts'
import { type Case, type ExportedRequest, type Outputs } from '../../src/format/case.ts'
import { verify } from '../../src/verify.ts'
import { opinfo, isSupported, rightShare } from './opinfo.ts'

type ExportedCase = Case & ExportedRequest
const cases: Record<string, ExportedCase> = {}
const mixed = (): ExportedCase => cases['mixed']!

beforeAll(async () => {
  const python = process.env['TORCH_PARITY_PYTHON']
  if (python === undefined) throw new Error('expected TORCH_PARITY_PYTHON to name a Python that has torch')
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'gradients-')), 'gradients.msgpack')
  const env = { ...process.env, PYTHONPATH: path.resolve('python') }
  execFileSync(python, [path.join(import.meta.dirname, 'gradients.py'), file], { env })
  for await (const read of (await openFile(file)).cases()) {
    if ('error' in read) throw read.error
    cases[read.case.id] = read.case as ExportedCase
  }
}, 60_000)

const changed = (change: (outputs: Outputs) => Outputs): Engine => ({
  name: 'port',
  run: async (request) => change(await engine.run(request)),
})

describe('gradients of a captured model', () => {
  it('are by every parameter and every input of floats, and by no buffer', () => {
    const names = mixed().config.gradients!.map(({ name }) => name)
    expect(names).toContain('grad_scale')
    expect(names).toContain('grad_unread')
    expect(names).not.toContain('grad_symbols')
    expect(names.some((name) => name.includes('running'))).toBe(false)
    expect(Object.keys(mixed().cotangents!).toSorted()).toStrictEqual(['output.0', 'output.2'])
  })

  it('match PyTorch’s in our engine, also where samples of them are kept', async () => {
    expect(Object.keys(cases['few']!.samples!)).toContain('grad_embedding.weight')
    for (const recorded of Object.values(cases)) {
      const verdict = await verify(recorded, engine)
      expect(verdict).toMatchObject({ id: recorded.id, outcome: 'match' })
      const { taps, gradients } = recorded.config
      expect(verdict.comparisons).toHaveLength(taps.length + gradients!.length)
    }
  })

  it('are wrong where any one is left out, zero, or 1 % larger', async () => {
    for (const { name } of mixed().config.gradients!) {
      const without = await verify(
        mixed(),
        changed((outputs) => Object.fromEntries(Object.entries(outputs).filter(([own]) => own !== name))),
      )
      expect(without.outcome).toBe('mismatch')
      if (mixed().expected[name]!.data.every((own) => own === 0)) continue
      for (const by of [0, 1.01, -1]) {
        const verdict = await verify(
          mixed(),
          changed((outputs) => {
            const own = outputs[name]!
            return { ...outputs, [name]: { ...own, data: own.data.map((x) => x * by) } as typeof own }
          }),
        )
        const off = verdict.comparisons.filter(({ outcome }) => outcome === 'mismatch').map(({ tensor }) => tensor)
        expect({ by, off }).toStrictEqual({ by, off: [name] })
      }
    }
  })

  it('are not asked for by parts', async () => {
    const asked: ExportedRequest[] = []
    await verify(mixed(), {
      name: 'port',
      supports: () => true,
      run: async (request) => {
        asked.push(request as ExportedRequest)
        const { 'output.0': output, ...rest } = await engine.run(request)
        return output === undefined ? rest : { ...rest, 'output.0': { ...output, data: output.data.map(() => 0) } }
      },
    } as Engine)
    const parts = asked.filter(({ config }) => config.part !== undefined)
    expect(parts.length).toBeGreaterThan(3)
    expect(parts.filter(({ cotangents }) => cotangents !== undefined)).toStrictEqual([])
  })

  it('are refused by our engine where they would go through what it has no derivative of', () => {
    const recorded = mixed()
    const nodes = recorded.config.nodes.map((node) =>
      node.op.includes('gelu') ? { ...node, op: 'aten.frac.default' } : node,
    )
    expect(supports({ ...recorded, config: { ...recorded.config, nodes } })).toBe('computes no gradient of frac')
    const { cotangents: _, ...forward } = recorded
    expect(supports({ ...forward, config: { ...recorded.config, nodes } })).toBe(true)
  })
})

it('gradients of PyTorch’s own test inputs are computed as PyTorch does', async () => {
  const operations =
    `add sub mul div pow exp log sqrt rsqrt erf clamp where masked_fill maximum sigmoid tanh matmul bmm addmm
    nn.functional.linear nn.functional.scaled_dot_product_attention nn.functional.conv1d nn.functional.conv2d
    nn.functional.conv_transpose1d nn.functional.conv_transpose2d nn.functional.layer_norm nn.functional.group_norm
    nn.functional.gelu nn.functional.silu nn.functional.elu nn.functional.softplus nn.functional.max_pool2d
    nn.functional.avg_pool2d nn.functional.adaptive_avg_pool2d nn.functional.pad nn.functional.cross_entropy
    nn.functional.embedding sum mean var amax cumsum softmax log_softmax logsumexp sort topk gather index_select cat stack
    split select flip roll permute expand repeat tril unfold`
      .trim()
      .split(/\s+/)
  const { tallies } = await opinfo({ samples: 3, seed: 1, dtype: 'float32', operations, gradients: true })
  const few = [...tallies].filter(([, own]) => isSupported(own) && rightShare(own) < 0.95)
  expect(few.map(([name, own]) => ({ name, ...own }))).toStrictEqual([])
  const others = [...tallies].flatMap(([name, own]) => (isSupported(own) ? [] : [name]))
  expect(others).toStrictEqual([])
  expect([...tallies.values()].reduce((sum, own) => sum + own.matched, 0)).toBeGreaterThan(120)
}, 200_000)

import { describe, expect, it } from 'vitest'
import type { Outputs, Request } from '../../src/format/case.ts'
import { type Conduct, difference, fails, watched } from '../../src/verify/conduct.ts'
import { engine, type Engine, run } from '../../src/engine/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { requestOf } from '../../src/verify.ts'
import { cellCase, layerCase } from '../sample.ts'

const giving = (own: (request: Request) => unknown): Engine => ({ name: 'port', run: own as Engine['run'] })

/** What is seen of an engine that is asked for some requests, one after the other. */
async function seen(own: Engine, ...requests: readonly Request[]): Promise<Conduct[]> {
  const watch = watched(own)
  for (const request of requests) await watch.engine.run(request)
  return watch.take()
}

const one = requestOf(layerCase({}, 1))
const two = requestOf(layerCase({}, 2))

describe('watched', () => {
  it('sees nothing of an engine that only computes', async () => {
    expect(await seen(engine, one, two, one)).toStrictEqual([])
  })

  it.each(['inputs.input', 'inputs.h_0', 'params.weight_hh_l0', 'cotangents.output'])(
    'sees what is written into %s, and where',
    async (name) => {
      const request = requestOf(layerCase({ cotangents: true }))
      const [group, tensor] = name.split('.') as ['inputs', string]
      const { data } = (request[group] as unknown as Outputs)[tensor]!
      const before = data[2]
      const writing = giving((own) => {
        const outputs = run(own)
        data[2] = 7
        return outputs
      })
      expect(await seen(writing, request)).toStrictEqual([
        { kind: 'inputs written', text: `${name} was written into, first at element 2: ${before} has become 7` },
      ])
    },
  )

  it('sees it of a run that throws, too', async () => {
    const request = requestOf(layerCase())
    const watch = watched(
      giving(() => {
        request.inputs.input!.data[0] = 7
        throw new Error('boom')
      }),
    )
    await expect(watch.engine.run(request)).rejects.toThrow('boom')
    expect(watch.take().map(({ kind }) => kind)).toStrictEqual(['inputs written'])
  })

  it('sees that a later run overwrites what an earlier one has returned', async () => {
    const buffer = new Float32Array(100)
    const reusing = giving((request) => {
      const { h_n, output, ...rest } = run(request)
      buffer.set(h_n!.data)
      return { ...rest, ...(output && { output }), h_n: { ...h_n!, data: buffer.subarray(0, h_n!.data.length) } }
    })
    const found = await seen(reusing, one, two)
    expect(found.map(({ kind }) => kind)).toStrictEqual(['outputs overwritten'])
    expect(found[0]?.text).toMatch(
      /^h_n of the run before was changed by this one, first at element 0: .+ has become .+$/,
    )
    // The same numbers once more are no change.
    expect(await seen(reusing, one, one)).toStrictEqual([])
  })

  it('sees outputs that share memory, and takes that for no fault', async () => {
    const sharing = giving((request) => {
      const { output } = run(request)
      const size = output!.data.length
      return { output: output!, h_n: viewOf(output!.data, size - 6, 6) }
    })
    const found = await seen(sharing, one)
    expect(found).toStrictEqual([{ kind: 'outputs aliased', text: 'output and h_n share memory' }])
    expect(found.some((each) => fails(each))).toBe(false)
  })

  it('does not take parts of one buffer that do not overlap for shared', async () => {
    const heap = new Float32Array(100)
    const heaped = giving((request) => {
      let at = 0
      return Object.fromEntries(
        Object.entries(run(request)).map(([name, tensor]) => {
          const view = heap.slice().subarray(at, at + tensor.data.length)
          view.set(tensor.data)
          at += tensor.data.length
          return [name, { ...tensor, data: view }]
        }),
      )
    })
    expect(await seen(heaped, one, two)).toStrictEqual([])
  })

  it.each([undefined, null, 'nothing', { output: 1 }, { output: { data: [1] } }])(
    'takes an engine that gives %j as it is',
    async (outputs) => {
      expect(
        await seen(
          giving(() => outputs),
          one,
          two,
        ),
      ).toStrictEqual([])
    },
  )
})

function viewOf(data: Float32Array | Float64Array, from: number, size: number): unknown {
  return { dtype: 'float32', shape: [1, 2, 3], data: data.subarray(from, from + size) }
}

describe('difference', () => {
  const outputs = (...values: readonly number[]): Outputs => ({ h_1: floatTensor('float64', [2, 2], values) })

  it.each<[string, unknown, unknown, string | undefined]>([
    ['the same', outputs(1, 2, 3, 4), outputs(1, 2, 3, 4), undefined],
    ['the same NaN', outputs(Number.NaN, 0, 0, 0), outputs(Number.NaN, 0, 0, 0), undefined],
    [
      'the last bit',
      outputs(1, 2, 3, 4),
      outputs(1, 2, 3 + 2 ** -51, 4 + 2 ** -50),
      'h_1 [1, 0] is 3, and then 3.0000000000000004 (2 of 4 elements differ)',
    ],
    [
      'the sign of zero',
      outputs(0, 0, 0, 0),
      outputs(0, -0, 0, 0),
      'h_1 [0, 1] is 0, and then 0 (1 of 4 elements differ)',
    ],
    ['a tensor too few', outputs(1, 2, 3, 4), {}, 'h_1 is float64 (2, 2) of 4 numbers, and then not there'],
    ['nothing at all', outputs(1, 2, 3, 4), undefined, 'h_1 is float64 (2, 2) of 4 numbers, and then not there'],
    [
      'another shape and dtype',
      outputs(1, 2, 3, 4),
      { h_1: { ...outputs(1, 2, 3, 4)['h_1'], shape: [4], dtype: 'banana' } },
      'h_1 is float64 (2, 2) of 4 numbers, and then banana (4) of 4 numbers',
    ],
    [
      'a tensor too many, of another kind',
      outputs(1, 2, 3, 4),
      { ...outputs(1, 2, 3, 4), foo: 1 },
      'foo is not there, and then undefined (undefined) of undefined',
    ],
    [
      'another size',
      outputs(1, 2, 3, 4),
      { h_1: floatTensor('float64', [1], [1]) },
      'h_1 is float64 (2, 2) of 4 numbers, and then float64 (1) of 1 numbers',
    ],
  ])('of %s', (_, first, second, words) => {
    expect(difference(first, second)).toBe(words)
  })
})

it('a cell is watched as a layer is', async () => {
  expect(await seen(engine, requestOf(cellCase()))).toStrictEqual([])
})

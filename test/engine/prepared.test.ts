import { describe, expect, it } from 'vitest'
import type { Outputs, Request } from '../../src/format/case.ts'
import { asked, isPreparing, type Prepared, type PreparingEngine } from '../../src/engine/prepared.ts'
import { run } from '../../src/engine/run.ts'
import { requestOf } from '../../src/verify.ts'
import { layerCase } from '../sample.ts'

interface Handle {
  readonly prepared: Prepared
  readonly number: number
}

/** A port that counts how often it prepares, and what it lets go. */
function counting(): PreparingEngine & { readonly prepared: Prepared[]; readonly released: number[] } {
  const prepared: Prepared[] = []
  const released: number[] = []
  return {
    name: 'port',
    prepared,
    released,
    prepare(request) {
      prepared.push(request)
      return { prepared: request, number: prepared.length } satisfies Handle
    },
    run: (handle, inputs, cotangents): Outputs =>
      run({ ...(handle as Handle).prepared, inputs, ...(cotangents && { cotangents }) } as Request),
    release: (handle) => released.push((handle as Handle).number),
  }
}

describe('an engine that prepares', () => {
  it('is asked by its handle, which is made once for each set of parameters', async () => {
    const port = counting()
    const engine = asked(port)
    const [one, two] = [layerCase({ cotangents: true }, 1), layerCase({}, 2)].map((recorded) => requestOf(recorded))
    for (const request of [one!, two!, one!, one!]) expect(await engine.run(request)).toStrictEqual(run(request))
    expect(port.prepared.map(({ params }) => params)).toStrictEqual([one!.params, two!.params])
    for (const request of port.prepared) {
      expect(request).not.toHaveProperty('inputs')
      expect(request).not.toHaveProperty('cotangents')
    }
    expect(port.released).toStrictEqual([])
    await engine.release()
    expect(port.released).toStrictEqual([1, 2])
    await engine.run(one!)
    expect(port.prepared).toHaveLength(3)
  })

  it('is asked to prepare again where it could not', async () => {
    const port = counting()
    let times = 0
    const engine = asked({
      ...port,
      prepare(request) {
        if (times++ === 0) throw new Error('busy')
        return port.prepare(request)
      },
    })
    const request = requestOf(layerCase())
    await expect(engine.run(request)).rejects.toThrow('busy')
    expect(await engine.run(request)).toStrictEqual(run(request))
  })

  it('is told from one that does not', () => {
    expect(isPreparing(counting())).toBe(true)
    expect(isPreparing({ name: 'port', run })).toBe(false)
  })
})

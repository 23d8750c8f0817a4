import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { openFile } from '../../src/cli/files.ts'
import { encodeSafetensors } from '../../src/format/actual/safetensors.ts'
import type { Case, ExportedRequest } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { openFixture } from '../../src/format/fixture.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { capturedBytes, capturedRecord, programRecord, weightsRecord } from '../captured.ts'
import { changed, gone, paths } from '../mutated.ts'
import { sourceOf } from '../sample.ts'

const first = weightsRecord.params['first.weight'] as { dtype: 'float32'; shape: number[]; data: Uint8Array }
const stored = {
  file: 'weights/model.safetensors',
  name: 'encoder.weight',
  sha256: new Uint8Array(createHash('sha256').update(first.data).digest()),
}
const named = {
  ...weightsRecord,
  params: { ...weightsRecord.params, 'first.weight': { dtype: first.dtype, shape: first.shape, stored } },
}
const numbers = new Float32Array(Uint8Array.from(first.data).buffer)

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'stored-'))
  await mkdir(path.join(folder, 'in/weights'), { recursive: true })
})

async function writeWeights(
  data: Float32Array | Float64Array,
  shape = first.shape,
  name = stored.name,
  file = 'in/weights',
): Promise<void> {
  const tensor = floatTensor(data instanceof Float64Array ? 'float64' : 'float32', shape, data)
  await writeFile(path.join(folder, file, 'model.safetensors'), encodeSafetensors({ [name]: tensor }))
}

/** What comes of a fixture in the folder, whose weights are these: the numbers of the weight, or what is said. */
async function read(weights: unknown): Promise<number[] | string> {
  const file = path.join(folder, 'in/case.msgpack')
  await writeFile(file, capturedBytes([programRecord, weights, capturedRecord]))
  try {
    for await (const each of (await openFile(file)).cases()) {
      if ('error' in each) throw each.error
      return Array.from((each.case as Case & ExportedRequest).params['first.weight']!.data)
    }
  } catch (error) {
    if (error instanceof ParityError) return error.message.replaceAll(folder, '')
    throw error
  }
  return 'no case'
}

describe('weights that stay in a file beside the fixture', () => {
  it('are read from there', async () => {
    await writeWeights(numbers)
    expect(await read(named)).toStrictEqual([...numbers])
  })

  it.each<[what: string, write: () => Promise<void>, said: RegExp]>([
    ['missing', async () => {}, /^\/in\/weights\/model\.safetensors: expected a readable file, got ENOENT/],
    [
      'with another number',
      () => writeWeights(numbers.map((x, i) => (i === 5 ? x + 1 : x))),
      /encoder\.weight: expected the numbers that were captured, sha256 [0-9a-f]{16}…, got others, [0-9a-f]{16}…\nput the file back/,
    ],
    ['with a zero of the other sign', () => writeWeights(numbers.map((x, i) => (i === 0 ? -x : x))), /got others/],
    [
      'of another shape',
      () => writeWeights(numbers, [3, 2]),
      /expected float32 of shape \(2, 3\), got float32 of shape \(3, 2\)/,
    ],
    [
      'of another dtype',
      () => writeWeights(Float64Array.from(numbers)),
      /expected float32 of shape \(2, 3\), got float64 of shape/,
    ],
    [
      'of another name',
      () => writeWeights(numbers, first.shape, 'other'),
      /encoder\.weight: expected a tensor of this name, got none/,
    ],
    [
      'no safetensors file',
      () => writeFile(path.join(folder, 'in/weights/model.safetensors'), 'pickle'),
      /expected a header of at least 8 bytes, got 6/,
    ],
    [
      'a folder',
      () => mkdir(path.join(folder, 'in/weights/model.safetensors')),
      /expected a regular file, got a folder|EISDIR/,
    ],
    [
      'a link that leads out of the folder',
      async () => {
        await writeWeights(numbers, first.shape, stored.name, '.')
        await symlink(path.join(folder, 'model.safetensors'), path.join(folder, 'in/weights/model.safetensors'))
      },
      /expected a file in the folder of the fixture, got weights\/model\.safetensors, a link that leads out of it/,
    ],
  ])('are refused where the file is %s', async (_, write, said) => {
    await rm(path.join(folder, 'in/weights/model.safetensors'), { force: true, recursive: true })
    await write()
    expect(await read(named)).toMatch(said)
  })

  it.each([
    '../model.safetensors',
    '/etc/passwd',
    'weights/../../model.safetensors',
    '..',
    'a\0b',
    'weights/../weights/../../x',
  ])('are not looked for in %j', async (file) => {
    await writeWeights(numbers, first.shape, stored.name, '.')
    const own = changed(named, ['params', 'first.weight', 'stored', 'file'], file)
    expect(await read(own)).toMatch(/expected (?:a file in the folder of the fixture|no control character), got/)
  })

  it('are refused where nothing can be opened', async () => {
    const bytes = capturedBytes([programRecord, named, capturedRecord])
    const reading = async (): Promise<void> => {
      for await (const each of (await openFixture(sourceOf(bytes))).cases()) expect(each).toBeUndefined()
    }
    await expect(reading()).rejects.toThrow(
      'expected its numbers in the fixture, got a file, weights/model.safetensors, that cannot be opened from here',
    )
  })

  it('with any value of the record replaced are an error, or the same numbers', async () => {
    await writeWeights(numbers)
    const odd = [
      gone,
      null,
      0,
      -1,
      1e12,
      '',
      'x',
      '\u001B[2J',
      '__proto__',
      'toString',
      [],
      {},
      new Uint8Array(3),
      new Uint8Array(32),
    ]
    const wrong: string[] = []
    for (const at of paths(named.params['first.weight'])) {
      for (const to of odd) {
        const found = await read(changed(named, ['params', 'first.weight', ...at], to))
        const isRight =
          typeof found === 'string'
            ? /expected .*got|expected no key/.test(found)
            : String(found) === String([...numbers])
        if (!isRight) wrong.push(`${at.join('.')} = ${JSON.stringify(to)}: ${String(found)}`)
      }
    }
    expect(wrong).toStrictEqual([])
  })
})

import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../../src/format/actual/safetensors.ts'
import { ParityError } from '../../src/format/errors.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { layoutOf } from '../../src/layout.ts'
import { readWeights } from '../../src/ports/weights.ts'
import { it as withFolder } from '../cli/command.ts'
import { random } from '../random.ts'

const made = fileURLToPath(new URL('../format/weights/', import.meta.url))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torch-parity-weights-'))
})
afterAll(() => rm(folder, { recursive: true }))

const bytesOf = (name: string): Promise<Buffer> => readFile(join(made, name))

/** `read`, or the code of the ParityError that reading ends with; any other error in words. */
async function outcomeOf(name: string, bytes: Uint8Array | string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, bytes)
  try {
    await readWeights(file)
    return 'read'
  } catch (error) {
    return error instanceof ParityError ? error.code : `threw ${String(error)}`
  }
}

async function messageOf(name: string, bytes: Uint8Array | string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, bytes)
  return readWeights(file).then(
    () => 'read',
    (error: unknown) => (error as Error).message.replaceAll(`${folder}/`, ''),
  )
}

describe('readWeights', () => {
  it.each([
    [
      'gru.safetensors',
      'gru.weights.h5',
      ['layers/gru/cell/vars/0', 'layers/gru/cell/vars/1', 'layers/gru/cell/vars/2'],
    ],
    ['both.safetensors', 'both.onnx', undefined],
    ['both.safetensors', 'beside.onnx', undefined],
    ['lstm.safetensors', 'model.json', ['lstm/kernel', 'lstm/recurrent_kernel', 'lstm/bias']],
  ])('reads what %s is in %s, as its framework has written it', async (stateDict, port, names) => {
    const tensors = await readWeights(join(made, port))
    if (names !== undefined) expect(Object.keys(tensors)).toEqual(names)
    const { findings, unused } = layoutOf(await readWeights(join(made, stateDict)), tensors)
    expect(findings.map(({ status }) => status)).toEqual(['matched', 'matched', 'matched'])
    expect(unused).toEqual([])
  })

  it('leaves out what a state_dict counts', async () => {
    const [head, ...data] = encodeSafetensors({
      num_batches_tracked: { dtype: 'int64', shape: [1], data: BigInt64Array.of(7n) },
      weight: floatTensor('float32', [2], [1, 2]),
    })
    await writeFile(join(folder, 'counts.safetensors'), Buffer.concat([head!, ...data]))
    expect(Object.keys(await readWeights(join(folder, 'counts.safetensors')))).toEqual(['weight'])
    const unknown = Buffer.from(
      Buffer.concat([head!, ...data])
        .toString('latin1')
        .replace('I64', 'X64'),
      'latin1',
    )
    expect(await messageOf('unknown.safetensors', unknown)).toBe(
      'unknown.safetensors: num_batches_tracked: expected F16, BF16, F32, F64, got X64',
    )
  })

  it('reads the weights of a .keras, which is an archive', async () => {
    const keras = zipSync({
      'model.weights.h5': [await bytesOf('gru.weights.h5'), { level: 0 }],
      'config.json': new Uint8Array(2),
    })
    await writeFile(join(folder, 'gru.keras'), keras)
    expect(await readWeights(join(folder, 'gru.keras'))).toEqual(await readWeights(join(made, 'gru.weights.h5')))
    expect(await messageOf('none.keras', zipSync({ 'config.json': new Uint8Array(2) }))).toBe(
      'none.keras: expected an archive with model.weights.h5, got one without it',
    )
  })

  it('reads weights of TensorFlow.js that are in several files, and in float16', async () => {
    const [bytes, json] = await Promise.all([bytesOf('model.weights.bin'), bytesOf('model.json')])
    await writeFile(join(folder, 'a.bin'), bytes.subarray(0, 101))
    await writeFile(join(folder, 'b.bin'), bytes.subarray(101))
    const parts = json.toString().replace('"./model.weights.bin"', '"a.bin","b.bin"')
    await writeFile(join(folder, 'parts.json'), parts)
    expect(await readWeights(join(folder, 'parts.json'))).toEqual(await readWeights(join(made, 'model.json')))
    await writeFile(join(folder, 'half.bin'), Uint8Array.of(0, 60, 0, 192))
    const half = { name: 'w', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } }
    await writeFile(
      join(folder, 'half.json'),
      JSON.stringify({ weightsManifest: [{ paths: ['half.bin'], weights: [half] }] }),
    )
    expect(await readWeights(join(folder, 'half.json'))).toEqual({
      w: { dtype: 'float16', shape: [2], data: Float32Array.of(1, -2) },
    })
  })
})

describe('files that are not what they say', () => {
  it('are refused when they are cut, wherever', async () => {
    const onnx = await bytesOf('both.onnx')
    const outcomes = new Set<string>()
    for (let length = 0; length < onnx.length; length += 3) {
      const outcome = await outcomeOf('cut.onnx', onnx.subarray(0, length))
      // What stands behind the graph is not needed.
      if (outcome !== 'read' || length < 2000) outcomes.add(outcome)
    }
    expect([...outcomes]).toEqual(['TENSORS_INVALID'])
    const h5 = await bytesOf('gru.weights.h5')
    for (let length = 0; length < h5.length; length += 500) {
      expect(await outcomeOf('cut.h5', h5.subarray(0, length))).toBe('TENSORS_INVALID')
    }
  })

  it.each(['both.onnx', 'gru.weights.h5', 'model.json'])(
    'end in an error of ours, however %s is altered',
    async (name) => {
      const numbers = random(1)
      const good = await bytesOf(name)
      await writeFile(join(folder, 'model.weights.bin'), await bytesOf('model.weights.bin'))
      for (let i = 0; i < 150; i++) {
        const bytes = Buffer.from(good)
        for (let j = 0; j < 4; j++) bytes[numbers.int(0, good.length - 1)] = numbers.int(0, 255)
        expect(await outcomeOf(name, bytes)).toMatch(/^(?:read|TENSORS_INVALID|FILE_UNREADABLE)$/)
      }
    },
  )

  const manifest = (changes: object, weight: object = {}): string =>
    JSON.stringify({
      weightsManifest: [
        { paths: ['w.bin'], weights: [{ name: 'w', shape: [2], dtype: 'float32', ...weight }], ...changes },
      ],
    })

  it.each([
    ['{', 'w.json: expected a model of TensorFlow.js in JSON, got '],
    ['{}', 'w.json: weightsManifest: expected array, got nothing'],
    [manifest({ paths: ['../w.bin'] }), 'w.json: expected a file in the folder of the model, got "../w.bin"'],
    [manifest({ paths: ['/etc/hostname'] }), 'w.json: expected a file in the folder of the model, got "/etc/hostname"'],
    [
      manifest({ paths: ['out'] }),
      'w.json: expected a file in the folder of the model, got out, a link that leads out of it',
    ],
    [manifest({}, { shape: [3] }), 'w.json: w: expected 12 bytes from 0 on in w.bin, got 8'],
    [manifest({}, { shape: [1] }), 'w.json: expected 4 bytes in w.bin, got 8'],
    [
      manifest({}, { dtype: 'float8' }),
      'w.json: w: expected float32, float16, int32, bool, uint8, uint16, complex64, got float8',
    ],
    [
      manifest({}, { quantization: { dtype: 'uint8', scale: 1, min: 0 } }),
      'w.json: w: expected weights as floats, got quantised to uint8: export them without quantisation',
    ],
    [manifest({}, { name: '__proto__' }), 'w.json: weightsManifest.0.weights.0.name: expected the name of a tensor'],
  ])('are refused in one line: %s', async (text, message) => {
    await writeFile(join(folder, 'w.bin'), new Uint8Array(8))
    await symlink('/etc/hostname', join(folder, 'out')).catch(() => {})
    expect(await messageOf('w.json', text)).toContain(message)
  })

  it('name no file out of their folder, as models of ONNX', async () => {
    const model = await bytesOf('beside.onnx')
    for (const [path, got] of [
      ['../e.bin..', '"../e.bin.."'],
      ['/tmp/a.bin', '"/tmp/a.bin"'],
    ] as const) {
      const altered = Buffer.from(model.toString('latin1').replaceAll('beside.bin', path), 'latin1')
      expect(altered.length).toBe(model.length)
      expect(await messageOf('e.onnx', altered)).toMatch(
        new RegExp(`^e\\.onnx: onnx::GRU_\\d+: expected a file in the folder of the model, got ${got}$`),
      )
    }
    await writeFile(join(folder, 'beside.bin'), (await bytesOf('beside.bin')).subarray(0, 600))
    expect(await messageOf('e.onnx', model)).toMatch(
      /^e\.onnx: onnx::GRU_\d+: expected bytes \d+ to \d+ of beside\.bin, got 600$/,
    )
  })

  it('may be groups of HDF5 that hold themselves', async () => {
    const file = createRequire(import.meta.url)
      .resolve.paths('h5wasm')!
      .map((own) => join(own, 'h5wasm/dist/esm/hdf5_hl.js'))
    const found = await Promise.any(file.map((own) => import(pathToFileURL(own).href) as Promise<typeof H5>))
    const { FS } = await found.ready
    const own = new found.File('/made.h5', 'w')
    own.create_group('a').create_hard_link('/a', 'b')
    own.close()
    expect(await messageOf('loop.h5', FS.readFile('/made.h5'))).toMatch(
      /^loop\.h5: expected groups at most 32 deep, got a\/b\/b\/b.*…$/,
    )
  })
})

/** What is used of h5wasm here. */
declare const H5: {
  readonly ready: Promise<{ readonly FS: { readFile(name: string): Uint8Array } }>
  readonly File: new (
    name: string,
    mode: 'w',
  ) => {
    create_group(name: string): { create_hard_link(target: string, name: string): void }
    close(): void
  }
}

describe('torch-parity map', () => {
  withFolder('asks for what reads HDF5 by its name', async ({ folder: own }) => {
    const file = join(made, 'gru.weights.h5')
    const { code, stderr } = await own.run(['map', join(made, 'gru.safetensors'), file], { env: { NODE_PATH: '' } })
    expect(stderr).toBe(
      `error ${file}: expected the package h5wasm, which reads HDF5, got none of that name\nnpm install h5wasm\n`,
    )
    expect(code).toBe(2)
  })
})

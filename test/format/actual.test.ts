import { encode } from '@msgpack/msgpack'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readActual } from '../../src/format/actual.ts'
import { readNpy } from '../../src/format/actual/npy.ts'
import { readNpz } from '../../src/format/actual/npz.ts'
import { readSafetensors } from '../../src/format/actual/safetensors.ts'
import { realPython } from '../cli/command.ts'
import { layerCase, tensorRecord } from '../sample.ts'

let folder: string

/** What numpy and the safetensors package themselves write. */
const script = `
import sys, json
import numpy as np
import torch
from safetensors.torch import save_file

values = (np.arange(24.0) / 7 - 1).reshape(2, 3, 4)
values[0, 0, :] = [np.nan, np.inf, -np.inf, -0.0]
for kind in ("f2", "f4", "f8"):
    for order in "<>":
        name = kind + ("little" if order == "<" else "big")
        np.save(f"{name}.npy", values.astype(order + kind))
np.save("fortran.npy", np.asfortranarray(values))
np.save("scalar.npy", np.float32(1.5))
np.save("vector.npy", np.arange(3.0))
np.save("empty.npy", np.zeros((0, 3)))
np.save("integers.npy", np.arange(3))
header = ("{'descr': '<f8', 'fortran_order': True, 'shape': (" + "1, " * 20_000 + "), }").encode()
with open("axes.npy", "wb") as file:
    file.write(b"\\x93NUMPY\\x02\\x00" + len(header).to_bytes(4, "little") + header + bytes(8))
np.savez("plain.npz", output=values, h_n=values[0])
np.savez_compressed("packed.npz", output=values, h_n=values[0])
tensors = {str(d).split(".")[1]: torch.tensor(values).to(d) for d in (torch.float16, torch.bfloat16, torch.float32, torch.float64)}
save_file(tensors, "all.safetensors", metadata={"made": "here"})
save_file({"integers": torch.arange(3)}, "integers.safetensors")
json.dump({k: [str(x) for x in t.double().flatten().tolist()] for k, t in tensors.items()}, open("values.json", "w"))
`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torch-parity-actual-'))
  await promisify(execFile)(realPython(), ['-c', script], { cwd: folder })
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

const read = (name: string): Promise<Uint8Array> => readFile(join(folder, name))

async function valuesOf(dtype: string): Promise<number[]> {
  const all = JSON.parse(await readFile(join(folder, 'values.json'), 'utf8')) as Record<string, string[]>
  const words: Record<string, number> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }
  return all[dtype]!.map((text) => words[text] ?? Number(text))
}

describe('readNpy', () => {
  it.each([
    ['f2', 'float16'],
    ['f4', 'float32'],
    ['f8', 'float64'],
  ])('reads %s of either byte order as %s', async (kind, dtype) => {
    for (const order of ['little', 'big']) {
      const tensor = readNpy(await read(`${kind}${order}.npy`), 'x.npy')
      expect(tensor).toMatchObject({ dtype, shape: [2, 3, 4] })
      expect([...tensor.data]).toEqual(await valuesOf(dtype))
    }
  })

  it('puts Fortran order into C order', async () => {
    const header = new TextDecoder('latin1').decode((await read('fortran.npy')).subarray(0, 80))
    expect(header).toContain("'fortran_order': True")
    expect([...readNpy(await read('fortran.npy'), 'x.npy').data]).toEqual(await valuesOf('float64'))
  })

  it.each([
    ['scalar', [], [1.5]],
    ['vector', [3], [0, 1, 2]],
    ['empty', [0, 3], []],
  ])('reads a %s', async (name, shape, values) => {
    const tensor = readNpy(await read(`${name}.npy`), 'x.npy')
    expect(tensor.shape).toEqual(shape)
    expect([...tensor.data]).toEqual(values)
  })

  it('refuses what is no float', async () => {
    const bytes = await read('integers.npy')
    expect(() => readNpy(bytes, 'x.npy')).toThrow('x.npy: expected an array of f2, f4 or f8, got <i8')
  })

  /** A file with another header, as long as before. */
  async function withHeader(from: string, to: string): Promise<Uint8Array> {
    const text = Buffer.from(await read('f8little.npy')).toString('latin1')
    expect(text).toContain(from)
    const header = text.slice(10, 128).trimEnd().replace(from, to).padEnd(117)
    return Uint8Array.from(Buffer.from(`${text.slice(0, 10)}${header}\n${text.slice(128)}`, 'latin1'))
  }

  it('refuses a header of many axes at once', async () => {
    const bytes = await read('axes.npy')
    expect(() => readNpy(bytes, 'x.npy')).toThrow('x.npy: expected a header of at most 10000 bytes, got 6')
  })

  it.each([
    ['(2, 3, 4)', '(2, 3, 5)', 'x.npy: expected 240 bytes for float64 of shape (2, 3, 5), got 192'],
    ['(2, 3, 4)', '(9999999,)', 'x.npy: expected 79999992 bytes for float64 of shape (9999999), got 19'],
    ['(2, 3, 4), }', '(999999999,)}', 'x.npy: expected 7999999992 bytes for float64 of shape (999999999), got 192'],
    ["'shape': (2, 3, 4), }", "'shape': (24,), 'descr': '<f4'}", "x.npy: expected a header with one 'descr', "],
    ["'fortran_order': False", "'descr': '<f4', 'x': ()", "x.npy: expected a header with one 'descr', "],
    ['(2, 3, 4)', '(2, 3 4,)', "x.npy: expected a header with one 'descr', "],
    ["'shape'", "'\\x73hape'", "x.npy: expected a header with one 'descr', "],
    ['(2, 3, 4)', `(${'1,'.repeat(9)})`, 'x.npy: expected at most 8 axes, got 9'],
    ["'<f8'", "'|O'", 'x.npy: expected an array of f2, f4 or f8, got |O'],
  ])('refuses a header that says %s is %s', async (from, to, message) => {
    const bytes = await withHeader(from, to)
    expect(() => readNpy(bytes, 'x.npy')).toThrow(message)
  })

  it('refuses a file that is cut off anywhere', async () => {
    const bytes = await read('f8little.npy')
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => readNpy(bytes.subarray(0, length), 'x.npy')).toThrow(/^x\.npy: expected /)
    }
  })
})

describe('readNpz', () => {
  it.each(['plain.npz', 'packed.npz'])('reads %s', async (name) => {
    const { output, h_n, ...rest } = readNpz(await read(name), name, 10_000)
    expect(rest).toEqual({})
    expect([...output!.data]).toEqual(await valuesOf('float64'))
    expect(h_n).toMatchObject({ shape: [3, 4] })
  })

  it('refuses what is no archive, and one that is cut off', async () => {
    expect(() => readNpz(new Uint8Array(50), 'x.npz', 10_000)).toThrow(
      'x.npz: expected a .npz file, got one without the end of an archive',
    )
    const bytes = await read('packed.npz')
    expect(() => readNpz(bytes.subarray(0, 200), 'x.npz', 10_000)).toThrow(/^x\.npz: expected a \.npz file, got /)
  })

  it('refuses what would unpack to more than a case can hold', () => {
    const bytes = zipSync({ 'output.npy': new Uint8Array(1000) })
    // Its size when unpacked stands at offset 24 of the central directory.
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]))
    new DataView(bytes.buffer).setUint32(at + 24, 2 ** 31, true)
    expect(() => readNpz(bytes, 'x.npz', 10_000)).toThrow('x.npz: expected at most 10000 bytes when unpacked, got more')
  })

  it.each([0, 6] as const)('refuses every byte that is another one, packed with level %i', async (level) => {
    const bytes = zipSync({ 'output.npy': await read('f8little.npy') }, { level, mtime: new Date(2020, 1, 1) })
    const right = readNpz(bytes, 'x.npz', 10_000)
    const passed: number[] = []
    for (let at = 0; at < bytes.length; at++) {
      const altered = bytes.slice()
      altered[at]! ^= 0x41
      let read: ReturnType<typeof readNpz>
      try {
        read = readNpz(altered, 'x.npz', 10_000)
      } catch (error) {
        expect(String(error)).toMatch(/^ParityError: x\.npz: /)
        continue
      }
      // A file of another name in the list is none of ours.
      if (Object.keys(read).length > 0) passed.push(at)
      if (Object.keys(read).length > 0) expect(read).toEqual(right)
    }
    // Versions, dates, attributes and what stands twice: nothing of the numbers.
    expect(passed.filter((at) => at >= 40 && at < bytes.length - 22 - 56)).toEqual([])
  })

  /** Writes a number at a place of the list of files of an archive. */
  const listed = (bytes: Uint8Array, offset: number, change: (before: number) => number): Uint8Array => {
    const altered = bytes.slice()
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + offset
    const view = new DataView(altered.buffer)
    view.setUint32(at, change(view.getUint32(at, true)), true)
    return altered
  }

  it('refuses a file that is cut, or that is longer or shorter than the archive says', async () => {
    const npy = await read('f8little.npy')
    for (const level of [0, 6] as const) {
      const bytes = zipSync({ 'output.npy': npy }, { level })
      for (const [offset, by] of [
        [20, -8],
        [24, -8],
        [24, 8],
      ] as const) {
        const altered = listed(bytes, offset, (before) => before + by)
        expect(() => readNpz(altered, 'x.npz', 10_000)).toThrow(/^x\.npz: output\.npy: expected /)
      }
    }
  })

  it('refuses two files of one name', async () => {
    const npy = await read('f8little.npy')
    const bytes = Buffer.from(zipSync({ 'output.npy': npy, 'outbut.npy': new Uint8Array(npy) }, { level: 0 }))
    const twice = Uint8Array.from(Buffer.from(bytes.toString('latin1').replaceAll('outbut', 'output'), 'latin1'))
    expect(() => readNpz(twice, 'x.npz', 10_000)).toThrow('x.npz: expected each file once, got output.npy twice')
  })

  it('says which of its arrays is wrong', () => {
    const bytes = zipSync({ 'output.npy': new Uint8Array(1000) })
    expect(() => readNpz(bytes, 'x.npz', 10_000)).toThrow(
      'x.npz: output.npy: expected a .npy file, got 1000 bytes that begin',
    )
  })
})

describe('readSafetensors', () => {
  const file = (header: unknown, data = new Uint8Array(16)): Uint8Array => {
    const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
    const bytes = new Uint8Array(8 + text.length + data.length)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
    bytes.set(text, 8)
    bytes.set(data, 8 + text.length)
    return bytes
  }
  const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32'): unknown => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  })

  it('reads every float that the package writes', async () => {
    const tensors = readSafetensors(await read('all.safetensors'), 'x')
    expect(Object.keys(tensors).toSorted()).toEqual(['bfloat16', 'float16', 'float32', 'float64'])
    for (const [dtype, tensor] of Object.entries(tensors)) {
      expect(tensor).toMatchObject({ dtype, shape: [2, 3, 4] })
      expect([...tensor.data]).toEqual(await valuesOf(dtype))
    }
  })

  it('refuses integers', async () => {
    const bytes = await read('integers.safetensors')
    expect(() => readSafetensors(bytes, 'x')).toThrow('x: integers: expected F16, BF16, F32, F64, got I64')
  })

  it.each([
    ['a hole', { a: entry(4, 16) }, 'x: a: expected offsets from 0 to at most 16, got 4 to 16'],
    ['an overlap', { a: entry(0, 12), b: entry(8, 16) }, 'x: b: expected offsets from 12 to at most 16, got 8 to 16'],
    ['more than there is', { a: entry(0, 20) }, 'x: a: expected offsets from 0 to at most 16, got 0 to 20'],
    ['an end before its begin', { a: entry(0, 12), b: entry(12, 8, [1]) }, 'x: b: expected offsets from 12'],
    ['bytes of nobody', { a: entry(0, 12) }, 'x: expected 12 bytes of tensors, got 16'],
    ['another shape', { a: entry(0, 16, [5]) }, 'x: a: expected 20 bytes for float32 of shape (5), got 16'],
    ['a huge shape', { a: entry(0, 16, [2 ** 40, 2 ** 40]) }, 'x: a: expected 4.835703278458517e+24 bytes'],
    [
      'a dtype of objects',
      { a: entry(0, 16, [4], 'constructor') },
      'x: a: expected F16, BF16, F32, F64, got constructor',
    ],
    ['a negative size', { a: entry(0, 16, [-4]) }, 'x: a: shape.0: expected at least 0, got -4'],
    [
      'a name twice',
      `{"a":${JSON.stringify(entry(0, 8))},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"\\u0061":${JSON.stringify(entry(0, 8))}}`,
      'x: expected each key once, got "a" twice',
    ],
    [
      'a key twice',
      '{"a":{"dtype":"F32","shape":[4],"shape":[2,2],"data_offsets":[0,16]}}',
      'x: expected each key once, got "shape" twice',
    ],
    ['no JSON', '{"a":', 'x: expected a header in JSON, got '],
    ['a list', '[]', 'x: expected record, got a list'],
  ])('refuses %s', (_, header, message) => {
    expect(() => readSafetensors(file(header), 'x')).toThrow(message)
  })

  it('refuses a header that is longer than the file', () => {
    const bytes = file({ a: entry(0, 16) })
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 60n, true)
    expect(() => readSafetensors(bytes, 'x')).toThrow(
      /^x: expected a header of 1152921504606847000 bytes, got a file of/,
    )
    expect(() => readSafetensors(bytes.subarray(0, 7), 'x')).toThrow('x: expected a header of at least 8 bytes, got 7')
  })
})

describe('readActual', () => {
  const recorded = layerCase()
  const { output, h_n } = recorded.expected

  it('reads MessagePack as fixtures hold tensors', () => {
    const bytes = encode({ output: tensorRecord(output!), h_n: tensorRecord(h_n!) })
    expect(readActual('a.msgpack', bytes, recorded)).toEqual({ outputs: { output, h_n }, notes: [] })
  })

  it('says what is missing and what the case has no place for', () => {
    const bytes = encode({ h_n: tensorRecord(h_n!), other: tensorRecord(h_n!) })
    const { outputs, notes } = readActual('a.msgpack', bytes, recorded)
    expect(outputs).toEqual({ h_n })
    expect(notes).toEqual(['other is not of this case and was left out', 'not given, and not judged: output'])
  })

  it('rounds what is wider, and nothing that is narrower', async () => {
    const wide = readActual('output.npy', await read('f8little.npy'), recorded)
    expect(wide.outputs['output']).toMatchObject({ dtype: 'float32', shape: [2, 3, 4] })
    expect(wide.notes[0]).toBe('output was rounded from float64 to float32')
    expect([...wide.outputs['output']!.data]).toEqual(await valuesOf('float32'))
    const narrow = readActual('output.npy', await read('f2little.npy'), recorded)
    expect(narrow.outputs['output']).toMatchObject({ dtype: 'float16' })
  })

  it.each([
    ['folder/h_n.npy', 'h_n'],
    ['result.npy', 'output'],
  ])('takes %s for %s', async (name, tensor) => {
    expect(Object.keys(readActual(name, await read('f4little.npy'), recorded).outputs)).toEqual([tensor])
  })

  it.each([
    ['a.txt', new Uint8Array(), 'a.txt: expected a file .npy, .npz, .safetensors, .msgpack, got .txt'],
    ['a', new Uint8Array(), 'a: expected a file .npy, .npz, .safetensors, .msgpack, got no such name'],
    [
      '../folder/b',
      new Uint8Array(),
      '../folder/b: expected a file .npy, .npz, .safetensors, .msgpack, got no such name',
    ],
    ['a.toString', new Uint8Array(), 'got .toString'],
    ['a.msgpack', encode({ y: tensorRecord(h_n!) }), 'a.msgpack: expected one of output, h_n, got y'],
    ['a.msgpack', encode({}), 'a.msgpack: expected one of output, h_n, got no tensor'],
    ['a.msgpack', encode({ h_n: [1, 2] }), 'a.msgpack: h_n: expected object, got a list'],
    [
      'a.msgpack',
      Uint8Array.of(0x82, 0xa3, 0x68, 0x5f, 0x6e, 0xc0, 0xd9, 3, 0x68, 0x5f, 0x6e, 0xc0),
      'a.msgpack: expected each key of a map once, got "h_n" twice',
    ],
    ['a.msgpack', Uint8Array.of(0xc1), 'a.msgpack: expected a map of tensors in MessagePack, got '],
    [
      'a.msgpack',
      encode({ h_n: { ...tensorRecord(h_n!), shape: [9] } }),
      'a.msgpack: h_n: expected 36 bytes for float32',
    ],
  ])('refuses %s', (name, bytes, message) => {
    expect(() => readActual(name, bytes, recorded)).toThrow(message)
  })
})

/** Answers as others may write them, for the tests. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { zipSync } from 'fflate'
import { encode } from '@msgpack/msgpack'
import type { Outputs } from '../../src/format/case.ts'
import { encodeSafetensors } from '../../src/format/actual/safetensors.ts'
import type { Tensor } from '../../src/format/tensor.ts'
import { caseRecord, cellCase, fixtureBytes, tensorRecord } from '../sample.ts'
import type { Folder } from './command.ts'

/** A .safetensors file. */
export function safetensors(tensors: Outputs): Uint8Array {
  return Buffer.concat(encodeSafetensors(tensors))
}

/** A .npy file of float32 or float64. */
export function npy({ dtype, shape, data }: Tensor): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const header = `{'descr': '${dtype === 'float64' ? '<f8' : '<f4'}', 'fortran_order': False, 'shape': (${axes}), }`
  const padded = `${header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11)}\n`
  const start = [0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8]
  return Buffer.concat([Buffer.from(start), Buffer.from(padded), new Uint8Array(data.buffer)])
}

/** A .npz file. */
export function npz(tensors: Outputs): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${name}.npy`, npy(tensor)])))
}

/** A message of a file that has the answers to several cases. */
export function message(id: string, tensors: Outputs): Uint8Array {
  const outputs = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensorRecord(tensor)]))
  return encode({ id, outputs })
}

export const [one, two, three] = ['one', 'two', 'three'].map((id, i) => cellCase({ id }, i + 1)) as [
  ReturnType<typeof cellCase>,
  ReturnType<typeof cellCase>,
  ReturnType<typeof cellCase>,
]

/** Writes files, with the folders that they are in. */
export async function put(folder: Folder, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(folder.path(name)), { recursive: true })
    await writeFile(folder.path(name), content)
  }
}

/** Three cases in fixtures/cells.msgpack. */
export const cells = { 'fixtures/cells.msgpack': fixtureBytes([one, two, three].map((own) => caseRecord(own))) }
/** Where every case is to have an answer, and where some are enough. */
export const verifyAll = ['verify', 'fixtures', '--answers', 'answers']
export const verify = [...verifyAll, '--partial']

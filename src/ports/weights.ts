// Files of weights, those that are several files included: none leads out of its folder.
import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { readTensors } from '../format/actual.ts'
import { readOnnx } from '../format/actual/onnx.ts'
import { floatsOf, invalid, type Tensors } from '../format/actual/tensors.ts'
import { readSafetensors } from '../format/actual/safetensors.ts'
import { groupTensors, readManifest } from '../format/actual/tfjs.ts'
import { readZip } from '../format/actual/zip.ts'
import { ParityError } from '../format/errors.ts'
import { readHDF5 } from './hdf5.ts'
import { isBelow } from './inside.ts'
import { attempt, readRegular } from './regular.ts'

/** What all files of weights may come to. */
const mostBytes = 2 ** 31

/** What is said where a file would have to be run to be read. */
const exported = "safetensors.torch.save_file(model.state_dict(), 'model.safetensors') writes them"

const readers: Readonly<Record<string, (file: string, bytes: Uint8Array) => Promise<Tensors>>> = {
  // Counters, such as those of batch norms, are no weights.
  safetensors: async (file, bytes) => readSafetensors(bytes, file, { floatsOnly: true }),
  h5: (file, bytes) => readHDF5(bytes, file),
  hdf5: (file, bytes) => readHDF5(bytes, file),
  keras: readKeras,
  onnx: readModel,
  json: readShards,
}

/**
 * Reads the weights of a file: .npy, .npz, .safetensors, .msgpack; .onnx with what stands beside it; .h5 and .keras of Keras; and
 * the .json of a model of TensorFlow.js.
 * @throws ParityError TENSORS_INVALID, FILE_UNREADABLE, or FILE_MISSING without the package that one needs.
 */
export async function readWeights(file: string): Promise<Tensors> {
  const [, extension = ''] = /\.([^./\\]+)$/.exec(file) ?? []
  if (['pt', 'pth', 'bin', 'ckpt', 'pkl'].includes(extension)) {
    throw new ParityError(
      'TENSORS_INVALID',
      `${file}: expected tensors that are read without running a pickle, got .${extension}\n${exported}`,
    )
  }
  const bytes = await readRegular(file, mostBytes)
  const own = Object.hasOwn(readers, extension) ? readers[extension] : undefined
  return own === undefined ? readTensors(file, bytes, (stem) => stem, mostBytes) : own(file, bytes)
}

/** An archive of which one file is HDF5. */
async function readKeras(file: string, bytes: Uint8Array): Promise<Tensors> {
  const name = 'model.weights.h5'
  const weights = readZip(bytes, file, (own) => own === name, mostBytes).get(name)
  if (weights === undefined) throw invalid(file, `an archive with ${name}`, 'one without it')
  return readHDF5(weights, `${file}: ${name}`)
}

/** A model of ONNX, and the files that it names. */
async function readModel(file: string, bytes: Uint8Array): Promise<Tensors> {
  const { tensors, external } = readOnnx(bytes, file)
  const all: [string, Tensors[string]][] = Object.entries(tensors)
  const files = new Map<string, Uint8Array>()
  for (const { name, dtype, shape, location, offset, length } of external) {
    const where = `${file}: ${name}`
    const beside = files.get(location) ?? (await readBeside(file, location, where))
    files.set(location, beside)
    const end = offset + length
    if (end > beside.length) throw invalid(where, `bytes ${offset} to ${end} of ${location}`, `${beside.length}`)
    all.push([name, floatsOf(dtype, shape, beside.subarray(offset, end), where)])
  }
  return Object.fromEntries(all)
}

/** A model of TensorFlow.js, and the files that it names. */
async function readShards(file: string, bytes: Uint8Array): Promise<Tensors> {
  const all: Tensors[] = []
  for (const group of readManifest(bytes, file)) {
    const shards: Uint8Array[] = []
    for (const path of group.paths) shards.push(await readBeside(file, path, file))
    all.push(groupTensors(group, Buffer.concat(shards), file))
  }
  return Object.fromEntries(all.flatMap((tensors) => Object.entries(tensors)))
}

/** The floats of a safetensors file that a fixture names. */
export async function readSafetensorsBeside(file: string, path: string, where: string): Promise<Tensors> {
  return readSafetensors(await readBeside(file, path, where, 'fixture'), `${where}: ${path}`, { floatsOnly: true })
}

/** A file that another one names: in its folder, links followed. */
async function readBeside(file: string, path: string, where: string, of = 'model'): Promise<Uint8Array> {
  const folder = await attempt(file, () => realpath(dirname(file)))
  const named = join(folder, path)
  if (path === '' || path.includes('\0') || isAbsolute(path) || !isBelow(folder, named)) {
    throw invalid(where, `a file in the folder of the ${of}`, JSON.stringify(path))
  }
  const own = await attempt(join(dirname(file), path), () => realpath(named))
  if (!isBelow(folder, own))
    throw invalid(where, `a file in the folder of the ${of}`, `${path}, a link that leads out of it`)
  return readRegular(own, mostBytes)
}

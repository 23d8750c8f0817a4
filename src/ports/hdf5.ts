// HDF5, as Keras writes it: read by the package h5wasm, HDF5's own library in WebAssembly, which sees no file but the one it is given.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { invalid, mostAxes, type Tensors } from '../format/actual/tensors.ts'
import { isPlain, messageOf, oneLine, ParityError } from '../format/errors.ts'
import { elementCount, type FloatDType, type FloatTensor } from '../format/tensor.ts'

/** What is used of h5wasm. */
interface H5Wasm {
  readonly ready: Promise<{
    readonly FS: MemoryFiles
    /** Else what is wrong is printed, and nothing thrown. */
    activate_throwing_error_handler(): unknown
  }>
  readonly File: new (name: string, mode: 'r') => Group & { close(): unknown }
}

interface MemoryFiles {
  writeFile(name: string, bytes: Uint8Array): void
  unlink(name: string): void
}

interface Group {
  readonly type: string
  keys(): string[]
  get(name: string): Group | Dataset | null
}

interface Dataset {
  readonly type: string
  readonly shape: number[] | null
  readonly metadata: { readonly type: number; readonly size: number; readonly littleEndian: boolean }
  readonly value: unknown
}

/** H5T_FLOAT. */
const floatClass = 1
const floats: Readonly<Record<number, FloatDType>> = { 4: 'float32', 8: 'float64' }

/** What stands beside the weights of a model. */
const noWeights = new Set(['optimizer', 'optimizer_weights'])

const mostDepth = 32
const mostEntries = 100_000

/** Beside it a file may come to so much more than its bytes: what is compressed, or was never written. */
const spareBytes = 2 ** 26
const mostRatio = 16

/** A package has no name that require knows, where it is for import alone. */
function located(): string | undefined {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    for (const folder of createRequire(from).resolve.paths('h5wasm') ?? []) {
      const file = join(folder, 'h5wasm', 'dist', 'esm', 'hdf5_hl.js')
      if (existsSync(file)) return file
    }
  }
  return undefined
}

/**
 * Reads every array of floats of a file, by its path, but for those of an optimizer.
 * @throws ParityError FILE_MISSING without h5wasm, TENSORS_INVALID
 */
export async function readHDF5(bytes: Uint8Array, where: string): Promise<Tensors> {
  const file = located()
  if (file === undefined) {
    throw new ParityError(
      'FILE_MISSING',
      `${where}: expected the package h5wasm, which reads HDF5, got none of that name\nnpm install h5wasm`,
    )
  }
  const { ready, File } = (await import(pathToFileURL(file).href)) as H5Wasm
  const library = await ready
  library.activate_throwing_error_handler()
  const { FS } = library
  const name = '/weights.h5'
  FS.writeFile(name, bytes)
  try {
    const opened = new File(name, 'r')
    try {
      return tensorsOf(opened, where, spareBytes + mostRatio * bytes.length)
    } finally {
      opened.close()
    }
  } catch (cause) {
    if (cause instanceof ParityError) throw cause
    throw invalid(where, 'an HDF5 file', reasonOf(messageOf(cause)))
  } finally {
    FS.unlink(name)
  }
}

/** The innermost of what HDF5 tells, one level a line. */
function reasonOf(message: string): string {
  const [, reason] = [...message.matchAll(/in \w+\(\): (.+)/g)].at(-1) ?? []
  return oneLine(reason ?? message)
}

function tensorsOf(root: Group, where: string, mostBytes: number): Tensors {
  const all: [string, FloatTensor][] = []
  let entries = 0
  let left = mostBytes
  const walk = (group: Group, path: string, depth: number): void => {
    // A group may hold itself.
    if (depth > mostDepth) throw invalid(where, `groups at most ${mostDepth} deep`, `${path.slice(0, 80)}…`)
    for (const key of group.keys()) {
      if (++entries > mostEntries) throw invalid(where, `at most ${mostEntries} entries`, 'more')
      if (depth === 0 && noWeights.has(key)) continue
      const own = path === '' ? key : `${path}/${key}`
      if (!isPlain(own)) throw invalid(where, 'names without control characters', JSON.stringify(own))
      const entity = group.get(key)
      if (entity?.type === 'Group') walk(entity as Group, own, depth + 1)
      else if (entity?.type === 'Dataset') {
        const tensor = tensorOf(entity as Dataset, `${where}: ${own}`, left)
        if (tensor === undefined) continue
        left -= tensor.data.byteLength
        all.push([own, tensor])
      } else throw invalid(`${where}: ${own}`, 'a group or an array', entity?.type ?? 'nothing')
    }
  }
  walk(root, '', 0)
  return Object.fromEntries(all)
}

/** undefined for what is no array of floats. Its numbers are read where there is room for them. */
function tensorOf(dataset: Dataset, where: string, mostBytes: number): FloatTensor | undefined {
  const { shape, metadata } = dataset
  if (metadata.type !== floatClass || shape === null) return undefined
  const dtype = floats[metadata.size]
  if (dtype === undefined || !metadata.littleEndian) {
    throw invalid(where, 'float32 or float64, the lowest byte first', `floats of ${metadata.size} bytes`)
  }
  if (shape.length > mostAxes) throw invalid(where, `at most ${mostAxes} axes`, `${shape.length}`)
  const count = elementCount(shape)
  if (!(count * metadata.size <= mostBytes))
    throw invalid(where, `at most ${mostBytes} bytes`, `${count * metadata.size}`)
  const value = count === 0 ? [] : dataset.value
  const numbers = typeof value === 'number' ? [value] : value
  const data = dtype === 'float32' ? Float32Array : Float64Array
  if (!(numbers instanceof data) && !Array.isArray(numbers))
    throw invalid(where, `numbers of ${dtype}`, 'something else')
  const own = data.from(numbers as number[])
  if (own.length !== count) throw invalid(where, `${count} numbers`, `${own.length}`)
  return { dtype, shape, data: own } as FloatTensor
}

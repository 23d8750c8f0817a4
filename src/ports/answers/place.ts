import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readTensors } from '../../format/actual.ts'
import { invalid, type Tensors } from '../../format/actual/tensors.ts'
import { checkInside } from '../inside.ts'
import { attempt, readRegular } from '../regular.ts'

/** An answer that is there, and may be one that cannot be read. */
export interface Place {
  /** Of what it is read from. */
  readonly name: string
  /** mostBytes: of all of its tensors. */
  read(mostBytes: number): Promise<Tensors>
}

/** A file in the folder of answers that has all tensors by their names. */
export function fileAt(folder: string, path: string): Place {
  return {
    name: path,
    async read(mostBytes) {
      await checkInside(folder, path)
      return readTensors(path, await readRegular(path, mostBytes), (stem) => stem, mostBytes)
    },
  }
}

/** A folder that has each tensor as NumPy saves it, by its name. */
export function arraysAt(folder: string, path: string): Place {
  return {
    name: path,
    async read(mostBytes) {
      const all: [string, Tensors[string]][] = []
      let left = mostBytes
      for (const name of (await attempt(path, () => readdir(path))).toSorted()) {
        if (name.startsWith('.')) continue
        if (!name.endsWith('.npy')) throw invalid(path, 'arrays as .npy, each by its name', name)
        const own = join(path, name)
        await checkInside(folder, own)
        const bytes = await readRegular(own, left)
        left -= bytes.length
        all.push(...Object.entries(readTensors(own, bytes, (stem) => stem, left)))
      }
      // As own properties, whatever their names are.
      return Object.fromEntries(all)
    },
  }
}

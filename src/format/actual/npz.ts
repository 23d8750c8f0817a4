import { readNpy } from './npy.ts'
import type { Tensors } from './tensors.ts'
import { readZip } from './zip.ts'

/**
 * Reads the arrays of numpy.savez or numpy.savez_compressed, by their names.
 * @throws ParityError TENSORS_INVALID
 */
export function readNpz(bytes: Uint8Array, where: string, mostBytes: number): Tensors {
  const files = readZip(bytes, where, (name) => name.endsWith('.npy'), mostBytes)
  return Object.fromEntries(
    [...files].map(([name, data]) => [name.slice(0, -'.npy'.length), readNpy(data, `${where}: ${name}`)]),
  )
}

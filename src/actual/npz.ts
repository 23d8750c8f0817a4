import { unzipSync } from 'fflate'
import { messageOf, ParityError } from '../errors.ts'
import { readNpy } from './npy.ts'
import { invalid, mostBytes, type Tensors } from './tensors.ts'

/**
 * Reads the arrays of numpy.savez or numpy.savez_compressed, by their names.
 * @throws ParityError TENSORS_INVALID
 */
export function readNpz(bytes: Uint8Array, where: string): Tensors {
  let total = 0
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes, {
      filter({ name, originalSize }) {
        total += originalSize
        if (total > mostBytes) throw invalid(where, `at most ${mostBytes} bytes when unpacked`, 'more')
        return name.endsWith('.npy')
      },
    })
  } catch (cause) {
    if (cause instanceof ParityError) throw cause
    throw invalid(where, 'a .npz file', messageOf(cause))
  }
  return Object.fromEntries(
    Object.entries(files).map(([name, data]) => [name.slice(0, -'.npy'.length), readNpy(data, `${where}: ${name}`)]),
  )
}

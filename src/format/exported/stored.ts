// Weights that stay in a safetensors file beside the fixture, which names them and their SHA-256.
import { sha256 } from '@noble/hashes/sha2.js'
import type { StoredRecord, TensorRecord } from '../case/record.ts'
import { anyTensors } from '../case/tensors.ts'
import { bytesOf } from '../case/write.ts'
import { printable } from '../case/wording.ts'
import { ParityError } from '../errors.ts'
import type { Source } from '../messages.ts'
import { formatShape, sameShape, type Tensor } from '../tensor.ts'

/**
 * The numbers of weights, wherever they are.
 * @throws ParityError FIXTURE_INVALID for those that are not what was captured, or what opening their file throws
 */
export async function readStored(
  records: Readonly<Record<string, StoredRecord>>,
  where: string,
  beside: Source['beside'],
): Promise<Record<string, Tensor>> {
  const files = new Map<string, Promise<Readonly<Record<string, Tensor>>>>()
  const read: Record<string, Tensor> = {}
  for (const [key, { stored, ...record }] of Object.entries(records)) {
    const named = `${where}.${printable(key)}`
    read[key] =
      stored === undefined
        ? anyTensors({ [key]: record }, where)[key]!
        : await tensorOf({ ...record, stored }, named, beside, files)
  }
  return read
}

async function tensorOf(
  { stored, ...record }: TensorRecord & { readonly stored: NonNullable<StoredRecord['stored']> },
  where: string,
  beside: Source['beside'],
  files: Map<string, Promise<Readonly<Record<string, Tensor>>>>,
): Promise<Tensor> {
  const { file, name } = stored
  if (record.data !== undefined || record.generated !== undefined)
    throw invalid(`${where}: expected data or a file that has it, got both`)
  if (beside === undefined) {
    throw invalid(
      `${where}: expected its numbers in the fixture, got a file, ${printable(file)}, that cannot be opened from here`,
    )
  }
  const opened = files.get(file) ?? beside(file, where)
  files.set(file, opened)
  const own = Object.entries(await opened).find(([each]) => each === name)?.[1]
  const of = `${where}: ${printable(file)}: ${printable(name)}`
  if (own === undefined) throw invalid(`${of}: expected a tensor of this name, got none${advice}`)
  if (own.dtype !== record.dtype || !sameShape(own.shape, record.shape)) {
    const [wanted, got] = [record, own].map(({ dtype, shape }) => `${dtype} of shape ${formatShape(shape)}`)
    throw invalid(`${of}: expected ${wanted}, got ${got}${advice}`)
  }
  const [wanted, got] = [hex(stored.sha256), hex(sha256(bytesOf(own)))]
  if (wanted !== got)
    throw invalid(
      `${of}: expected the numbers that were captured, sha256 ${wanted.slice(0, 16)}…, got others, ${got.slice(0, 16)}…${advice}`,
    )
  return own
}

function hex(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const advice = '\nput the file back that the model was captured with, or capture it again'

function invalid(message: string): ParityError {
  return new ParityError('FIXTURE_INVALID', message)
}

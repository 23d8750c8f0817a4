// The answers to all cases of a fixture in one file: a MessagePack message `{ id, outputs }` for each.
import { open, stat } from 'node:fs/promises'
import { decode } from '@msgpack/msgpack'
import * as z from 'zod'
import { tensorsOf } from '../../format/actual.ts'
import { show } from '../../format/case/wording.ts'
import { invalid } from '../../format/actual/tensors.ts'
import { messageOf, ParityError } from '../../format/errors.ts'
import { messages } from '../../format/messages.ts'
import { attempt } from '../regular.ts'
import type { Place } from './place.ts'

interface Messages {
  /** Why the file could not be read to its end. */
  readonly errors: readonly ParityError[]
  /** None, one, or several where an id is there more than once. */
  of(id: string): Place[]
  /** What belongs to no case that was asked for. */
  rest(): string[]
}

interface Extent {
  readonly offset: number
  readonly length: number
}

const Answer = z.strictObject({ id: z.string(), outputs: z.unknown() })

const chunkBytes = 256 * 1024

/** Reads through a file once and keeps where each answer is; what is not there has no answers. */
export async function openMessages(path: string): Promise<Messages> {
  const extents = new Map<string, Extent[]>()
  const errors: ParityError[] = []
  const stats = await stat(path).catch(() => undefined)
  try {
    if (stats?.isFile() === true) await index(path, extents)
  } catch (error) {
    if (!(error instanceof ParityError)) throw error
    // Those before it can be judged.
    errors.push(new ParityError('TENSORS_INVALID', error.message.replace(/\nthe file is torn.*/, '')))
  }
  return {
    errors,
    of(id) {
      const own = extents.get(id) ?? []
      extents.delete(id)
      return own.map((extent) => ({
        name: `${path} at byte ${extent.offset}`,
        read: async () => tensorsOf(Object(decode(await bytesAt(path, extent))).outputs, `${path}: ${id}`),
      }))
    },
    rest: () => [...extents.keys()].map((id) => `${path}: ${id}`),
  }
}

async function index(path: string, extents: Map<string, Extent[]>): Promise<void> {
  for await (const { offset, bytes } of messages({ name: path, open: () => chunks(path) })) {
    const where = `${path}: message at byte ${offset}`
    let value: unknown
    try {
      value = decode(bytes)
    } catch (cause) {
      throw invalid(where, 'MessagePack', messageOf(cause))
    }
    const { data } = Answer.safeParse(value)
    if (data === undefined) throw invalid(where, 'an answer { id, outputs } of one case', keysOf(value))
    const own = extents.get(data.id)
    const extent = { offset, length: bytes.length }
    if (own === undefined) extents.set(data.id, [extent])
    else own.push(extent)
  }
}

function keysOf(value: unknown): string {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  return isMap ? `{ ${Object.keys(value).join(', ')} }` : show(value)
}

async function* chunks(path: string): AsyncGenerator<Uint8Array> {
  const file = await attempt(path, () => open(path))
  try {
    for (;;) {
      // Messages may be views of it.
      const buffer = new Uint8Array(chunkBytes)
      const { bytesRead } = await attempt(path, () => file.read(buffer, 0, buffer.length))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function bytesAt(path: string, { offset, length }: Extent): Promise<Uint8Array> {
  const file = await attempt(path, () => open(path))
  try {
    const bytes = new Uint8Array(length)
    let at = 0
    while (at < length) {
      const { bytesRead } = await attempt(path, () => file.read(bytes, at, length - at, offset + at))
      if (bytesRead === 0) throw invalid(path, `the file that was looked through`, 'a shorter one')
      at += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

import { decode, encode } from '@msgpack/msgpack'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { measureBudget } from './budget.ts'
import { type Case, parse, parseCase, plainText, show } from './case.ts'
import { messageOf, ParityError } from './errors.ts'
import { type Ids, newIds } from './ids.ts'
import { type Message, messages, type Source } from './messages.ts'

const text = plainText.max(1000)

/** What recorded a case. */
export const Producer = z.strictObject({
  torch: text,
  numpy: text,
  python: text,
  platform: text,
  cpu_capability: text,
  num_threads: z.int().min(1),
  /** Where torch computed, when it was not the CPU; with the version of cuDNN, and whether TF32 was allowed. */
  device: text.optional(),
  cudnn: text.optional(),
  tf32: z.boolean().optional(),
})

export type Producer = z.infer<typeof Producer>

const Header = z.strictObject({
  format: z.literal('torch-parity'),
  /** 2 where tensors may be generated: numbers that are named instead of held. */
  version: z.literal([1, 2]),
  name: text,
  seed: z.int().min(0),
  producer: Producer,
})

/** Which suite a fixture is, and what recorded it. */
export type Header = z.infer<typeof Header>

const End = z.strictObject({ cases: z.int().min(0), sha256: z.instanceof(Uint8Array) })

/** A case, or why it cannot be read; the cases after it can be read all the same. */
export type CaseOrError = { readonly case: Case } | { readonly error: ParityError }

/** A file whose header, end, count and hash have been checked. */
export interface Fixture {
  /** What people call the file, usually its path. */
  readonly name: string
  readonly header: Header
  /** How many cases it holds. */
  readonly length: number
  readonly byteLength: number
  /** Reads the file again, one case at a time. */
  cases(): AsyncGenerator<CaseOrError>
}

/** Something that hashes bytes as they come, such as node:crypto's `createHash('sha256')`. */
export interface Hash {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

/**
 * Reads a file through once and checks that it is whole: header, count, SHA-256 and end, without decoding its cases.
 * createHash: a faster SHA-256, where the platform has one; ours runs anywhere.
 * @throws ParityError FIXTURE_INVALID when it is torn, altered, of another format or version, or has bytes after its end.
 */
export async function openFixture(source: Source, createHash: () => Hash = () => sha256.create()): Promise<Fixture> {
  const { name } = source
  const hash = createHash()
  let header: Header | undefined
  let last: Uint8Array | undefined
  let count = 0
  let byteLength = 0
  const digests: string[] = []
  for await (const message of messages(source)) {
    if (header === undefined) header = readHeader(message, name)
    if (last !== undefined) hash.update(last)
    // Only the last message is not hashed, and which one that is shows when the next one does not come.
    last = message.bytes.slice()
    digests.push(digestOf(last, createHash))
    byteLength = message.offset + message.bytes.length
    count++
  }
  if (header === undefined || last === undefined) {
    throw invalid(`${name}: expected a torch-parity fixture, got an empty file`)
  }
  checkEnd(last, count, hash, byteLength, name)
  return {
    name,
    header,
    length: count - 2,
    byteLength,
    cases: () => cases(source, digests, createHash, header.version),
  }
}

/** What tells one message from another: so much of its hash that nobody finds two with the same. */
function digestOf(bytes: Uint8Array, createHash: () => Hash): string {
  const hash = createHash()
  hash.update(bytes)
  return bytesToHex(hash.digest().subarray(0, 16))
}

/** Each message is compared with that of the first reading before anything of it is given. */
async function* cases(
  source: Source,
  digests: readonly string[],
  createHash: () => Hash,
  version: Header['version'],
): AsyncGenerator<CaseOrError> {
  const ids = newIds()
  let index = 0
  for await (const message of messages(source)) {
    if (digestOf(message.bytes, createHash) !== digests[index]) throw changed(source.name, message.offset)
    if (index > 0 && index < digests.length - 1) yield readCase(message, source.name, ids, version)
    index++
  }
  if (index !== digests.length) throw changed(source.name)
}

function changed(name: string, offset?: number): ParityError {
  const got = offset === undefined ? 'a shorter one' : `another message at byte ${offset}`
  return invalid(
    `${name}: expected the file that was checked, got ${got}\nthe file was changed while it was read: nothing after that was judged`,
  )
}

function readCase(message: Message, name: string, ids: Ids, version: Header['version']): CaseOrError {
  try {
    const parsed = parseCase(decodeMessage(message, name), name, version, measureBudget)
    if (!ids.add(parsed.id)) {
      throw new ParityError('CASE_INVALID', `${name}: case ${parsed.id}: expected an id of its own, got one twice`)
    }
    return { case: parsed }
  } catch (error) {
    if (error instanceof ParityError) return { error }
    throw error
  }
}

function decodeMessage({ bytes, offset }: Message, name: string): unknown {
  try {
    return decode(bytes)
  } catch (cause) {
    throw invalid(`${name}: message at byte ${offset}: expected MessagePack, got ${messageOf(cause)}`, cause)
  }
}

function readHeader(message: Message, name: string): Header {
  const record = decodeMessage(message, name)
  if (typeof record !== 'object' || record === null || !('format' in record) || record.format !== 'torch-parity') {
    throw invalid(`${name}: expected a torch-parity fixture, got a file of another format`)
  }
  const version = 'version' in record ? record.version : undefined
  if (version !== 1 && version !== 2) {
    throw invalid(
      `${name}: expected format version 1 or 2, got ${show(version)}\n` +
        'record it again with the Python package of this version of torch-parity',
    )
  }
  return parse(Header, record, `${name}: header`, 'FIXTURE_INVALID')
}

function checkEnd(last: Uint8Array, count: number, hash: Hash, byteLength: number, name: string): void {
  const offset = byteLength - last.length
  const record = decodeMessage({ bytes: last, offset }, name)
  if (count < 2 || typeof record !== 'object' || record === null || !('sha256' in record)) {
    throw invalid(
      `${name}: expected an end map as the last message, got ${count < 2 ? 'none' : 'another message'}\n` +
        'the file is torn, or something was added to it: record it again, or fetch it again',
    )
  }
  const end = parse(End, record, `${name}: end`, 'FIXTURE_INVALID')
  if (end.cases !== count - 2) throw invalid(`${name}: expected ${end.cases} cases, as its end says, got ${count - 2}`)
  const actual = bytesToHex(hash.digest())
  const expected = bytesToHex(end.sha256)
  if (actual !== expected) {
    throw invalid(
      `${name}: expected sha256 ${expected.slice(0, 16)}…, as its end says, got ${actual.slice(0, 16)}…\n` +
        'the file was altered: record it again, or fetch it again',
    )
  }
}

function invalid(message: string, cause?: unknown): ParityError {
  return new ParityError('FIXTURE_INVALID', message, { cause })
}

/** The bytes of a file. records: cases as files hold them, such as an oracle gives. */
export function encodeFixture(header: Header, records: readonly unknown[]): Uint8Array {
  const messages = [header, ...records].map((message) => encode(message))
  const hash = sha256.create()
  for (const message of messages) hash.update(message)
  return concatenate([...messages, encode({ cases: records.length, sha256: hash.digest() })])
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

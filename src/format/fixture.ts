// A fixture: a file of recorded cases, read one after the other.
import { certainCase } from './case/certain.ts'
import { parse, show } from './case/wording.ts'
import type { Case } from './case.ts'
import { messageOf, ParityError } from './errors.ts'
import { decodePlain } from './fixture/decode.ts'
import { isCertainEnd, isCertainHeader } from './fixture/certain.ts'
import type { End as EndRecord, Header as HeaderRecord } from './fixture/header.ts'
import { isShared, newShared, type Shared } from './exported/shared.ts'
import { type Ids, newIds } from './ids.ts'
import { type Held, type Message, messages, type Source } from './messages.ts'

/** Which suite a fixture is, and what recorded it. */
export type Header = HeaderRecord

/** A case, or why it cannot be read; the cases after it can be read all the same. */
export type CaseOrError =
  { readonly case: Case; readonly error?: never } | { readonly case?: never; readonly error: ParityError }

/** A file whose header, end, count and hash have been checked. */
export interface Fixture {
  /** What people call the file, usually its path. */
  readonly name: string
  readonly header: Header
  /** How many cases it holds. */
  readonly length: number
  readonly byteLength: number
  /** Its SHA-256, as its end says and its bytes confirm. */
  readonly sha256: string
  /** Reads the file again, one case at a time. take: which cases are read at all, asked of each in its order by its size in bytes. */
  cases(take?: Take): AsyncGenerator<CaseOrError>
}

/** Whether a case is to be read, of so many bytes. */
export type Take = (bytes: number) => boolean

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
export async function openFixture(source: Source, createHash?: () => Hash): Promise<Fixture> {
  const newHash = createHash ?? (await ownHash())
  return source.held === undefined ? openRead(source, newHash) : openHeld(source, source.held, newHash)
}

async function ownHash(): Promise<() => Hash> {
  const { sha256 } = await import('@noble/hashes/sha2.js')
  return () => sha256.create()
}

/** A file that is read twice, and may have changed in between. */
async function openRead(source: Source, createHash: () => Hash): Promise<Fixture> {
  const { name } = source
  const hash = createHash()
  let header: Header | undefined
  let last: Uint8Array | undefined
  let count = 0
  let byteLength = 0
  const digests: string[] = []
  let beside = 2
  for await (const message of messages(source)) {
    header ??= await readHeader(message, name)
    if (last !== undefined) hash.update(last)
    // Only the last message is not hashed, and which one that is shows when the next one does not come.
    last = message.bytes.slice()
    if (header.version === 3 && isShared(last)) beside++
    digests.push(digestOf(last, createHash))
    byteLength = message.offset + message.bytes.length
    count++
  }
  if (header === undefined || last === undefined) throw empty(name)
  const sha256 = await checkEnd(last, count - beside, hash, byteLength, name)
  const { version } = header
  const read = (take?: Take): AsyncGenerator<CaseOrError> => cases(source, digests, createHash, version, take)
  return { name, header, length: count - beside, byteLength, sha256, cases: read }
}

const bytesBetweenTurns = 256 * 1024

/** A file whose bytes are all there, so that nobody can change them. */
async function openHeld(
  { name, beside: besides }: Source,
  { bytes: held, turn }: Held,
  createHash: () => Hash,
): Promise<Fixture> {
  let header: Header | undefined
  const offsets: number[] = []
  let beside = 2
  for await (const message of messages({ name, open: () => once(held) })) {
    header ??= await readHeader(message, name)
    if (header.version === 3 && isShared(message.bytes)) beside++
    offsets.push(message.offset)
  }
  const end = offsets.at(-1)
  if (header === undefined || end === undefined) throw empty(name)
  const hash = createHash()
  hash.update(held.subarray(0, end))
  const length = offsets.length - beside
  const sha256 = await checkEnd(held.slice(end), length, hash, held.length, name)
  const { version } = header
  const read = (take?: Take): AsyncGenerator<CaseOrError> => heldCases(version, take)
  return { name, header, length, byteLength: held.length, sha256, cases: read }

  async function* heldCases(version: Header['version'], take?: Take): AsyncGenerator<CaseOrError> {
    const ids = newIds()
    const shared = newShared()
    let turned = 0
    for (let i = 1; i < offsets.length - 1; i++) {
      const offset = offsets[i]!
      if (offset - turned > bytesBetweenTurns) {
        turned = offset
        await turn()
      }
      const message = { offset, bytes: held.subarray(offset, offsets[i + 1]) }
      if (version === 3 && isShared(message.bytes)) await share(message, name, shared, besides)
      else if (take?.(message.bytes.length) !== false)
        yield certain(message, name, ids) ?? (await doubted(message, name, ids, version, shared))
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function empty(name: string): ParityError {
  return invalid(`${name}: expected a torch-parity fixture, got an empty file`)
}

/** What tells one message from another: so much of its hash that nobody finds two with the same. */
function digestOf(bytes: Uint8Array, createHash: () => Hash): string {
  const hash = createHash()
  hash.update(bytes)
  return hex(hash.digest().subarray(0, 16))
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Each message is compared with that of the first reading before anything of it is given. */
async function* cases(
  source: Source,
  digests: readonly string[],
  createHash: () => Hash,
  version: Header['version'],
  take?: Take,
): AsyncGenerator<CaseOrError> {
  const ids = newIds()
  const shared = newShared()
  let index = 0
  for await (const message of messages(source)) {
    if (digestOf(message.bytes, createHash) !== digests[index]) throw changed(source.name, message.offset)
    if (index > 0 && index < digests.length - 1) {
      if (version === 3 && isShared(message.bytes)) await share(message, source.name, shared, source.beside)
      else if (take?.(message.bytes.length) !== false)
        yield certain(message, source.name, ids) ?? (await doubted(message, source.name, ids, version, shared))
    }
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

/** What plain checks have no doubt about is read without loading anything. */
function certain({ bytes }: Message, name: string, ids: Ids): CaseOrError | undefined {
  try {
    const parsed = certainCase(decodePlain(bytes), name)
    return parsed && withOwnId(parsed, name, ids)
  } catch (error) {
    return { error: parityError(error) }
  }
}

/** The rest is: the schemas, and a decoder of everything. */
async function doubted(
  message: Message,
  name: string,
  ids: Ids,
  version: Header['version'],
  shared: Shared,
): Promise<CaseOrError> {
  const [{ parseCase }, { measureBudget }] = await Promise.all([
    import('./case/parse.ts'),
    import('../verify/budget.ts'),
  ])
  try {
    return withOwnId(parseCase(await decodeMessage(message, name), name, version, measureBudget, shared), name, ids)
  } catch (error) {
    return { error: parityError(error) }
  }
}

/** What cases have in common: a file in which it is wrong cannot be read on. */
async function share(message: Message, name: string, shared: Shared, beside: Source['beside']): Promise<void> {
  const { readShared } = await import('./exported/read.ts')
  await readShared(await decodeMessage(message, name), name, shared, beside)
}

function withOwnId(parsed: Case, name: string, ids: Ids): CaseOrError {
  if (ids.add(parsed.id)) return { case: parsed }
  throw new ParityError('CASE_INVALID', `${name}: case ${parsed.id}: expected an id of its own, got one twice`)
}

function parityError(error: unknown): ParityError {
  if (error instanceof ParityError) return error
  throw error
}

async function decodeMessage({ bytes, offset }: Message, name: string): Promise<unknown> {
  const { decode } = await import('@msgpack/msgpack')
  try {
    return decode(bytes)
  } catch (cause) {
    throw invalid(`${name}: message at byte ${offset}: expected MessagePack, got ${messageOf(cause)}`, cause)
  }
}

async function readHeader(message: Message, name: string): Promise<Header> {
  const record = decodePlain(message.bytes) ?? (await decodeMessage(message, name))
  if (typeof record !== 'object' || record === null || !('format' in record) || record.format !== 'torch-parity') {
    throw invalid(`${name}: expected a torch-parity fixture, got a file of another format`)
  }
  const version = 'version' in record ? record.version : undefined
  if (version !== 1 && version !== 2 && version !== 3) {
    throw invalid(
      `${name}: expected format version 1 to 3, got ${show(version)}\n` +
        'record it again with the Python package of this version of torch-parity',
    )
  }
  if (isCertainHeader(record)) return record
  const { Header } = await import('./fixture/header.ts')
  return parse(Header, record, `${name}: header`, 'FIXTURE_INVALID')
}

/** → the SHA-256 */
async function checkEnd(
  last: Uint8Array,
  count: number,
  hash: Hash,
  byteLength: number,
  name: string,
): Promise<string> {
  const offset = byteLength - last.length
  const record = decodePlain(last) ?? (await decodeMessage({ bytes: last, offset }, name))
  if (count < 0 || typeof record !== 'object' || record === null || !('sha256' in record)) {
    throw invalid(
      `${name}: expected an end map as the last message, got ${count < 0 ? 'none' : 'another message'}\n` +
        'the file is torn, or something was added to it: record it again, or fetch it again',
    )
  }
  const end = isCertainEnd(record) ? record : await parsedEnd(record, name)
  if (end.cases !== count) throw invalid(`${name}: expected ${end.cases} cases, as its end says, got ${count}`)
  const actual = hex(hash.digest())
  const expected = hex(end.sha256)
  if (actual !== expected) {
    throw invalid(
      `${name}: expected sha256 ${expected.slice(0, 16)}…, as its end says, got ${actual.slice(0, 16)}…\n` +
        'the file was altered: record it again, or fetch it again',
    )
  }
  return actual
}

function invalid(message: string, cause?: unknown): ParityError {
  return new ParityError('FIXTURE_INVALID', message, { cause })
}

async function parsedEnd(record: unknown, name: string): Promise<EndRecord> {
  const { End } = await import('./fixture/header.ts')
  return parse(End, record, `${name}: end`, 'FIXTURE_INVALID')
}

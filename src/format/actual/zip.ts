import { inflateSync } from 'fflate'
import { invalid } from './tensors.ts'

/** A file inside an archive: where its bytes are, and what they must come to. */
interface Entry {
  readonly name: string
  readonly method: number
  readonly crc: number
  readonly packed: number
  readonly size: number
  readonly offset: number
}

const stored = 0
const deflated = 8

/**
 * Reads the files of a ZIP archive whose names `wanted` says yes to, in its order; each must be whole and there once. mostBytes: of
 * all of them together.
 * Source: PKWARE's APPNOTE 6.3, 4.3. Zip64, encryption and archives of several parts are not read.
 * @throws ParityError TENSORS_INVALID
 */
export function readZip(
  bytes: Uint8Array,
  where: string,
  wanted: (name: string) => boolean,
  mostBytes: number,
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  let total = 0
  for (const entry of entriesOf(bytes, where)) {
    const own = `${where}: ${entry.name}`
    if (!wanted(entry.name)) continue
    if (files.has(entry.name)) throw invalid(where, `each file once`, `${entry.name} twice`)
    total += entry.size
    if (total > mostBytes) throw invalid(where, `at most ${mostBytes} bytes when unpacked`, 'more')
    files.set(entry.name, unpacked(bytes, entry, own))
  }
  return files
}

function entriesOf(bytes: Uint8Array, where: string): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = endOf(view)
  if (end === undefined) throw invalid(where, 'a .npz file', 'one without the end of an archive')
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  const entries: Entry[] = []
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) {
      throw invalid(where, `${count} files, as its end says`, `${i}`)
    }
    const nameLength = view.getUint16(at + 28, true)
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)),
      method: (view.getUint16(at + 8, true) & 1) === 1 ? -1 : view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    })
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  if (at !== end) throw invalid(where, `a list of ${count} files, as its end says`, 'more')
  return entries
}

/** Where the record at the end of an archive begins, whose comment ends the file. */
function endOf(view: DataView): number | undefined {
  for (let at = view.byteLength - 22; at >= 0 && at >= view.byteLength - 22 - 0xffff; at--) {
    if (view.getUint32(at, true) === 0x06054b50 && at + 22 + view.getUint16(at + 20, true) === view.byteLength)
      return at
  }
  return undefined
}

function unpacked(bytes: Uint8Array, { name, method, crc, packed, size, offset }: Entry, where: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isThere = offset + 30 <= bytes.length && view.getUint32(offset, true) === 0x04034b50
  const nameEnd = isThere ? offset + 30 + view.getUint16(offset + 26, true) : 0
  if (!isThere || new TextDecoder().decode(bytes.subarray(offset + 30, nameEnd)) !== name) {
    throw invalid(where, 'it to begin where the list of files says', 'something else there')
  }
  const start = nameEnd + view.getUint16(offset + 28, true)
  const data = bytes.subarray(start, start + packed)
  if (data.length !== packed) throw invalid(where, `${packed} bytes`, `${data.length}: the file is cut`)
  const content = method === stored ? data : method === deflated ? inflated(data, size) : undefined
  if (content === undefined)
    throw invalid(where, 'a file stored or deflated', method < 0 ? 'an encrypted one' : `method ${method}`)
  if (content.length !== size) throw invalid(where, `${size} bytes when unpacked`, 'another number')
  const actual = crc32(content)
  if (actual !== crc) throw invalid(where, `CRC-32 ${crc.toString(16)}, as the archive says`, actual.toString(16))
  return content
}

/** One byte more than there should be shows that there are more; what cannot be unpacked is none. */
function inflated(data: Uint8Array, size: number): Uint8Array {
  try {
    return inflateSync(data, { out: new Uint8Array(size + 1) })
  } catch {
    return new Uint8Array(size + 1)
  }
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) * 0xedb88320)
  return remainder
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!
  return ~crc >>> 0
}

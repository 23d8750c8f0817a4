import { decode } from '@msgpack/msgpack'
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { encodeFixture } from '../../src/format/fixture/encode.ts'
import type { Header } from '../../src/format/fixture.ts'
import { messages } from '../../src/format/messages.ts'

/** Writes a fixture of so many cases: those of another one, again and again, under ids of their own. */
export async function grown(from: string, to: string, count: number): Promise<string> {
  const decoded: unknown[] = []
  for await (const { bytes } of messages({ name: from, open: () => createReadStream(from) })) {
    decoded.push(decode(bytes.slice()))
  }
  const [header, ...rest] = decoded
  const cases = rest.slice(0, -1) as { readonly id: string }[]
  const many = Array.from({ length: count }, (_, i) => ({ ...cases[i % cases.length]!, id: `case-${i}` }))
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, encodeFixture(header as Header, many))
  return to
}

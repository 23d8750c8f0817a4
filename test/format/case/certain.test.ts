import { decode } from '@msgpack/msgpack'
import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { certainCase } from '../../../src/format/case/certain.ts'
import { parseCase } from '../../../src/format/case/parse.ts'
import type { Case } from '../../../src/format/case.ts'
import { messageOf } from '../../../src/format/errors.ts'
import { decodePlain } from '../../../src/format/fixture/decode.ts'
import { messages } from '../../../src/format/messages.ts'
import { anyCell, anyLayer, caseRecord } from '../../sample.ts'

/** What a reading has come to, with its keys in their order, and every number as it is. */
function outcomeOf(read: () => Case | undefined): string | undefined {
  try {
    const recorded = read()
    return recorded && inspected(recorded)
  } catch (error) {
    return `error: ${messageOf(error)}`
  }
}

function inspected(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return `${value.constructor.name} ${bytes.toString('hex')}`
  }
  if (typeof value !== 'object' || value === null)
    return Object.is(value, -0) ? '-0' : `${typeof value} ${String(value)}`
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}: ${inspected(inner)}`)
    .join(', ')}}`
}

const records = [
  ...Array.from({ length: 12 }, (_, seed) => caseRecord(anyLayer(seed))),
  ...Array.from({ length: 6 }, (_, seed) => caseRecord(anyCell(seed))),
]

const odd: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -0,
  1,
  -1,
  0.5,
  2 ** 24,
  2 ** 24 + 1,
  1025,
  Number.NaN,
  'RNN',
  'GRUCell',
  'tanh',
  'float64',
  'int64',
  'an id "quoted"',
  'é',
  [],
  [1, 0.5],
  {},
  { dtype: 'float32', shape: [1], data: new Uint8Array(4), more: 1 },
  { dtype: 'float32', shape: [1], generated: { stream: 's', kind: 'normal', bound: 1, scale: 1 } },
  new Uint8Array(4),
]

/** Trainings, models, what others have published, and numbers that are named instead of held. */
function isLeftToZod(record: Partial<Record<string, unknown>>): boolean {
  const tensors = ['params', 'inputs', 'cotangents'].flatMap((group) => Object.values(Object(record[group]) as object))
  const isNamed = tensors.some((tensor: unknown) => 'generated' in (tensor as object))
  const isModel = !/^(RNN|LSTM|GRU)/.test(record['module'] as string)
  return isNamed || isModel || record['training'] !== undefined || record['source'] !== undefined
}

/** Every place in a record. */
function places(value: unknown, from: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  return Object.entries(value).flatMap(([key, inner]) => [[...from, key], ...places(inner, [...from, key])])
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to
  const inner = changed((value as Record<string, unknown>)[key], rest, to)
  return Array.isArray(value) ? value.with(Number(key), inner) : { ...(value as object), [key]: inner }
}

describe('a plain check', () => {
  it('reads every committed case of a layer or a cell as zod does, but for what it leaves to zod', async () => {
    const folder = new URL('../../../fixtures', import.meta.url).pathname
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.msgpack'))
    const wrong: string[] = []
    let certain = 0
    for (const name of files) {
      const source = { name, open: () => createReadStream(join(folder, name)) }
      for await (const { bytes, offset } of messages(source)) {
        const record = decode(bytes)
        if (typeof record !== 'object' || record === null || !('config' in record)) continue
        const plain = outcomeOf(() => certainCase(decodePlain(bytes), name))
        if (plain === undefined) {
          if (!isLeftToZod(record)) wrong.push(`${name}: case at byte ${offset} is doubted`)
          continue
        }
        certain++
        if (plain !== outcomeOf(() => parseCase(record, name, 1))) wrong.push(`${name}: read in another way`)
      }
    }
    expect(wrong).toStrictEqual([])
    expect(certain).toBeGreaterThan(2000)
  })

  it.each(records.map((record) => [record['id'] as string, record] as const))(
    'accepts of %s, with any value replaced by any odd one, what zod accepts, and says what zod says',
    (_, record) => {
      const wrong: string[] = []
      let accepted = 0
      for (const place of places(record)) {
        for (const to of odd) {
          const message = changed(record, place, to)
          const plain = outcomeOf(() => certainCase(message, 'sample.msgpack'))
          if (plain === undefined) continue
          accepted++
          const full = outcomeOf(() => parseCase(message, 'sample.msgpack', 1))
          if (plain !== full) wrong.push(`${place.join('.')}: ${String(to)}`)
        }
      }
      expect(wrong).toStrictEqual([])
      expect(accepted).toBeGreaterThan(10)
    },
  )

  it.each(records.map((record) => [record['id'] as string, record] as const))('has no doubt about %s', (_, record) => {
    expect(outcomeOf(() => certainCase(record, 'sample.msgpack'))).toBe(
      outcomeOf(() => parseCase(record, 'sample.msgpack', 1)),
    )
  })
})

import type { Case } from '../format/case.ts'
import { ParityError } from '../format/errors.ts'
import { openFile } from './files.ts'

/** So many ids are named where none or several are meant. */
const mostNamed = 5

/**
 * The case of an id, or the only one whose id begins so.
 * @throws ParityError USAGE where there is none, or several; what keeps it from being read.
 */
export async function namedCase(file: string, id: string): Promise<Case> {
  const ids: string[] = []
  const begun: string[] = []
  let first: Case | undefined
  for await (const read of (await openFile(file)).cases()) {
    if ('error' in read) {
      if (read.error.message.includes(`case ${id}`)) throw read.error
      continue
    }
    const own = read.case
    if (own.id === id) return own
    ids.push(own.id)
    if (!own.id.startsWith(id)) continue
    first ??= own
    begun.push(own.id)
  }
  if (begun.length === 1) return first!
  const lists = `\`torch-parity inspect ${file}\` lists them`
  if (begun.length > 1) {
    throw new ParityError(
      'USAGE',
      `${file}: expected one case that begins with ${id}, got ${begun.length}: ${listOf(begun)}\n${lists}`,
    )
  }
  const near = nearest(id, ids)
  const meant = near.length === 0 ? '' : `\nnear it: ${listOf(near)}`
  throw new ParityError('USAGE', `${file}: expected a case ${id}, got none of that id${meant}\n${lists}`)
}

function listOf(ids: readonly string[]): string {
  const more = ids.length - mostNamed
  return ids.slice(0, mostNamed).join(', ') + (more > 0 ? `, and ${more} more` : '')
}

/** What contains it, else what few edits make it. */
function nearest(id: string, ids: readonly string[]): string[] {
  const containing = ids.filter((own) => own.includes(id))
  if (containing.length > 0) return containing
  const ranked = ids.map((own) => ({ own, apart: editsBetween(id, own) })).toSorted((a, b) => a.apart - b.apart)
  return ranked.flatMap(({ own, apart }) => (apart <= Math.max(1, id.length / 3) ? [own] : [])).slice(0, 3)
}

/** How many characters are to be put in, taken out or changed. Source: Levenshtein, 1966. */
function editsBetween(one: string, other: string): number {
  let before = Array.from({ length: other.length + 1 }, (_, j) => j)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const change = before[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1)
      row.push(Math.min(change, before[j]! + 1, row[j - 1]! + 1))
    }
    before = row
  }
  return before[other.length]!
}

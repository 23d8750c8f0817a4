/**
 * A list of JSON values by columns, in which alike things stand together, so that they can be compressed: `same`, one value so many
 * times; `lists`, their lengths and what is in them, one after the other; `keys`, a column for each key, with which items have it where
 * not all do; `values`, whatever else there is.
 */
export type Columns =
  | { readonly same: unknown; readonly count: number }
  | { readonly lists: Columns; readonly of: Columns }
  | { readonly keys: Readonly<Record<string, readonly [Columns, string?]>>; readonly count: number }
  | { readonly values: readonly unknown[] }

export function columnsOf(items: readonly unknown[]): Columns {
  const [first] = items
  if (items.length > 0 && items.every((item) => Array.isArray(item))) {
    return { lists: columnsOf(items.map(({ length }) => length)), of: columnsOf(items.flat()) }
  }
  if (items.length > 0 && items.every((item) => isRecord(item))) {
    const keys = new Set(items.flatMap((item) => Object.keys(item)))
    const columns = [...keys].map((key): [string, [Columns, string?]] => {
      const has = items.map((item) => Object.hasOwn(item, key))
      const column = columnsOf(items.flatMap((item, i) => (has[i] === true ? [item[key]] : [])))
      return [key, has.every(Boolean) ? [column] : [column, has.map(Number).join('')]]
    })
    return { keys: Object.fromEntries(columns), count: items.length }
  }
  const isOne = typeof first !== 'object' && items.length > 1 && items.every((item) => item === first)
  return isOne ? { same: first, count: items.length } : { values: items }
}

function isRecord(item: unknown): item is Readonly<Record<string, unknown>> {
  // `fromEntries` sets a key of this name, an assignment does not.
  return typeof item === 'object' && item !== null && !Array.isArray(item) && !Object.hasOwn(item, '__proto__')
}

/** The list again. Its source goes into pages. */
export function itemsOf(columns: Columns): unknown[] {
  if ('values' in columns) return [...columns.values]
  if ('same' in columns) return Array.from({ length: columns.count }, () => columns.same)
  if ('lists' in columns) {
    const all = itemsOf(columns.of)
    let at = 0
    return itemsOf(columns.lists).map((length) => all.slice(at, (at += Number(length))))
  }
  const items = Array.from({ length: columns.count }, (): Record<string, unknown> => ({}))
  for (const [key, [column, has]] of Object.entries(columns.keys)) {
    const own = itemsOf(column)
    let at = 0
    for (const [i, item] of items.entries()) if (has === undefined || has[i] === '1') item[key] = own[at++]
  }
  return items
}

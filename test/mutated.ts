// A decoded message with something else at one of its places, for tests of what reads it.

export type Path = readonly string[]

/** Every place in a decoded message, the message itself left out. */
export function paths(value: unknown, from: Path = []): Path[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  return Object.entries(value).flatMap(([key, inner]) => [[...from, key], ...paths(inner, [...from, key])])
}

export const gone = Symbol('gone')

/** A copy with another value at a place; `gone` takes the key out. */
export function changed(value: unknown, [key, ...rest]: Path, to: unknown): unknown {
  if (key === undefined) return to
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) }
  const inner = changed(copy[key], rest, to)
  if (inner === gone) delete copy[key]
  else copy[key] = inner
  return Array.isArray(value) ? Object.values(copy) : copy
}

// What goes into a page and comes out of it, as bytes: JSON, and behind it the arrays of numbers as they stand.

const arrays = { Float32Array, Float64Array, BigInt64Array, Int32Array, Uint8Array } as const
type Kind = keyof typeof arrays

/** Stands for what JSON has no word for. */
type Mark =
  | { readonly $: 'number' | 'bigint'; readonly text: string }
  /** Where among the arrays it begins, in bytes, and how many it has. */
  | { readonly $: Kind; readonly at: number; readonly length: number }

/** The length of the JSON comes first. */
const headBytes = 4

/** Numbers that JSON would lose are kept, and arrays of numbers bit by bit. */
export function toBytes(value: unknown): Uint8Array<ArrayBuffer> {
  const views: Uint8Array[] = []
  let length = 0
  const json = JSON.stringify({ value }, (_, part: unknown) => {
    if (!ArrayBuffer.isView(part)) return marked(part)
    const kind = (Object.keys(arrays) as Kind[]).find((own) => part instanceof arrays[own])
    if (kind === undefined) return {}
    const view = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
    const at = length
    views.push(view)
    length += view.length
    return { $: kind, at, length: view.length } satisfies Mark
  })
  const text = new TextEncoder().encode(json)
  const bytes = new Uint8Array(headBytes + text.length + length)
  new DataView(bytes.buffer).setUint32(0, text.length, true)
  bytes.set(text, headBytes)
  let at = headBytes + text.length
  for (const view of views) {
    bytes.set(view, at)
    at += view.length
  }
  return bytes
}

/** Every array has a buffer of its own. Throws where the bytes are not those of `toBytes`. */
export function fromBytes(bytes: Uint8Array): unknown {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
  const rest = bytes.subarray(headBytes + length)
  const text = new TextDecoder().decode(bytes.subarray(headBytes, headBytes + length))
  const { value } = JSON.parse(text, (_, part: unknown) => unmarked(part, rest)) as { value?: unknown }
  return value
}

function marked(part: unknown): unknown {
  if (typeof part === 'number' && (!Number.isFinite(part) || Object.is(part, -0)))
    return { $: 'number', text: Object.is(part, -0) ? '-0' : String(part) } satisfies Mark
  return typeof part === 'bigint' ? ({ $: 'bigint', text: String(part) } satisfies Mark) : part
}

function unmarked(part: unknown, rest: Uint8Array): unknown {
  if (typeof part !== 'object' || part === null || !('$' in part)) return part
  const mark = part as Mark
  if ('text' in mark) return mark.$ === 'number' ? Number(mark.text) : mark.$ === 'bigint' ? BigInt(mark.text) : part
  if (!Object.hasOwn(arrays, mark.$)) return part
  const { at, length } = mark
  return new arrays[mark.$](Uint8Array.from(rest.subarray(at, at + length)).buffer)
}

/** So many characters fit the arguments of a call. */
const chunk = 8192

/** Bytes as text, where nothing else is let through. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk))
  return btoa(text)
}

export function fromBase64(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

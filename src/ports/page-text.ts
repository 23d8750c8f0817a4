// What goes into a page and comes out of it, as one text: a browser's own way of taking values apart costs far more.

const arrays = { Float32Array, Float64Array, BigInt64Array, Int32Array, Uint8Array } as const
type Kind = keyof typeof arrays

/** Stands for what JSON has no word for. */
interface Mark {
  readonly $: Kind | 'number' | 'bigint'
  readonly text: string
}

/** Numbers that JSON would lose are kept, and arrays of numbers bit by bit. */
export function toText(value: unknown): string {
  return JSON.stringify({ value }, (_, part: unknown) => marked(part))
}

export function fromText(text: string): unknown {
  const { value } = JSON.parse(text, (_, part: unknown) => unmarked(part)) as { value?: unknown }
  return value
}

function marked(part: unknown): unknown {
  if (typeof part === 'number' && (!Number.isFinite(part) || Object.is(part, -0)))
    return { $: 'number', text: Object.is(part, -0) ? '-0' : String(part) } satisfies Mark
  if (typeof part === 'bigint') return { $: 'bigint', text: String(part) } satisfies Mark
  if (!ArrayBuffer.isView(part)) return part
  const kind = (Object.keys(arrays) as Kind[]).find((own) => part instanceof arrays[own])
  if (kind === undefined) return {}
  return { $: kind, text: encode(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)) } satisfies Mark
}

function unmarked(part: unknown): unknown {
  if (typeof part !== 'object' || part === null || !('$' in part)) return part
  const mark = part as Mark
  if (mark.$ === 'number') return Number(mark.text)
  if (mark.$ === 'bigint') return BigInt(mark.text)
  if (!Object.hasOwn(arrays, mark.$)) return part
  return new arrays[mark.$](decode(mark.text).buffer)
}

/** So many characters fit the arguments of a call. */
const chunk = 8192

function encode(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk))
  return btoa(text)
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

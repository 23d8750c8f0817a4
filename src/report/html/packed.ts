/// <reference lib="dom" />
import { deflateSync } from 'fflate'
import { spelled } from '../../format/errors.ts'
import { toJSON } from '../json.ts'

/** JSON of anything, compressed, in letters that end no element; what turns the direction of text is spelled out in it. */
export function packed(content: unknown): string {
  const json = toJSON(content).replace(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, (character) => {
    return `\\${spelled(character)}`
  })
  const bytes = deflateSync(new TextEncoder().encode(json), { level: 9 })
  const part = 8192
  let letters = ''
  for (let at = 0; at < bytes.length; at += part) letters += String.fromCharCode(...bytes.subarray(at, at + part))
  return btoa(letters)
}

/** The same again, by the browser's own means, which ask no network. Its source goes into pages. */
export async function unpacked(text: string): Promise<unknown> {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  return await new Response(stream).json()
}

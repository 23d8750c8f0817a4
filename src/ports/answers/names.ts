// How what belongs to a case is called in a folder: fixtures/README.md, "Requests" and "Answers", says it for everybody.
import { createHash } from 'node:crypto'

/** An id of so many plain characters is a name as it is. */
const longest = 200
const begins = 150

/** What some systems take for devices, whatever stands behind the dot. */
const device = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i

/**
 * What a case is called as a file, without an extension: its id with every byte but letters, digits, `-`, `_` and `.` as `%XX`, and
 * with dots at the beginning and the end so, too. It stays in its folder whatever the id is, and two ids have two names.
 */
export function fileNameOf(id: string): string {
  let name = ''
  for (const byte of new TextEncoder().encode(id)) {
    const character = String.fromCharCode(byte)
    name += /[A-Za-z0-9_.-]/.test(character) ? character : escaped(character)
  }
  name = name.replace(/^\.|\.$/g, escaped)
  if (device.test(name)) name = escaped(name[0] ?? '') + name.slice(1)
  if (name.length <= longest) return name
  // `~` is in no other name.
  return `${name.slice(0, begins)}~${createHash('sha256').update(id).digest('hex').slice(0, 32)}`
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

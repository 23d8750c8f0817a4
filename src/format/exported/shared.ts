// Programs and weights stand once in a file of version 3, before the first case that names them.
import type { FloatTensor } from '../tensor.ts'
import type { ExportedConfig } from '../exported.ts'

/** What has been read of a file so far. */
export interface Shared {
  readonly programs: Map<string, Omit<ExportedConfig, 'name' | 'part'>>
  readonly weights: Map<string, Readonly<Record<string, FloatTensor>>>
  /** By the names of a model, its program and its weights: the same object for all cases that have them. */
  readonly configs: Map<string, ExportedConfig>
}

export function newShared(): Shared {
  return { programs: new Map(), weights: new Map(), configs: new Map() }
}

const kinds = ['program', 'weights'] as const

/**
 * Whether a message is what cases share: its first key says so, and stands after one byte for the map and one for its length.
 * bytes: a whole message.
 */
export function isShared(bytes: Uint8Array): boolean {
  return kinds.some((kind) => {
    if (bytes.length < kind.length + 2 || (bytes[0]! & 0xf0) !== 0x80 || bytes[1] !== (0xa0 | kind.length)) return false
    for (let i = 0; i < kind.length; i++) if (bytes[i + 2] !== kind.charCodeAt(i)) return false
    return true
  })
}

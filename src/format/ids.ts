/** Which ids have been seen, in 8 to 16 bytes each: a Set of the strings takes ten times that in a large file. */
export interface Ids {
  /** Whether the id is new; afterwards it is not. */
  add(id: string): boolean
}

/**
 * Remembers 53 bits of a hash of each id, so that two ids can be taken for one: once in 30,000 files of half a million
 * cases, and then the file is refused, never a case believed.
 */
export function newIds(): Ids {
  let slots = new Float64Array(1024)
  let count = 0

  /** → the slot that holds the hash, or the empty one where it belongs */
  const slotOf = (hash: number, table: Float64Array): number => {
    let slot = hash % table.length
    while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) % table.length
    return slot
  }
  return {
    add(id) {
      const hash = hashOf(id)
      const slot = slotOf(hash, slots)
      if (slots[slot] === hash) return false
      slots[slot] = hash
      if (++count > slots.length / 2) {
        const larger = new Float64Array(2 * slots.length)
        for (const old of slots) if (old !== 0) larger[slotOf(old, larger)] = old
        slots = larger
      }
      return true
    },
  }
}

/** 53 bits, never 0. Source: cyrb53, two multiplicative hashes of 32 bits that are mixed at the end. */
function hashOf(text: string): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, 0x9e3779b1)
    low = Math.imul(low ^ unit, 0x5f356495)
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  return 2 ** 32 * (low & 0x1fffff) + (high >>> 0) + 1
}

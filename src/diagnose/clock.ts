/** The time that a search may take, and whether it has. */
export interface Clock {
  elapsed(): number
  isOver(part?: number): boolean
  wasOver: boolean
}

/** now: in milliseconds, from any beginning */
export function clockOf(limitMs: number, now: () => number = Date.now): Clock {
  const began = now()
  return {
    elapsed: () => now() - began,
    isOver(part = 1) {
      const over = now() - began > part * limitMs
      this.wasOver ||= over
      return over
    },
    wasOver: false,
  }
}

/** The time that a search may take, and whether it has. */
export interface Clock {
  elapsed(): number
  isOver(part?: number): boolean
  wasOver: boolean
}

export function clockOf(limitMs: number): Clock {
  const began = Date.now()
  return {
    elapsed: () => Date.now() - began,
    isOver(part = 1) {
      const over = Date.now() - began > part * limitMs
      this.wasOver ||= over
      return over
    },
    wasOver: false,
  }
}

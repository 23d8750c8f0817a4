/** Shares of the allowed error from 10⁻⁴ to 10⁴ as one byte, on a logarithmic scale; 0 for none, 255 for another kind of value. */
const decades = 4
const levels = 253

/** The byte of a share: up to 127 matches, from 128 on it does not. */
export function byteOf(share: number): number {
  if (share === 0) return 0
  if (!(share < Infinity)) return 255
  const level = ((Math.log10(share) + decades) / (2 * decades)) * levels
  const whole = share <= 1 ? Math.min(Math.floor(level), 126) : Math.max(Math.ceil(level), 127)
  return 1 + Math.max(0, Math.min(levels, whole))
}

/** Which of `parts` cells an index of `size` falls into. */
export function merged(index: number, size: number, parts: number): number {
  return size === parts ? index : Math.floor((index * parts) / size)
}

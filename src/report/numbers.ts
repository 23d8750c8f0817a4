// Numbers in words.
/** `1 case`, `2 cases` */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`
}

export function percent(share: number): string {
  if (share === Infinity) return 'no limit'
  if (share > 10) return `${twoOf(share)} times`
  return share < 1e-3 && share > 0 ? '< 0.1 %' : `${(100 * share).toFixed(1)} %`
}

/** Two digits of a ratio, with as many zeros as can be counted at a glance: `390000`, `1.2e6`, `8e39`. */
export function twoOf(ratio: number): string {
  const rounded = Number(ratio.toPrecision(2))
  return rounded < 1e6 ? String(rounded) : rounded.toExponential().replace('e+', 'e')
}

/** `1.2e-7`, or `none` for an infinite one. */
export function scientific(size: number): string {
  if (size === Infinity) return 'none'
  return size === 0 ? '0' : size.toExponential(1)
}

/** As many digits as it takes to tell the value from its neighbours, of which float32 has fewer. */
export function value(x: number): string {
  if (Object.is(x, -0)) return '-0'
  return String(Math.fround(x) === x ? Number(x.toPrecision(9)) : x)
}

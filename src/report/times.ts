/** How many times as much, short however large: `12 ×`, `8,000 ×`, `8e39 ×`. Its source goes into pages. */
export function times(ratio: number): string {
  const short = Number(ratio.toPrecision(2))
  return `${short < 1e6 ? short.toLocaleString('en') : short.toExponential().replace('+', '')} ×`
}

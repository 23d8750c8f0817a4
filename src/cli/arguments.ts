import { InvalidArgumentError } from 'commander'
import { ParityError } from '../format/errors.ts'
import type { Tolerance } from '../verify/compare.ts'

/** `budget`, `torch`, or `rtol,atol`. */
export function parseTolerance(text: string): Tolerance {
  if (text === 'budget' || text === 'torch') return { kind: text }
  const parts = text.split(',')
  const [rtol, atol] = parts.map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (parts.length === 2 && rtol !== undefined && atol !== undefined && isSize(rtol) && isSize(atol)) {
    return { kind: 'explicit', rtol, atol }
  }
  throw new InvalidArgumentError(`expected budget, torch, or two numbers rtol,atol of at least 0, got ${text}`)
}

function isSize(x: number): boolean {
  return x >= 0 && x < Infinity
}

/** → seconds, up to a day */
export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError(`expected seconds above 0 and up to 86400, got ${text}`)
}

/** → a whole number of at least 1 */
export function parsePositive(text: string): number {
  const count = parseCount(text)
  if (count > 0) return count
  throw new InvalidArgumentError(`expected a whole number of at least 1, got ${text}`)
}

/** → seconds */
export function parseDuration(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? []
  const seconds = Number(number) * { s: 1, m: 60, h: 3600, '': 1 }[unit as 's' | 'm' | 'h' | '']
  if (seconds > 0 && seconds <= 604_800) return seconds
  throw new InvalidArgumentError(`expected a duration such as 60s, 5m or 2h, of at most a week, got ${text}`)
}

/** → a whole number of at least 0 */
export function parseCount(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 0 && text.trim() !== '') return count
  throw new InvalidArgumentError(`expected a whole number of at least 0, got ${text}`)
}

/** → the modules of these names, in the order of those that are known; all of them for none */
export function modulesOf<N extends string>(names: readonly string[], known: readonly N[]): readonly N[] {
  for (const name of names) {
    if (!known.some((own) => own === name)) {
      throw new ParityError('USAGE', `--module: expected ${known.join(', ')}, got ${name}`)
    }
  }
  return names.length === 0 ? known : known.filter((name) => names.includes(name))
}

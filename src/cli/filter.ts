// Which cases of a run are meant: `--filter`.
import { ParityError } from '../format/errors.ts'

/** Whether a case, by its `file#id`, is meant. */
export type Filter = (name: string) => boolean

/**
 * A case is meant where any of the texts fits, and none that begins with `!` does. Between slashes it is a regular expression, perhaps with
 * flags (`/lstm.*batch/i`); else it is contained.
 * @throws ParityError USAGE where a regular expression is none.
 */
export function filterOf(texts: readonly string[]): Filter {
  const wanted = texts.filter((text) => !text.startsWith('!')).map((text) => fitting(text))
  const unwanted = texts.filter((text) => text.startsWith('!')).map((text) => fitting(text.slice(1)))
  return (name) => (wanted.length === 0 || wanted.some((fits) => fits(name))) && !unwanted.some((fits) => fits(name))
}

function fitting(text: string): Filter {
  const [, pattern, flags] = /^\/(.+)\/([imsu]*)$/s.exec(text) ?? []
  if (pattern === undefined) return (name) => name.includes(text)
  try {
    const expression = new RegExp(pattern, flags)
    return (name) => expression.test(name)
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause)
    throw new ParityError('USAGE', `--filter: expected a regular expression between slashes, got ${got}`, { cause })
  }
}

/** The texts of a filter in words: `no case that …`. */
export function wordsOf(texts: readonly string[]): string {
  return texts.map((text) => JSON.stringify(text)).join(', ')
}

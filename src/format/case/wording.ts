// How it is said what is wrong with a file. Of zod there are types alone: whoever asks has loaded it.
import type * as z from 'zod'
import { ParityError, type ParityErrorCode } from '../errors.ts'

export function invalid(message: string): ParityError {
  return new ParityError('CASE_INVALID', message)
}

export function caseName(record: unknown): string {
  if (typeof record !== 'object' || record === null || !('id' in record)) return '(without an id)'
  return typeof record.id === 'string' ? printable(record.id.slice(0, 200)) : '(without an id)'
}

/** Parses with zod; the first issue becomes one line that says where, what was expected and what came. */
export function parse<T>(
  schema: z.ZodType<T>,
  value: unknown,
  where: string,
  code: ParityErrorCode = 'CASE_INVALID',
): T {
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const path = issue === undefined || issue.path.length === 0 ? '' : `: ${printable(issue.path.join('.'))}`
  throw new ParityError(code, `${where}${path}: ${issue === undefined ? 'expected another value' : describe(issue)}`)
}

function describe(issue: z.core.$ZodIssue): string {
  const got = `got ${show(issue.input)}`
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}, ${got}`
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => show(value)).join(', ')}, ${got}`
    case 'too_small':
      return `expected at least ${issue.minimum}, ${got}`
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}, ${got}`
    case 'unrecognized_keys':
      return `expected no key ${issue.keys.map((key) => show(key)).join(', ')}`
    case 'invalid_union':
      return `expected one of ${options(issue)}, got ${show(chosen(issue))}`
    default:
      return `${issue.message}, ${got}`
  }
}

function options(issue: z.core.$ZodIssueInvalidUnion): string {
  const known = 'options' in issue && Array.isArray(issue.options) ? (issue.options as unknown[]) : []
  return known.map((option) => show(option)).join(', ')
}

/** What stands where a union is told apart. */
function chosen({ discriminator, input }: z.core.$ZodIssueInvalidUnion): unknown {
  const isMap = typeof input === 'object' && input !== null && discriminator !== undefined
  return isMap ? (input as Record<string, unknown>)[discriminator] : input
}

/** Text from a file as a message may show it: its control characters as escapes. */
/** Text from a file as a message may show it: its control characters as escapes. */
export function printable(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1)
  return escaped.replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A value from a file, in a few words. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return typeof value === 'string' ? `"${printable(value.slice(0, 60))}"` : `${value as number}`
}

/** What kept us from judging; the caller branches on it, the message is for people. */
export type ParityErrorCode =
  | 'FILE_MISSING'
  | 'FILE_UNREADABLE'
  | 'FIXTURE_INVALID'
  | 'CASE_INVALID'
  | 'CASE_UNSUPPORTED'
  | 'CASE_REFUSED'
  | 'ENGINE_INVALID'
  | 'ENGINE_FAILED'
  | 'ENGINE_TIMEOUT'
  | 'NOTHING_JUDGED'
  | 'PYTHON_FAILED'
  | 'RESULTS_INVALID'
  | 'TENSORS_INVALID'
  | 'USAGE'

/**
 * Something that stops us from judging. A mismatch is never an error: it is a verdict.
 * message: where, what, `expected …, got …`; a second line says what to do, where we know it.
 */
export class ParityError extends Error {
  override readonly name = 'ParityError'
  readonly code: ParityErrorCode

  constructor(code: ParityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The message of anything that was thrown, without its stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
}

/** Text that is not ours as one line of a message: no line breaks, no control characters, and not too long. */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
  return line.length > 500 ? `${line.slice(0, 500)}…` : line
}

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
  | 'SHARDS_INCOMPLETE'
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
    super(logText(message), options)
    this.code = code
  }
}

/** The message of anything that was thrown, without its stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
}

/**
 * What others may have put into text to make it look other than it is: control characters, line breaks, and the characters that turn
 * the direction of what stands around them.
 */
const controls = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/u
const runsOfControls = new RegExp(`(?:${controls.source}|\\s)+`, 'gu')

/** Whether text has nothing in it that a terminal would act on. */
export function isPlain(text: string): boolean {
  return !controls.test(text)
}

/** Text that is not ours as one line of a message: no line breaks, no control characters, and not too long. */
export function oneLine(text: string): string {
  const line = text.replace(runsOfControls, ' ').trim()
  return line.length > 500 ? `${line.slice(0, 500)}…` : line
}

/** Text of others with every control character but tabs spelled out: what stands in files for people, of any kind. */
export function spelled(text: string): string {
  return text.replace(new RegExp(controls.source, 'gu'), (character) => {
    if (character === '\t') return character
    const code = character.codePointAt(0) ?? 0
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** The same of several lines. */
export function spelledLines(text: string): string {
  return text
    .split('\n')
    .map((line) => spelled(line))
    .join('\n')
}

/**
 * One line of text of others for a terminal or the log of a job: control characters and those that turn the direction of text are
 * spelled out, and what CI systems take for a command (`::error::`, `##[error]`, `##vso[…]`) is parted.
 */
export function logLine(line: string): string {
  return spelled(line.replace(/\r$/, ''))
    .replace(/^(\s*):(?=:)/, '$1: ')
    .replace(/#(?=#(?:\[|vso\[|teamcity\[))/g, '# ')
}

/** The same of several lines. */
export function logText(text: string): string {
  return text
    .split('\n')
    .map((line) => logLine(line))
    .join('\n')
}

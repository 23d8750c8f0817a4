import { logLine } from '../format/errors.ts'

/** Text of others, line by line, as it may stand in somebody's terminal and in the log of a CI job. */
interface LogLines {
  /** → the lines that are whole by now */
  add(text: string): string
  /** → what is left, as a line */
  end(): string
}

/** A line that is longer comes in parts. */
const longest = 8192

/** Makes lines of text that comes in pieces, without what a terminal or a CI job would take for a command. */
export function logLines(): LogLines {
  let rest = ''
  return {
    add(text) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > longest) {
        lines.push(rest)
        rest = ''
      }
      return lines.map((line) => `${logLine(line)}\n`).join('')
    },
    end() {
      const last = rest
      rest = ''
      return last === '' ? '' : `${logLine(last)}\n`
    },
  }
}

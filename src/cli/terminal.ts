// What people read, as wide as what they read it on.
import { stripVTControlCharacters } from 'node:util'

let stream: NodeJS.WriteStream = process.stdout

/** Lets standard output be for what programs read: what people read goes to standard error. */
export function sayOnStandardError(): void {
  stream = process.stderr
}

/** The columns of where people read, 80 at least; without end where that is no terminal, since programs read lines. */
export function width(): number {
  return stream.isTTY ? Math.max(80, stream.columns) : Infinity
}

/** Prints a line or more, long ones wrapped at words, under what they begin with. */
export function say(text: string): void {
  write(`${wrapped(text, width())}\n`)
}

/** Prints what is to be copied, or has line ends of its own, as it is. */
export function write(text: string): void {
  stream.write(text)
}

/** Lines that are longer than `columns` go on in lines that are indented by four more. */
export function wrapped(text: string, columns: number): string {
  if (columns === Infinity) return text
  return text
    .split('\n')
    .map((line) => wrappedLine(line, columns))
    .join('\n')
}

const lengthOf = (text: string): number => stripVTControlCharacters(text).length

function wrappedLine(line: string, columns: number): string {
  if (lengthOf(line) <= columns) return line
  const indent = ' '.repeat(/^ */.exec(line)![0].length + 4)
  const lines: string[] = []
  let own = ''
  // Each word with the spaces before it, so that columns stay as they are.
  for (const word of line.match(/ *[^ ]+/g) ?? []) {
    if (own !== '' && lengthOf(own) + lengthOf(word) > columns) {
      lines.push(own)
      own = indent + word.trimStart()
    } else own += word
  }
  return [...lines, own].join('\n')
}

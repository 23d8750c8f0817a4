// What a page of this repository shows, as something that can be run. A block of code is
//   a file, where its first line is a comment that is a name, or a comment above it says `<!-- file: map.json -->`;
//   a session, where it is of `console`: what stands after `$ ` is run, the lines after it are what is shown, `…` is any text and,
//   in a line of its own, any lines; `<!-- numbers vary -->` above it lets every number be any, and columns stand otherwise;
//   commands, where it is of `sh`; or it says above why it is not run: `<!-- not run: why -->`.
// `<!-- before: command -->` is run before it. A block without a language is a text, and shows no session.

/** One block of code of a page. */
export interface Block {
  /** Where it begins, from 1. */
  readonly line: number
  readonly language: string
  readonly code: string
  /** What it is called as a file. */
  readonly file?: string
  readonly before?: string
  readonly notRun?: string
  readonly numbersVary: boolean
}

const named = /^(?:\/\/|#) ([\w./-]+\.\w+)$/

function noted(comments: readonly string[], key: string): string | undefined {
  return comments.find((text) => text.startsWith(`${key}: `))?.slice(key.length + 2)
}

/** The blocks of a page, in order. */
export function blocks(text: string): Block[] {
  const found: Block[] = []
  const lines = text.split('\n')
  let comments: string[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const comment = /^<!-- (.*) -->$/.exec(line)
    const fence = /^(\s*```+)(\w*)$/.exec(line)
    if (comment) comments.push(comment[1]!)
    else if (fence) {
      const end = lines.indexOf(fence[1]!, i + 1)
      if (end < 0) throw new Error(`line ${i + 1}: expected the block to end, got the end of the page`)
      const code = lines.slice(i + 1, end).join('\n')
      const file = noted(comments, 'file') ?? named.exec(lines[i + 1]!)?.[1]
      const before = noted(comments, 'before')
      const notRun = noted(comments, 'not run')
      found.push({
        line: i + 1,
        language: fence[2]!,
        code,
        numbersVary: comments.includes('numbers vary'),
        ...(file !== undefined && { file }),
        ...(before !== undefined && { before }),
        ...(notRun !== undefined && { notRun }),
      })
      comments = []
      i = end
    } else if (line.trim() !== '') comments = []
  }
  return found
}

/** A command of a session, and what the page says that it shows. */
export interface Command {
  readonly command: string
  readonly shown: string
}

/** The commands of a session. */
export function commands({ code, line }: Block): Command[] {
  const [first, ...rest] = `\n${code}`.split('\n$ ')
  if (first !== '') throw new Error(`line ${line}: expected a session to begin with '$ ', got '${first!.trim()}'`)
  return rest.map((text) => {
    const [command, ...shown] = text.split('\n')
    return { command: command!, shown: shown.join('\n').trimEnd() }
  })
}

const number = /[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?/g

/** A pattern that is matched by what a page says is shown. */
export function pattern(shown: string, numbersVary: boolean): RegExp {
  const literal = (text: string): string => {
    const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    return numbersVary ? escaped.replace(/ +/g, ' +') : escaped
  }
  const varying = (text: string): string =>
    numbersVary
      ? text
          .split(number)
          .map(literal)
          .join(String.raw`[+-]?\d[\d,.e+-]*`)
      : literal(text)
  if (shown === '') return /^$/
  const parts = shown.split('\n').map((line) => {
    if (line === '…') return String.raw`(?:.*\n)*`
    return `${line.split('…').map(varying).join('.*')}\n`
  })
  return new RegExp(`^${parts.join('')}$`)
}

import { say, width, wrapped } from './terminal.ts'

/** Where a long command says what it has done: lines, and a bar below them on a terminal. */
export interface Progress {
  /** Adds to the number of cases to come. */
  expect(cases: number): void
  /** what: says it, where anybody looks */
  advance(what: () => string): void
  /** Prints to standard output, above the bar where there is one. */
  print(text: string): void
  /** Takes the bar away. */
  stop(): void
}

const plain: Progress = { expect() {}, advance() {}, print: say, stop() {} }

/** The bar, as wide as what it stands on: one that wraps would be drawn below itself. */
function drawn(columns: number, { progress, value, total, what }: Drawn): string {
  const done = Math.round(progress * barWidth)
  const line = `${'█'.repeat(done)}${'░'.repeat(barWidth - done)} ${value}/${total} ${what}`
  return line.length < columns ? line : `${line.slice(0, columns - 2)}…`
}

interface Drawn {
  readonly progress: number
  readonly value: number
  readonly total: number
  readonly what: string
}

const barWidth = 20

/** A bar where standard output or standard error is a terminal, or else, and where isNone says so, nothing but lines. */
export async function startProgress(isNone = false): Promise<Progress> {
  const stream = process.stdout.isTTY ? process.stdout : process.stderr
  if (isNone || !stream.isTTY) return plain
  const { MultiBar } = await import('cli-progress')
  const bars = new MultiBar({
    format: (_, { progress, value, total: of }, { what }: { readonly what: string }) =>
      drawn(stream.columns, { progress, value, total: of, what }),
    clearOnComplete: true,
    hideCursor: true,
    stream,
    gracefulExit: false,
    // Else whatever is printed above the bar is cut at the edge.
    linewrap: true,
  })
  const bar = bars.create(0, 0, { what: '' })
  let total = 0
  return {
    expect(cases) {
      total += cases
      bar.setTotal(total)
    },
    advance(what) {
      bar.increment(1, { what: what() })
    },
    print: stream === process.stdout ? (text) => bars.log(`${wrapped(text, width())}\n`) : say,
    stop() {
      // What was logged is only printed with the next picture of the bar.
      bars.update()
      bars.stop()
    },
  }
}

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

const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
const plain: Progress = { expect() {}, advance() {}, print, stop() {} }

/** A bar where standard output or standard error is a terminal, else nothing but lines. */
export async function startProgress(quiet: boolean): Promise<Progress> {
  const stream = process.stdout.isTTY ? process.stdout : process.stderr
  if (quiet || !stream.isTTY) return plain
  const { MultiBar, Presets } = await import('cli-progress')
  const bars = new MultiBar(
    { format: '{bar} {value}/{total} {what}', clearOnComplete: true, hideCursor: true, stream, gracefulExit: false },
    Presets.shades_classic,
  )
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
    print: stream === process.stdout ? (text) => bars.log(`${text}\n`) : print,
    stop() {
      // What was logged is only printed with the next picture of the bar.
      bars.update()
      bars.stop()
    },
  }
}

import { adapters, isInstalled } from '../adapters/peer.ts'
import { run } from '../engine/run.ts'
import { type Case, isModelRequest } from '../format/case.ts'
import { logLine, ParityError } from '../format/errors.ts'
import { elementCount } from '../format/tensor.ts'
import { chosenEngine } from '../ports/engine.ts'
import { addCase, type Cell, type Matrix, newCell, renderMatrix, type Row } from '../report/matrix.ts'
import { toJSON } from '../report/json.ts'
import { requestOf, verify } from '../verify.ts'
import { findFixtures, openFile, writeAside } from './files.ts'
import { type Interruption, onInterrupt } from './interrupt.ts'
import { type Progress, startProgress } from './progress.ts'

interface MatrixOptions {
  /** Names or modules of engines; float32 and every adapter that is installed where there are none. */
  readonly engine: readonly string[]
  readonly json?: string
  readonly markdown?: string
  readonly timeoutMs: number
  readonly quiet: boolean
}

/** How long one engine is timed by one module. */
const timedMs = 300

/** Asks every engine for every case and shows what each makes of them. → the exit code */
export async function matrix(paths: readonly string[], options: MatrixOptions): Promise<number> {
  const { files, errors } = await findFixtures(paths)
  for (const { message } of errors) process.stderr.write(`error ${message}\n`)
  const installed = Object.keys(adapters).filter((name) => isInstalled(name))
  const isAsked = options.engine.length > 0
  const engines = isAsked ? options.engine : ['float32', ...installed]
  const missing = isAsked ? [] : Object.keys(adapters).filter((name) => !installed.includes(name))
  const interruption = onInterrupt()
  const progress = await startProgress(options.quiet)
  const rows: Row[] = []
  try {
    for (const engine of engines) {
      if (interruption.signal.aborted) break
      rows.push(await rowOf(engine, files, options, progress, interruption))
    }
    progress.stop()
    const made: Matrix = { rows, missing }
    if (interruption.signal.aborted) process.stderr.write('interrupted: what was judged until then follows\n')
    const markdown = `${renderMatrix(made)}\n`
    process.stdout.write(markdown)
    if (options.markdown !== undefined) await writeAside(options.markdown, [markdown])
    if (options.json !== undefined) {
      await writeAside(options.json, [`${toJSON({ format: 'torch-parity-matrix', version: 1, ...made })}\n`])
    }
    if (interruption.signal.aborted) return interruption.exitCode
    return exitCodeOf(
      rows.flatMap(({ cells }) => cells),
      errors.length,
    )
  } finally {
    progress.stop()
    interruption.stop()
  }
}

/** As of `verify`: an engine that fails at a case cannot be judged by it, and nothing decided is no match. */
function exitCodeOf(cells: readonly Cell[], errors: number): number {
  const count = (of: 'matched' | 'mismatched' | 'failed'): number =>
    cells.reduce((sum, cell) => sum + cell[of] + cell.special[of], 0)
  if (errors > 0 || count('failed') > 0 || count('matched') + count('mismatched') === 0) return 2
  return count('mismatched') > 0 ? 1 : 0
}

async function rowOf(
  name: string,
  files: readonly string[],
  { timeoutMs }: MatrixOptions,
  progress: Progress,
  interruption: Interruption,
): Promise<Row> {
  const { signal } = interruption
  const { engine, host } = await chosenEngine({ engine: name }, timeoutMs, signal)
  const cells = new Map<string, Cell>()
  const longest = new Map<string, { readonly file: string; readonly recorded: Case; readonly work: number }>()
  try {
    for (const file of files) {
      const fixture = await openFile(file)
      progress.expect(fixture.length)
      for await (const read of fixture.cases()) {
        if (signal.aborted) break
        if ('error' in read) throw read.error
        const recorded = read.case
        const { module, id } = recorded
        progress.advance(() => logLine(`${engine.name} ${file} ${id}`))
        const cell = cells.get(module) ?? newCell(module)
        cells.set(module, cell)
        try {
          const verdict = await verify(recorded, engine)
          addCase(cell, file, recorded, verdict)
          const work = workOf(recorded)
          if (verdict.outcome === 'match' && work > (longest.get(module)?.work ?? 0)) {
            longest.set(module, { file, recorded, work })
          }
        } catch (error) {
          if (!(error instanceof ParityError) || signal.aborted) throw error
          addCase(cell, file, recorded, { error: error.message })
        }
        await interruption.breathe()
      }
      await host?.release()
    }
    for (const [module, { file, recorded }] of signal.aborted ? [] : longest) {
      const request = requestOf(recorded)
      const ms = await leastMs(() => engine.run(request))
      const oursMs = await leastMs(() => run(request))
      cells.get(module)!.speed = { file, id: recorded.id, ms, oursMs }
    }
  } finally {
    await host?.close()
  }
  return { engine: engine.name, cells: [...cells.values()] }
}

/** How many products there are, about. */
function workOf(recorded: Case): number {
  if (isModelRequest(recorded)) return 0
  const weights = Object.values(recorded.params).reduce((sum, { shape }) => sum + elementCount(shape), 0)
  return weights * elementCount(recorded.inputs.input.shape.slice(0, -1))
}

/** Milliseconds of a clock for the fastest of some calls. */
async function leastMs(call: () => unknown): Promise<number> {
  let least = Infinity
  const end = performance.now() + timedMs
  do {
    const began = performance.now()
    await call()
    least = Math.min(least, performance.now() - began)
  } while (performance.now() < end)
  return least
}

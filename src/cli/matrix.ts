import { adapters, isInstalled } from '../adapters/peer.ts'
import { installedInPython, pythonAdapters } from '../adapters/python.ts'
import { run } from '../engine/run.ts'
import { type Case, isModelRequest } from '../format/case.ts'
import { logLine, messageOf, oneLine, ParityError } from '../format/errors.ts'
import { elementCount } from '../format/tensor.ts'
import { chosenEngine } from '../ports/engine.ts'
import { type Asked, askedOf, type Came, cameOf, cellOf, type Matrix, type Row, type Speed } from '../report/matrix.ts'
import { matrixRecord } from '../report/matrix/json.ts'
import { renderMatrix } from '../report/matrix/markdown.ts'
import { toJSON } from '../report/json.ts'
import { requestOf, verify } from '../verify.ts'
import { findFixtures, openFile, writeAside } from './files.ts'
import { type Interruption, onInterrupt } from './interrupt.ts'
import { type Progress, startProgress } from './progress.ts'
import { write } from './terminal.ts'

interface MatrixOptions {
  /** Names or modules of engines; float32 and every adapter that is installed where there are none. */
  readonly engine: readonly string[]
  readonly json?: string
  readonly markdown?: string
  readonly html?: string
  readonly timeoutMs: number
  readonly quiet: boolean
}

/** How long one engine is timed by one module. */
const timedMs = 300

/** Asks every engine for every case and shows what each makes of them. → the exit code */
export async function matrix(paths: readonly string[], options: MatrixOptions): Promise<number> {
  const { files, errors } = await findFixtures(paths)
  for (const { message } of errors) process.stderr.write(`error ${message}\n`)
  const { engines, missing } = await enginesOf(options.engine)
  const interruption = onInterrupt()
  const progress = await startProgress(options.quiet)
  const cases: Asked[] = []
  const rows: Row[] = []
  const broken: { asked: string; error: string }[] = []
  try {
    for (const engine of engines) {
      if (interruption.signal.aborted) break
      try {
        rows.push(await rowOf(engine, files, cases, options, progress, interruption))
      } catch (error) {
        if (!(error instanceof ParityError) || !ofEngines.has(error.code)) throw error
        // One that cannot be loaded keeps no other from being judged.
        if (!interruption.signal.aborted) broken.push({ asked: engine, error: oneLine(messageOf(error)) })
      }
    }
    progress.stop()
    const made: Matrix = { cases, rows, missing, broken }
    if (interruption.signal.aborted) process.stderr.write('interrupted: what was judged until then follows\n')
    for (const { asked, error } of broken) process.stderr.write(`error ${logLine(`${asked}: ${error}`)}\n`)
    const markdown = `${renderMatrix(made)}\n`
    write(markdown)
    if (options.markdown !== undefined) await writeAside(options.markdown, [markdown])
    if (options.json !== undefined) await writeAside(options.json, [`${toJSON(matrixRecord(made))}\n`])
    if (options.html !== undefined) {
      const { renderMatrixPage } = await import('../report/matrix/html.ts')
      await writeAside(options.html, renderMatrixPage(made))
    }
    return interruption.signal.aborted ? interruption.exitCode : exitCodeOf(made, errors.length)
  } finally {
    progress.stop()
    interruption.stop()
  }
}

/** What an engine may do that keeps it from being asked, where that is not the user's mistake. */
const ofEngines: ReadonlySet<string> = new Set(['ENGINE_FAILED', 'ENGINE_INVALID', 'ENGINE_TIMEOUT'])

async function enginesOf(asked: readonly string[]): Promise<{ engines: readonly string[]; missing: string[] }> {
  if (asked.length > 0) return { engines: asked, missing: [] }
  const all = [...Object.keys(adapters), ...Object.keys(pythonAdapters)]
  const installed = new Set([
    ...Object.keys(adapters).filter((name) => isInstalled(name)),
    ...(await installedInPython()),
  ])
  return {
    engines: ['float32', ...all.filter((name) => installed.has(name))],
    missing: all.filter((name) => !installed.has(name)),
  }
}

/** As of `verify`: an engine that fails at a case cannot be judged by it, and nothing decided is no match. */
function exitCodeOf(made: Matrix, errors: number): number {
  const cells = made.rows.map((row) => cellOf(made, row))
  const count = (of: 'matched' | 'mismatched' | 'failed'): number =>
    cells.reduce((sum, cell) => sum + cell[of] + cell.special[of], 0)
  if (errors + made.broken.length + count('failed') > 0 || count('matched') + count('mismatched') === 0) return 2
  return count('mismatched') > 0 ? 1 : 0
}

/** cases: those that engines before it were asked for, to which the first one adds. */
async function rowOf(
  name: string,
  files: readonly string[],
  cases: Asked[],
  { timeoutMs }: MatrixOptions,
  progress: Progress,
  interruption: Interruption,
): Promise<Row> {
  const { signal } = interruption
  const { engine, host } = await chosenEngine({ engine: name }, timeoutMs, signal)
  const came: Came[] = []
  const longest = new Map<string, { readonly file: string; readonly recorded: Case; readonly work: number }>()
  const speeds: Speed[] = []
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
        const verdict = await verify(recorded, engine).catch((error: unknown) => {
          if (error instanceof ParityError) return { error: error.message }
          throw error
        })
        if (signal.aborted) break
        addCase(cases, came, file, recorded, verdict)
        if ('outcome' in verdict && verdict.outcome === 'match') {
          const work = workOf(recorded)
          if (work > (longest.get(module)?.work ?? 0)) longest.set(module, { file, recorded, work })
        }
        await interruption.breathe()
      }
      await host?.release()
    }
    for (const [module, { file, recorded }] of signal.aborted ? [] : longest) {
      const request = requestOf(recorded)
      const ms = await leastMs(() => engine.run(request))
      const oursMs = await leastMs(() => run(request))
      speeds.push({ module, file, id: recorded.id, ms, oursMs })
    }
  } finally {
    await host?.close()
  }
  return { engine: engine.name, asked: name, came, speeds }
}

function addCase(cases: Asked[], came: Came[], file: string, recorded: Case, what: Parameters<typeof cameOf>[1]): void {
  const asked = (cases[came.length] ??= askedOf(file, recorded))
  if (asked.file !== file || asked.id !== recorded.id) {
    const message = `${file}: expected the same cases for each engine, got ${recorded.id} where ${asked.id} was before`
    throw new ParityError('FIXTURE_INVALID', message)
  }
  came.push(cameOf(recorded, what))
}

/** How many products there are, about. */
function workOf(recorded: Case): number {
  if (isModelRequest(recorded)) return 0
  const weights = Object.values(recorded.params).reduce((sum, { shape }) => sum + elementCount(shape), 0)
  return weights * elementCount(recorded.inputs.input.shape.slice(0, -1))
}

/** Milliseconds of a clock for the fastest of some calls, but for the first, which may compile. */
async function leastMs(call: () => unknown): Promise<number> {
  await call()
  let least = Infinity
  const end = performance.now() + timedMs
  do {
    const began = performance.now()
    await call()
    least = Math.min(least, performance.now() - began)
  } while (performance.now() < end)
  return least
}

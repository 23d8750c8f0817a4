import { stat } from 'node:fs/promises'
import { logLine, ParityError } from '../format/errors.ts'
import type { RayOptions } from '../oracle.ts'
import { runPython } from '../oracle/python.ts'
import { dumpArguments } from '../oracle/ray.ts'
import { interpreter } from '../ports/interpreter.ts'
import { plural } from '../report/text.ts'
import { onInterrupt } from './interrupt.ts'
import { startProgress } from './progress.ts'

export interface GenerateOptions {
  readonly python?: string
  readonly out: string
  readonly suite: readonly string[]
  readonly seed?: number
  readonly count?: number
  /** Where torch computes: cpu, cuda, cuda:N. */
  readonly device?: string
  readonly tf32?: boolean
  /** The actors that record; this machine's Python when absent. */
  readonly ray?: RayOptions | undefined
  readonly quiet: boolean
}

/** Records suites with the Python package. → the exit code */
export async function generate(options: GenerateOptions): Promise<number> {
  const { out, suite, seed, count, device, tf32 = false, ray, quiet } = options
  const args = ['dump', '--progress', '--out', out]
  if (suite.length > 0) args.push('--suite', ...suite)
  if (seed !== undefined) args.push('--seed', String(seed))
  if (count !== undefined) args.push('--count', String(count))
  if (device !== undefined) args.push('--device', device)
  if (tf32) args.push('--tf32')
  if (ray !== undefined) args.push(...dumpArguments(ray))
  const interruption = onInterrupt()
  const progress = await startProgress(quiet)
  const named: { readonly path: string; readonly bytes: number }[] = []
  let files = 0
  try {
    await runPython(
      interpreter(options.python),
      args,
      ({ event, ...about }) => {
        if (event === 'start') progress.expect(Number(about['total']))
        if (event === 'case') progress.advance(() => logLine(`${String(about['suite'])} ${String(about['id'])}`))
        if (event === 'file') named.push({ path: String(about['path']), bytes: Number(about['bytes']) })
        if (event === 'done') files = Number(about['files'])
        if (event === 'file' && !quiet) {
          progress.print(
            `${logLine(String(about['path']))}: ${plural(Number(about['cases']), 'case')}, ${String(about['bytes'])} bytes`,
          )
        }
        if (event === 'done' && !quiet) {
          progress.print(`${plural(Number(about['cases']), 'case')} in ${plural(Number(about['files']), 'file')}`)
        }
      },
      interruption.signal,
    )
    await checkFiles(named, files)
    return 0
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode
    throw error
  } finally {
    progress.stop()
    interruption.stop()
  }
}

/** Python is believed as far as what it has named is there. */
async function checkFiles(
  named: readonly { readonly path: string; readonly bytes: number }[],
  files: number,
): Promise<void> {
  if (named.length !== files) {
    throw new ParityError(
      'PYTHON_FAILED',
      `expected ${plural(files, 'file')}, as Python says, got ${named.length} named`,
    )
  }
  for (const { path, bytes } of named) {
    const stats = await stat(path).catch((cause: unknown) => {
      throw new ParityError('PYTHON_FAILED', `${path}: expected the file that Python says it has written, got none`, {
        cause,
      })
    })
    if (!stats.isFile() || stats.size !== bytes) {
      throw new ParityError('PYTHON_FAILED', `${path}: expected ${bytes} bytes, as Python says, got ${stats.size}`)
    }
  }
}

import type { Causes } from '../diagnose/causes.ts'
import type { Verdict } from '../verify.ts'
import type { Detail, Results } from './results.ts'

/** JSON of a verdict or of any other part of the results, with NaN and infinities as strings. */
export function toJSON(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item,
  )
}

/** What the results begin with, before their cases. */
export function openResults(run: Pick<Results, 'engine' | 'tolerance' | 'target' | 'equalNan'>): string {
  const { engine, tolerance, target, equalNan } = run
  const head = toJSON({ format: 'torch-parity-results', version: 1, engine, tolerance, target, equalNan })
  return `${head.slice(0, -1)},\n"cases":[`
}

/** One case of the results. */
export function caseOfResults(file: string, verdict: Verdict, first: boolean, detail: Detail = {}): string {
  return `${first ? '' : ','}\n${toJSON({ file, ...verdict, ...detail })}`
}

/** What the results end with, after their cases. */
export function closeResults(
  end: Pick<Results, 'errors' | 'summary' | 'exitCode' | 'fixtures' | 'engineFile' | 'engineCommand' | 'enginePage'> & {
    readonly causes?: Causes
    readonly shard?: Results['shard']
  },
): string {
  return `\n],\n${toJSON(end).slice(1)}\n`
}

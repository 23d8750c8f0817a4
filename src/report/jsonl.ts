import { toJSON } from './json.ts'
import type { Results } from './results.ts'

/** JSON Lines: for each run a line that says what was judged and how, one for each case and each error, and one with the counts. */
export function* renderJSONL(runs: readonly Results[]): Generator<string> {
  for (const { cases, errors, summary, exitCode, ...head } of runs) {
    yield `${toJSON({ kind: 'run', ...head })}\n`
    for (const judged of cases) yield `${toJSON({ kind: 'case', ...judged })}\n`
    for (const error of errors) yield `${toJSON({ kind: 'error', ...error })}\n`
    yield `${toJSON({ kind: 'end', summary, exitCode })}\n`
  }
}

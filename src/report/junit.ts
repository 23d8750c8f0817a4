import { fails } from '../verify/conduct.ts'
import { spelledLines } from '../format/errors.ts'
import { isFault } from '../verify.ts'
import type { CauseGroup, Causes } from '../diagnose/causes.ts'
import { causeOfEach, confirmedOf, nothingYet, severalCauses } from './causes.ts'
import { explainSaved } from './plain.ts'
import type { Results } from './results.ts'
import { plural } from './text.ts'

/** JUnit XML: a suite for each engine and fixture file, a test case for each case. Source: junit-10.xsd of Jenkins' xUnit plugin. */
export function* renderJUnit(runs: readonly Results[]): Generator<string> {
  const total = (pick: (results: Results) => number): number => runs.reduce((sum, results) => sum + pick(results), 0)
  const tests = total(({ cases, errors }) => cases.length + errors.length)
  const failures = total(({ cases }) => cases.filter((judged) => isFault(judged)).length)
  const errors = total((results) => results.errors.length)
  yield '<?xml version="1.0" encoding="UTF-8"?>\n'
  yield `<testsuites name="torch-parity" tests="${tests}" failures="${failures}" errors="${errors}">\n`
  for (const results of runs) yield* suitesOf(results)
  yield '</testsuites>\n'
}

function* suitesOf({ engine, cases, causes, errors }: Results): Generator<string> {
  const causeOf = causeOfEach(causes)
  const several = severalCauses(causes)
  const files = new Map<string, Results['cases']>()
  for (const judged of cases) files.set(judged.file, [...(files.get(judged.file) ?? []), judged])
  for (const [file, own] of files) {
    const count = (outcome: string): number => own.filter((judged) => judged.outcome === outcome).length
    const counts = `tests="${own.length}" failures="${own.filter((judged) => isFault(judged)).length}" errors="0" skipped="${count('unsupported') + count('undecided')}"`
    yield `  <testsuite name="${escaped(`${engine}: ${file}`)}" file="${escaped(file)}" ${counts}>\n`
    yield propertiesOf(file, several)
    for (const judged of own) yield caseOf(engine, judged, causeOf(judged))
    yield '  </testsuite>\n'
  }
  if (errors.length === 0) return
  const counts = `tests="${errors.length}" failures="0" errors="${errors.length}" skipped="0"`
  yield `  <testsuite name="${escaped(`${engine}: not judged`)}" ${counts}>\n`
  for (const { file = 'no file', code, message } of errors) {
    const text = `<error type="${escaped(code)}" message="${escaped(firstLine(message))}">${escaped(message)}</error>`
    yield `    <testcase classname="${escaped(engine)}" name="${escaped(`${file}: ${code}`)}" time="0">${text}</testcase>\n`
  }
  yield '  </testsuite>\n'
}

/** What the mismatches of a file come from, where there are several in the run. */
function propertiesOf(file: string, causes: Causes | undefined): string {
  if (causes === undefined) return ''
  const here = ({ cases }: { readonly cases: CauseGroup['cases'] }): number =>
    cases.filter((place) => place.file === file).length
  const values = causes.groups.flatMap((group) =>
    here(group) === 0
      ? []
      : [`${here(group)} of ${plural(group.cases.length, 'case')}: the engine ${group.sentence}${confirmedOf(group)}`],
  )
  const { unexplained } = causes
  if (here(unexplained) > 0) {
    values.push(`${here(unexplained)} of ${plural(unexplained.cases.length, 'case')}: ${nothingYet(unexplained)}`)
  }
  if (values.length === 0) return ''
  const lines = values.map((value) => `      <property name="cause" value="${escaped(value)}"/>\n`)
  return `    <properties>\n${lines.join('')}    </properties>\n`
}

function caseOf(engine: string, judged: Results['cases'][number], cause: CauseGroup | undefined): string {
  const { id, module, outcome, reason = '' } = judged
  const open = `    <testcase classname="${escaped(`${engine}.${module}`)}" name="${escaped(id)}" time="0"`
  if (outcome !== 'mismatch' && isFault(judged)) {
    const kind = judged.conduct?.find((each) => fails(each))?.kind ?? ''
    return `${open}><failure type="${escaped(kind)}" message="${escaped(kind)}">${escaped(explainSaved(judged))}</failure></testcase>\n`
  }
  if (outcome === 'match') return `${open}/>\n`
  if (outcome !== 'mismatch') {
    return `${open}><skipped message="${escaped(`${outcome}: ${reason}`)}"/></testcase>\n`
  }
  const off = judged.comparisons.filter((each) => each.outcome === 'mismatch').map(({ tensor }) => tensor)
  const message = escaped(
    `departs from PyTorch in ${off.length > 0 ? off.join(', ') : judged.chain === undefined ? 'single steps' : 'parts of the sequence'}`,
  )
  return `${open}><failure type="mismatch" message="${message}">${escaped(explainSaved(judged, cause))}</failure></testcase>\n`
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? ''
}

/** Characters that XML 1.0 has no place for, not even escaped, are replaced. */
function escaped(text: string): string {
  return spelledLines(text)
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"'\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}

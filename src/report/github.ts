import { spelled, spelledLines } from '../format/errors.ts'
import { isFault } from '../verify.ts'
import type { CauseGroup, Causes } from '../diagnose/causes.ts'
import { causeOfEach, confirmedOf, nothingYet, severalCauses } from './causes.ts'
import { explainSaved, verdictOf } from './plain.ts'
import type { Results } from './results.ts'
import { addToModules, type ModuleTotals } from './modules.ts'
import { percent, plural } from './text.ts'

/** GitHub shows so many annotations of a step; the rest is in the summary. */
const mostAnnotations = 10
/** A step summary may have 1 MiB. */
const mostCharacters = 900_000

/** Workflow commands, one a line. Source: docs.github.com, "Workflow commands for GitHub Actions". */
export function renderAnnotations(runs: readonly Results[]): string {
  const lines: string[] = []
  for (const { engine, cases, causes, errors } of runs) {
    const causeOf = causeOfEach(causes)
    for (const { file, message } of errors) lines.push(annotation(file, `${engine} could not be judged`, message))
    for (const judged of cases) {
      if (isFault(judged)) {
        lines.push(
          annotation(
            judged.file,
            judged.outcome === 'mismatch' ? `${engine} departs from PyTorch` : `${engine} is not to be relied on`,
            explainSaved(judged, causeOf(judged)),
          ),
        )
      }
    }
  }
  const more = lines.length - mostAnnotations
  const shown =
    more > 0
      ? [...lines.slice(0, mostAnnotations - 1), annotation(undefined, 'torch-parity', `${more + 1} more`)]
      : lines
  return shown.map((line) => `${line}\n`).join('')
}

function annotation(file: string | undefined, title: string, message: string): string {
  const about = [...(file === undefined ? [] : [`file=${property(file)}`]), `title=${property(title)}`]
  return `::error ${about.join(',')}::${data(message)}`
}

function data(text: string): string {
  return spelledLines(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

/** A step summary in Markdown: the counts, a table by module, and the mismatches as far as there is room. */
export function renderStepSummary(runs: readonly Results[]): string {
  return runs.map((results) => summaryOf(results)).join('\n')
}

function summaryOf({ engine, cases, causes, errors, summary }: Results): string {
  const { matched, mismatched, undecided, unsupported } = summary
  const sign = errors.length > 0 ? '⚠️' : cases.some((judged) => isFault(judged)) ? '❌' : matched > 0 ? '✅' : '⚠️'
  const counts = [
    `${matched} matched`,
    `${mismatched} mismatched`,
    `${undecided} undecided`,
    `${unsupported} unsupported`,
    plural(errors.length, 'error'),
    ...Object.entries(summary.conduct).map(([kind, count]) => `${count} ${kind}`),
  ]
  const modules = new Map<string, ModuleTotals>()
  for (const judged of cases) addToModules(modules, verdictOf(judged))
  const rows = [...modules].map(
    ([module, { cases: count, tensors, gradients, share }]) =>
      `| ${escaped(module)} | ${count} | ${tensors} | ${gradients} | ${percent(share)} |`,
  )
  let text = [
    `## ${sign} torch-parity: ${escaped(engine)}`,
    '',
    `${plural(summary.cases, 'case')}: ${counts.join(', ')}`,
    '',
    '| module | cases | tensors | gradients | error used |',
    '| --- | --: | --: | --: | --: |',
    ...rows,
    '',
  ].join('\n')
  for (const { message } of errors) text += `\n- ${escaped(message)}\n`
  text += causesOf(severalCauses(causes))
  const causeOf = causeOfEach(causes)
  let left = cases.filter((judged) => isFault(judged)).length
  for (const judged of cases) {
    if (!isFault(judged)) continue
    const title = escaped(`${judged.file}: ${judged.id}`)
    const own = `\n<details><summary>${title}</summary>\n\n<pre>${escapedHtml(explainSaved(judged, causeOf(judged)))}</pre>\n\n</details>\n`
    if (text.length + own.length > mostCharacters) break
    text += own
    left--
  }
  return left === 0 ? text : `${text}\n${left} more mismatches have no room here\n`
}

/** A table of what the mismatches come from. */
function causesOf(causes: Causes | undefined): string {
  if (causes === undefined) return ''
  const { groups, unexplained } = causes
  const row = (cases: CauseGroup['cases'], why: string): string => {
    const [first] = cases
    return `| ${cases.length} | ${escaped(why)} | ${first === undefined ? '' : escaped(`${first.file}: ${first.id}`)} |\n`
  }
  const rows = groups.map((group) => row(group.cases, `the engine ${group.sentence}${confirmedOf(group)}`))
  if (unexplained.cases.length > 0) rows.push(row(unexplained.cases, nothingYet(unexplained)))
  return `\n| mismatches | why | first |\n| --: | --- | --- |\n${rows.join('')}`
}

/** Text as Markdown shows it, in one line. */
function escaped(text: string): string {
  return escapedHtml(spelled(text.replace(/\s+/g, ' '))).replace(
    /[\\`*_{}[\]()#+\-.!|~]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  )
}

function escapedHtml(text: string): string {
  return spelledLines(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

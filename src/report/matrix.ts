// What engines make of the same cases, side by side: engine × module.
import { elementCount, largest, smallestNormal } from '../format/tensor.ts'
import type { Case } from '../format/case.ts'
import type { Verdict } from '../verify.ts'
import { percent, shareOf } from './text.ts'

/** An engine and a module: how many cases came to what. Special ones are counted apart, in none of the other counts but `cases`. */
export interface Cell {
  readonly module: string
  cases: number
  supported: number
  matched: number
  undecided: number
  mismatched: number
  /** Those of which the engine threw, hung or died. */
  failed: number
  readonly special: { supported: number; matched: number; undecided: number; mismatched: number; failed: number }
  /** The largest share of the allowed error in a match of ordinary numbers. */
  share: number
  /** How many are not supported, by the reason that was given. */
  readonly unsupported: Record<string, number>
  /** What is off or has failed. */
  readonly departing: {
    readonly file: string
    readonly id: string
    readonly special: boolean
    readonly error?: string
  }[]
  /** One answer to the largest case that matches, its way to the engine's process and back included, and what ours takes. */
  speed?: { readonly file: string; readonly id: string; readonly ms: number; readonly oursMs: number }
}

/** One engine over all modules. */
export interface Row {
  readonly engine: string
  readonly cells: readonly Cell[]
}

/** What `torch-parity matrix --json` writes. */
export interface Matrix {
  readonly rows: readonly Row[]
  /** The adapters whose framework is not installed. */
  readonly missing: readonly string[]
}

export function newCell(module: string): Cell {
  const none = { supported: 0, matched: 0, undecided: 0, mismatched: 0, failed: 0 }
  return { module, cases: 0, ...none, special: { ...none }, share: 0, unsupported: {}, departing: [] }
}

/** All outputs of a case are smaller than this where its numbers are tiny. */
const tiny = 2 ** -15

/** Whether a case is about numbers that are not ordinary: NaN, infinities, subnormal ones, or all of them tiny. */
export function isSpecial({ dtype, params, inputs, expected }: Case): boolean {
  const given = [...Object.values(params), ...Object.values(inputs)].filter((tensor) => tensor !== undefined)
  for (const { data } of [...given, ...Object.values(expected)]) {
    if (data instanceof BigInt64Array) continue
    for (const x of data) if (!Number.isFinite(x) || (x !== 0 && Math.abs(x) < smallestNormal[dtype])) return true
  }
  const outputs = Object.values(expected).filter(({ shape }) => elementCount(shape) > 0)
  return outputs.length > 0 && outputs.every(({ data }) => largest(data) < tiny)
}

/** Adds what came of a case; an error is why there is no verdict. */
export function addCase(cell: Cell, file: string, recorded: Case, came: Verdict | { readonly error: string }): void {
  cell.cases++
  const isError = 'error' in came
  if (!isError && came.outcome === 'unsupported') {
    const { reason = '' } = came
    cell.unsupported[reason] = (cell.unsupported[reason] ?? 0) + 1
    return
  }
  const special = isSpecial(recorded)
  const counts = special ? cell.special : cell
  counts.supported++
  const departure = { file, id: recorded.id, special }
  if (isError) {
    counts.failed++
    cell.departing.push({ ...departure, error: came.error })
  } else if (came.outcome === 'mismatch') {
    counts.mismatched++
    cell.departing.push(departure)
  } else if (came.outcome === 'undecided') counts.undecided++
  else {
    counts.matched++
    if (!special) cell.share = Math.max(cell.share, shareOf(came))
  }
}

/** The table in Markdown: one line for each engine and module of which it supports a case. */
export function renderMatrix({ rows, missing }: Matrix): string {
  const head = [
    '| engine | module | supported | matched | undecided | mismatched | failed | of the allowed error | special values: matched | mismatched | failed | one answer | ours |',
    '| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |',
  ]
  const lines = rows.flatMap(({ engine, cells }) =>
    cells.filter(({ supported, special }) => supported + special.supported > 0).map((cell) => lineOf(engine, cell)),
  )
  const none = rows.flatMap(({ engine, cells }) => {
    const names = cells
      .filter(({ supported, special }) => supported + special.supported === 0)
      .map(({ module }) => module)
    return names.length === 0 ? [] : [`${cellText(engine)} supports no case of ${names.join(', ')}.`]
  })
  const rest = missing.length === 0 ? [] : [`Not installed: ${missing.join(', ')}.`]
  return [...head, ...lines, ...[...none, ...rest].flatMap((text) => ['', text])].join('\n')
}

function lineOf(engine: string, cell: Cell): string {
  const { special, speed } = cell
  const ms = (x: number | undefined): string => (x === undefined ? '-' : `${Number(x.toPrecision(2))} ms`)
  const own = [cell.matched, cell.undecided, cell.mismatched, cell.failed, percent(cell.share)]
  const apart = [special.matched, special.mismatched, special.failed]
  const supported = `${cell.supported + special.supported} of ${cell.cases}`
  const fields = [cellText(engine), cell.module, supported, ...own, ...apart, ms(speed?.ms), ms(speed?.oursMs)]
  return `| ${fields.join(' | ')} |`
}

/** The name of an engine, which is its own to choose, as part of a table. */
function cellText(engine: string): string {
  return engine.replaceAll(/[|\\`<>[\]*_]/g, String.raw`\$&`)
}

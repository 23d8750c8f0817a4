// What the page shows of results: numbers as it writes them, errors beside cases, and how captured models hang together.
import { ExportedConfig } from '../../format/exported/config.ts'
import { type Reference, keyOf, madeOf } from '../../format/exported.ts'
import { type Against, againstOf } from '../against.ts'
import type { Results } from '../results.ts'
import { type Columns, columnsOf } from './columns.ts'

type Judged = Results['cases'][number]
type Compared = Judged['comparisons'][number]

/** A tensor of a captured model, and what it is computed from: other such tensors. */
export interface Tap {
  readonly name: string
  readonly from: readonly string[]
  readonly operations: readonly string[]
  readonly module: string
  readonly line: string
}

/** A case, or what keeps one from being judged. */
export interface Shown extends Omit<Judged, 'outcome' | 'comparisons' | 'parts' | 'steps' | 'chain' | 'ratios'> {
  readonly outcome: Judged['outcome'] | 'error'
  readonly comparisons: readonly ShownComparison[]
  readonly steps?: { readonly decided: number; readonly of: number; readonly comparisons: readonly ShownComparison[] }
  readonly chain?: { readonly sizes: readonly number[]; readonly comparisons: readonly ShownComparison[] }
  readonly graph?: readonly Tap[]
}

export type ShownComparison = Omit<Compared, 'rtol' | 'atol'>

/** What goes into the page. */
export interface Content extends Omit<Results, 'cases' | 'errors'> {
  readonly columns: Columns
  readonly against?: Against
}

/** before: other results, with which these are compared. */
export function contentOf({ cases, errors, ...rest }: Results, before?: Results): Content {
  const shown = [...cases.map((judged) => shownOf(judged)), ...failuresOf(errors)]
  return {
    ...rest,
    columns: columnsOf(shown),
    ...(before !== undefined && { against: againstOf({ ...rest, cases, errors }, before) }),
  }
}

function shownOf(judged: Judged): Shown {
  const { comparisons, parts: _, steps, chain, ratios: __, profile, config, ...rest } = judged
  return {
    ...rest,
    comparisons: comparisons.map((each) => comparisonOf(each)),
    ...(steps && { steps: { ...steps, comparisons: steps.comparisons.map((each) => comparisonOf(each)) } }),
    ...(chain && { chain: { ...chain, comparisons: chain.comparisons.map((each) => comparisonOf(each)) } }),
    ...(profile && {
      profile: {
        ...profile,
        error: profile.error.map((x) => digits(x, 2)),
        allowed: profile.allowed.map((x) => digits(x, 2)),
      },
    }),
    ...(config && capturedOf(config)),
  }
}

function comparisonOf(comparison: Compared): ShownComparison {
  const { rtol: _, atol: __, share, worst, ...rest } = comparison
  return {
    ...rest,
    share: digits(share, 3),
    ...(worst && {
      worst: {
        ...worst,
        actual: value(worst.actual),
        expected: value(worst.expected),
        error: digits(worst.error, 2),
        allowed: digits(worst.allowed, 2),
      },
    }),
  }
}

type JSONNumber = Compared['share']

function digits(x: JSONNumber, count: number): JSONNumber {
  return typeof x === 'number' ? Number(x.toPrecision(count)) : x
}

/** As many digits as it takes to tell the value from its neighbours. */
function value(x: JSONNumber): JSONNumber {
  return typeof x === 'number' && Math.fround(x) === x ? digits(x, 9) : x
}

/** Each by a name of its own. */
function failuresOf(errors: Results['errors']): Shown[] {
  const seen = new Map<string, number>()
  return errors.map((error) => {
    const failure = failureOf(error)
    const key = JSON.stringify([failure.file, failure.id])
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    return count === 1 ? failure : { ...failure, id: `${failure.id} (${count})` }
  })
}

/** `FILE: case ID: what` as what keeps that case from being judged. */
function failureOf({ file, code, message }: Results['errors'][number]): Shown {
  const about = `${file}: case `
  const [id, ...what] = message.startsWith(about) ? message.slice(about.length).split(': ') : []
  const found = what.length > 0 ? { id: id ?? '', reason: what.join(': ') } : { id: code, reason: message }
  return { file: file ?? '', module: code, outcome: 'error', comparisons: [], ...found }
}

/** The operations of a captured model are many; what is shown of them is what leads from tensor to tensor. */
function capturedOf(config: Readonly<Record<string, unknown>>): Pick<Shown, 'config' | 'graph'> {
  const found = ExportedConfig.safeParse(config)
  if (!found.success) return { config }
  const { taps } = found.data
  const names = new Map(taps.map(({ name, value: own }) => [keyOf(own), name]))
  const nameOf = (reference: Reference): string[] => {
    const name = names.get(keyOf(reference))
    return name === undefined ? ('input' in reference ? [reference.input] : []) : [name]
  }
  const graph = taps.map(({ name, value: own }) => {
    const { nodes, from } = madeOf(found.data, own, (each) => keyOf(each) !== keyOf(own) && names.has(keyOf(each)))
    const line = nodes.findLast((node) => node.line !== '')?.line ?? ''
    return {
      name,
      from: [...new Set(from.flatMap((each) => nameOf(each)))].filter((each) => each !== name),
      operations: nodes.map(({ op }) => op),
      module: nodes.at(-1)?.module ?? '',
      line,
    }
  })
  const { nodes: _, taps: __, params: ___, ...rest } = config
  return { config: rest, graph }
}

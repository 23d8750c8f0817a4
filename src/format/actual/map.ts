// How a port's own tensors come to be PyTorch's: other names, axes in another order, gates in another order.
import { z } from 'zod'
import { parse } from '../case/wording.ts'
import { type Case, expectedAxes } from '../case.ts'
import { messageOf, ParityError } from '../errors.ts'
import { kinds } from '../module.ts'
import { elementCount, formatShape, type Tensor } from '../tensor.ts'
import type { FloatDType } from '../tensor.ts'
import { invalid, mostAxes, type Tensors } from './tensors.ts'

const Rule = z.strictObject({
  from: z.string().min(1),
  /** `$1` stands for what the first star or group has matched; null for a tensor that is to be left out. */
  to: z.string().min(1).nullable(),
  /** Axis i of PyTorch's tensor is axis transpose[i] of the port's, as in numpy.transpose. */
  transpose: z.array(z.int().min(0).lt(mostAxes)).optional(),
  /** The order of the port's blocks of rows, by torch's letters: `i f c o`. */
  gates: z.string().optional(),
})

interface Applied extends z.infer<typeof Rule> {
  readonly pattern: RegExp
}

/** Rules for the names of a port's tensors, of which the first that matches counts. */
export interface NameMap {
  readonly rules: readonly Applied[]
}

/**
 * Reads rules from JSON: a list of `{ from, to, transpose?, gates? }`.
 * @throws ParityError USAGE
 */
export function parseMap(text: string, where: string): NameMap {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ParityError('USAGE', `${where}: expected a list of rules in JSON, got ${messageOf(cause)}`, { cause })
  }
  const rules = parse(z.array(Rule).min(1), value, where, 'USAGE')
  return { rules: rules.map((rule, i) => ({ ...rule, pattern: patternOf(rule.from, `${where}: ${i}.from`) })) }
}

/** `/…/` is a regular expression, of some part of the name as anywhere; all else a pattern of the whole, with stars. */
function patternOf(from: string, where: string): RegExp {
  const [, expression] = /^\/(.+)\/$/.exec(from) ?? []
  try {
    if (expression !== undefined) return new RegExp(expression, 'u')
  } catch (cause) {
    throw new ParityError('USAGE', `${where}: expected a regular expression, got ${messageOf(cause)}`, { cause })
  }
  const escaped = from.replace(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`).replace(/\*/g, '(.*)')
  return new RegExp(`^${escaped}$`, 'u')
}

/**
 * A port's tensors as PyTorch's. What no rule matches keeps its name where the case expects it.
 * where: of what file they are.
 * @throws ParityError TENSORS_INVALID for a name that is none of PyTorch's, two of one name, and axes or gates that do not fit.
 */
export function renamed(tensors: Tensors, { rules }: NameMap, recorded: Case, where: string): Tensors {
  const expected = Object.keys(recorded.expected)
  const from = new Map<string, string>()
  const unmatched: string[] = []
  const all: Record<string, Tensors[string]> = {}
  for (const [own, tensor] of Object.entries(tensors)) {
    const rule = rules.find(({ pattern }) => pattern.test(own))
    if (rule?.to === null) continue
    const name = rule === undefined ? own : named(own, rule.pattern, rule.to)
    if (!expected.includes(name)) {
      unmatched.push(name === own ? own : `${own} (${name})`)
      continue
    }
    const before = from.get(name)
    if (before !== undefined) throw invalid(where, `one tensor for ${name}, as the map has it`, `${before} and ${own}`)
    from.set(name, own)
    const turned = transposed(tensor, rule?.transpose, `${where}: ${own}`)
    all[name] = rule?.gates === undefined ? turned : inOrder(turned, name, rule.gates, recorded, `${where}: ${own}`)
  }
  if (unmatched.length > 0) {
    const left = expected.filter((name) => !from.has(name))
    throw invalid(where, `names that the map makes ${left.join(', ') || 'nothing more'}`, unmatched.join(', '))
  }
  return all
}

function named(own: string, pattern: RegExp, to: string): string {
  const groups = pattern.exec(own) ?? []
  return to.replace(/\$(\d)/g, (_, digit: string) => groups[Number(digit)] ?? '')
}

type Own = Tensor<FloatDType>

function transposed(tensor: Own, axes: readonly number[] | undefined, where: string): Own {
  if (axes === undefined) return tensor
  const { shape } = tensor
  if (axes.length !== shape.length || new Set(axes).size !== axes.length || Math.max(-1, ...axes) >= axes.length) {
    throw invalid(where, `a tensor of whose axes [${axes.join(', ')}] is an order`, `shape ${formatShape(shape)}`)
  }
  const to = axes.map((axis) => shape[axis]!)
  const strides = axes.map((axis) => elementCount(shape.slice(axis + 1)))
  return gathered(tensor, to, (index) => index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0))
}

/** With the blocks of rows of the gates in torch's order. */
function inOrder(tensor: Own, name: string, order: string, recorded: Case, where: string): Own {
  const { module, config } = recorded
  const gates = 'rnn' in config ? kinds[config.rnn].gates : kinds[module as keyof typeof kinds].gates
  // Some papers and frameworks call the candidate of an LSTM c, and that of a GRU h.
  const candidate = gates.includes('g') ? { c: 'g' } : { h: 'n' }
  const own = order
    .trim()
    .split(/[\s,]+/)
    .map((letter) => (gates.includes(letter) ? letter : ((candidate as Record<string, string>)[letter] ?? letter)))
  if (own.toSorted().join(' ') !== gates.toSorted().join(' ')) {
    throw invalid(where, `the gates ${gates.join(' ')} of ${module} in some order`, order)
  }
  const axis = expectedAxes(recorded)[name]?.findIndex((each) => each.name === 'row') ?? -1
  const { shape } = tensor
  const rows = shape[axis]
  if (rows === undefined || rows % gates.length !== 0 || /weight_hr/.test(name)) {
    throw invalid(where, `blocks of rows of ${gates.length} gates in ${name}`, `shape ${formatShape(shape)}`)
  }
  const size = rows / gates.length
  const inner = elementCount(shape.slice(axis + 1))
  const blocks = gates.map((gate) => own.indexOf(gate))
  return gathered(tensor, shape, (_, offset) => {
    const row = Math.floor(offset / inner) % rows
    return offset + (blocks[Math.floor(row / size)]! * size + (row % size) - row) * inner
  })
}

/** from: where an element is taken from, by its index and its place in C order. */
function gathered(
  tensor: Own,
  shape: readonly number[],
  from: (index: readonly number[], offset: number) => number,
): Own {
  const data = tensor.data.slice()
  const index = shape.map(() => 0)
  for (let offset = 0; offset < data.length; offset++) {
    data[offset] = tensor.data[from(index, offset)]!
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0
  }
  return { ...tensor, shape, data } as Own
}

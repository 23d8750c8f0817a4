// How a port's own tensors come to be PyTorch's: other names, axes in another order, gates in another order.
import * as z from 'zod'
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
  /** Axis i of PyTorch's tensor is axis transpose[i] of the port's, as in numpy.transpose: of tensors of so many axes. */
  transpose: z
    .array(z.int())
    .max(mostAxes)
    .refine(
      (axes) => axes.toSorted((one, other) => one - other).every((axis, i) => axis === i),
      'expected an order of the axes from 0',
    )
    .optional(),
  /** The order of the port's blocks of rows, by torch's letters: `i f c o`; of modules that have these gates. */
  gates: z
    .string()
    .refine((order) => gatesOf(order) !== undefined, 'expected the gates i f g o or r z n in some order')
    .optional(),
})

const gated = [kinds.LSTM.gates, kinds.GRU.gates]

/** Some papers and frameworks call the candidate of an LSTM c, and that of a GRU h. */
const candidates: Readonly<Record<string, string>> = { c: 'g', h: 'n' }

/** The gates that a rule has put into an order, in that order and by torch's letters; undefined where they are nobody's. */
function gatesOf(order: string): readonly string[] | undefined {
  const letters = order.trim().split(/[\s,]+/)
  const own = letters.map((letter) => candidates[letter] ?? letter)
  return gated.some((gates) => isSameSet(gates, own)) ? own : undefined
}

function isSameSet(gates: readonly string[], own: readonly string[]): boolean {
  return gates.toSorted().join(' ') === own.toSorted().join(' ')
}

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
 * @throws ParityError TENSORS_INVALID for a name that is none of PyTorch's, two of one name, and gates of what has none.
 */
export function renamed(tensors: Tensors, { rules }: NameMap, recorded: Case, where: string): Tensors {
  const expected = Object.keys(recorded.expected)
  const { module, config } = recorded
  const { gates } = kinds['rnn' in config ? config.rnn : (module as keyof typeof kinds)]
  const from = new Map<string, string>()
  const unmatched: string[] = []
  const all: Record<string, Tensors[string]> = {}
  for (const [own, tensor] of Object.entries(tensors)) {
    const rule = rules.find((each) => isFor(each, own, tensor, gates))
    if (rule?.to === null) continue
    const name = rule === undefined ? own : named(own, rule.pattern, rule.to)
    if (!expected.includes(name)) {
      unmatched.push(name === own ? own : `${own} (${name})`)
      continue
    }
    const before = from.get(name)
    if (before !== undefined) throw invalid(where, `one tensor for ${name}, as the map has it`, `${before} and ${own}`)
    from.set(name, own)
    const turned = transposed(tensor, rule?.transpose)
    const order = gatesOf(rule?.gates ?? '')
    all[name] = order === undefined ? turned : inOrder(turned, name, order, gates, recorded, `${where}: ${own}`)
  }
  if (unmatched.length > 0) {
    const left = expected.filter((name) => !from.has(name))
    throw invalid(where, `names that the map makes ${left.join(', ') || 'nothing more'}`, unmatched.join(', '))
  }
  return all
}

/** Whether a rule is for a tensor: one for so many axes or for such gates says nothing of others. */
function isFor(
  { pattern, transpose, gates }: Applied,
  name: string,
  { shape }: Own,
  ofModule: readonly string[],
): boolean {
  if (transpose !== undefined && transpose.length !== shape.length) return false
  if (gates !== undefined && !isSameSet(gatesOf(gates) ?? [], ofModule)) return false
  return pattern.test(name)
}

function named(own: string, pattern: RegExp, to: string): string {
  const groups = pattern.exec(own) ?? []
  return to.replace(/\$(\d)/g, (_, digit: string) => groups[Number(digit)] ?? '')
}

type Own = Tensor<FloatDType>

function transposed(tensor: Own, axes: readonly number[] | undefined): Own {
  if (axes === undefined) return tensor
  const { shape } = tensor
  const to = axes.map((axis) => shape[axis]!)
  const strides = axes.map((axis) => elementCount(shape.slice(axis + 1)))
  return gathered(tensor, to, (index) => index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0))
}

/** With the blocks of rows of the gates, which stand in an order of their own, in torch's. */
function inOrder(
  tensor: Own,
  name: string,
  own: readonly string[],
  gates: readonly string[],
  recorded: Case,
  where: string,
): Own {
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

// The rules of `--map`: what each says of a port's tensor.
import * as z from 'zod'
import { parse } from '../case/wording.ts'
import { messageOf, ParityError } from '../errors.ts'
import { kinds } from '../module.ts'
import { mostAxes } from './tensors.ts'

/** So many tensors of PyTorch's may be in one of a port: both directions of 1024 layers, weights and biases. */
const mostNames = 8192

function isTo(value: unknown): boolean {
  const isName = (name: unknown): boolean => typeof name === 'string' && name !== ''
  if (value === null || isName(value)) return true
  return Array.isArray(value) && value.length > 0 && value.length <= mostNames && value.every(isName)
}

const Rule = z
  .strictObject({
    from: z.string().min(1),
    /** `$1` stands for what the first star or group has matched; null for a tensor that is to be left out. */
    to: z.custom<string | readonly string[] | null>(isTo, 'expected a name, a list of names, or null'),
    /** What the port's tensor is read as first, in C order; −1 is what is left. */
    reshape: z
      .array(z.int().min(-1))
      .max(mostAxes)
      .refine((sizes) => sizes.filter((size) => size === -1).length < 2, 'expected at most one −1')
      .optional(),
    /** Axis i of PyTorch's tensor is axis transpose[i] of the port's, as in numpy.transpose: of tensors of so many axes. */
    transpose: z
      .array(z.int())
      .max(mostAxes)
      .refine(
        (axes) => axes.toSorted((one, other) => one - other).every((axis, i) => axis === i),
        'expected an order of the axes from 0',
      )
      .optional(),
    /** The axis along which those of a list stand one after the other: PyTorch's, or one more that counts them. */
    join: z
      .int()
      .min(0)
      .max(mostAxes - 1)
      .optional(),
    /** The port has one bias where PyTorch adds two. */
    sum: z.literal(true).optional(),
    /** The order of the port's blocks of rows, by torch's letters: `i f c o`; of modules that have these gates. */
    gates: z
      .string()
      .refine((order) => gatesOf(order) !== undefined, 'expected the gates i f g o or r z n in some order')
      .optional(),
    /** The rows of one unit stand side by side, one for each gate. */
    interleaved: z.literal(true).optional(),
    /** The port's tensor is the block of this gate alone; `$1` as in `to`. */
    gate: z.string().min(1).optional(),
    /** The gates whose numbers have the other sign in the port. */
    negated: z.string().min(1).optional(),
  })
  .refine(({ to, join, sum }) => Array.isArray(to) === (join !== undefined || sum !== undefined), {
    message: 'expected join or sum where there is a list of names, and neither elsewhere',
  })
  .refine(({ join, sum }) => join === undefined || sum === undefined, { message: 'expected join or sum, not both' })
  .refine(({ gate, gates, interleaved, join }) => gate === undefined || (gates ?? interleaved ?? join) === undefined, {
    message: 'expected gate without gates, interleaved and join',
  })
  .refine(({ to, sum }) => sum === undefined || to?.length === 2, {
    message: 'expected two biases in a sum',
  })

/** A rule as `--map` takes it. */
export type RuleRecord = z.input<typeof Rule>

export interface Applied extends z.infer<typeof Rule> {
  readonly pattern: RegExp
}

/** Rules for the names of a port's tensors, of which the first that matches counts. */
export interface NameMap {
  readonly rules: readonly Applied[]
}

const gated = [kinds.LSTM.gates, kinds.GRU.gates]

/** Some papers and frameworks call the candidate of an LSTM c, and that of a GRU h. */
const candidates: Readonly<Record<string, string>> = { c: 'g', h: 'n' }

/** Letters that stand apart, by torch's own. */
export function lettersOf(text: string): readonly string[] {
  return text
    .trim()
    .split(/[\s,]+/)
    .map((letter) => candidates[letter] ?? letter)
}

/** The gates that a rule has put into an order, in that order and by torch's letters; undefined where they are nobody's. */
export function gatesOf(order: string): readonly string[] | undefined {
  const own = lettersOf(order)
  return gated.some((gates) => isSameSet(gates, own)) ? own : undefined
}

export function isSameSet(gates: readonly string[], own: readonly string[]): boolean {
  return gates.toSorted().join(' ') === own.toSorted().join(' ')
}

/**
 * Reads rules from JSON: a list of `{ from, to, … }`.
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
  return new RegExp(`^${escaped(from).replace(/\\\*/g, '(.*)')}$`, 'u')
}

/** Text as a regular expression that matches it alone. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`)
}

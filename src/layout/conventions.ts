// What the tensors of a port have in common: one order of gates, one way round.
import type { Found } from './matches.ts'

/** Who has the gates in an order, and how they call it. Sources: the documentation of each. */
const frameworks: Readonly<Record<string, string>> = {
  'i f g o': 'Keras: i f c o',
  'i o f g': 'ONNX: i o f c',
  'i g f o': 'TensorFlow’s cells: i c f o',
  'r z n': 'PyTorch',
  'z r n': 'Keras, ONNX: z r h',
}

/** Gates by torch's letters in the order in which a port has them. */
export function lettersOf({ source, order }: Found): string {
  const { gates } = source.pieces[0]!
  return order.map((gate) => gates[gate]).join(' ')
}

/** Who has this order; nothing where nobody is known. */
export function frameworkOf(letters: string): string | undefined {
  return frameworks[letters]
}

/** What most have, where most have something; some count more than others. */
function most<T>(votes: readonly { readonly value: T; readonly weight: number }[]): T | undefined {
  const sums = new Map<T, number>()
  for (const { value, weight } of votes) sums.set(value, (sums.get(value) ?? 0) + weight)
  const [first, second] = [...sums].toSorted(([, one], [, other]) => other - one)
  return first === undefined || first[1] === second?.[1] ? undefined : first[0]
}

/** How the port has what more than one of its tensors says. */
export interface Conventions {
  /** The order of gates, by the gates of the module; undefined where there is none that most have. */
  readonly orders: ReadonlyMap<string, string | undefined>
  readonly transposed: boolean | undefined
  readonly negated: boolean | undefined
}

const gatesKey = (found: Found): string => found.source.pieces[0]!.gates.join(' ')

function orderOf(found: Found): string {
  return lettersOf(found) + (found.reading.interleaved ? ', side by side for each unit' : '')
}

function hasOrder(found: Found): boolean {
  return found.source.pieces[0]!.gates.length > 1
}

/** Whether a tensor shows which way round the port has its weights. */
function isTurned({ source }: Found): boolean {
  const { names, shape, columns } = source.pieces[0]!
  return shape.length === 2 && columns > 1 && (shape[0] ?? 0) > 1 && /weight_(?:ih|hh)/.test(names[0]!)
}

/** Whether its shape alone shows it. */
function isSquare({ source }: Found): boolean {
  const [rows, columns] = source.pieces[0]!.shape
  return rows === columns
}

function hasZ({ source }: Found): boolean {
  const { gates, gate } = source.pieces[0]!
  return gate === 'z' || gates.includes('z')
}

export function conventionsOf(all: readonly Found[]): Conventions {
  const orders = new Map(
    [...new Set(all.filter(hasOrder).map(gatesKey))].map((key) => {
      const own = all.filter((found) => hasOrder(found) && gatesKey(found) === key)
      const votes = own.map((found) => ({ value: orderOf(found), weight: 1 }))
      const distinct = [...new Set(votes.map(({ value }) => value))]
      const known = distinct.filter((value) => frameworkOf(value) !== undefined)
      return [key, most(votes) ?? (known.length === 1 ? known[0] : undefined)] as const
    }),
  )
  const turned = all.filter(isTurned).map((found) => ({
    value: found.reading.transposed,
    // A square one that is the wrong way round has the right shape.
    weight: isSquare(found) ? 1 : 1000,
  }))
  const signed = all.filter(hasZ).map(({ negated }) => ({ value: negated, weight: 1 }))
  return { orders, transposed: most(turned), negated: most(signed) }
}

/** What a tensor has otherwise than the others of the port; nothing where it agrees. */
export function disagreement(found: Found, { orders, transposed, negated }: Conventions): string | undefined {
  const norm = orders.get(gatesKey(found))
  if (hasOrder(found) && orderOf(found) !== norm) {
    return norm === undefined
      ? `the port has its gates in more than one order, here ${orderOf(found)}`
      : `${difference(orderOf(found), norm)} against the others, which have ${norm}`
  }
  if (isTurned(found) && found.reading.transposed !== transposed) {
    if (transposed === undefined) return 'some of the port’s weights are transposed and some are not'
    return found.reading.transposed
      ? 'the port’s weights are not transposed elsewhere'
      : 'the port’s weights are transposed elsewhere'
  }
  if (hasZ(found) && found.negated !== negated) return 'z has one sign here and the other elsewhere'
  return undefined
}

/** `with gates z and r exchanged`, or both orders. */
export function difference(own: string, norm: string): string {
  const [ours, theirs] = [own.split(' '), norm.split(' ')]
  const off = ours.filter((letter, i) => letter !== theirs[i])
  if (off.length === 2 && ours.length === theirs.length) {
    return `with gates ${theirs.filter((letter) => off.includes(letter)).join(' and ')} exchanged`
  }
  return `with gates ${own}`
}

// How a port's own tensors come to be PyTorch's: other names, axes and gates in another order, joined, summed, or a gate alone.
import { type Case, expectedAxes } from '../case.ts'
import { kinds } from '../module.ts'
import { elementCount, type FloatTensor, formatShape, sameShape } from '../tensor.ts'
import { type Applied, gatesOf, isSameSet, lettersOf, type NameMap } from './rules.ts'
import { invalid, type Tensors } from './tensors.ts'
import { gathered, partsOf, reshaped, transposed } from './turn.ts'

/** Of the parameters whose rows are blocks of gates, and of their gradients. */
const gatedName = /(?:weight|bias)_(?:ih|hh)(?:_l\d+(?:_reverse)?)?$/

/** A tensor of PyTorch's that comes in blocks of gates, as far as they have come. */
interface Assembled {
  readonly blocks: Map<string, FloatTensor>
  readonly froms: string[]
}

/**
 * A port's tensors as PyTorch's. What no rule matches keeps its name where the case expects it.
 * where: of what file they are.
 * @throws ParityError TENSORS_INVALID for a name that is none of PyTorch's, two of one name, gates of what has none, and a sum of what
 * has two gradients.
 */
export function renamed(tensors: Tensors, { rules }: NameMap, recorded: Case, where: string): Tensors {
  const expected = Object.keys(recorded.expected)
  const { module, config } = recorded
  const { gates } = kinds['rnn' in config ? config.rnn : (module as keyof typeof kinds)]
  const from = new Map<string, string>()
  const unmatched: string[] = []
  const all: Record<string, FloatTensor> = {}
  const assembled = new Map<string, Assembled>()
  for (const [own, tensor] of Object.entries(tensors)) {
    const rule = rules.find((each) => isFor(each, own, tensor, gates))
    if (rule?.to === null) continue
    const names = rule === undefined ? [own] : [rule.to].flat().map((to) => named(own, rule.pattern, to))
    const strange = names.filter((name) => !expected.includes(name))
    if (strange.length > 0) {
      unmatched.push(strange[0] === own ? own : `${own} (${strange.join(', ')})`)
      continue
    }
    const place = `${where}: ${own}`
    const gate = rule?.gate === undefined ? undefined : gateOf(rule, own)
    if (rule?.sum === true) checkSum(names, gate, { recorded, gates, place })
    for (const [i, piece] of pieces(tensor, rule, names, recorded, place).entries()) {
      const name = names[i]!
      if (gate !== undefined) {
        const { blocks, froms } = assembled.get(name) ?? { blocks: new Map<string, FloatTensor>(), froms: [] }
        assembled.set(name, { blocks, froms })
        if (blocks.has(gate)) throw invalid(where, `gate ${gate} of ${name} once`, `${froms.join(', ')} and ${own}`)
        blocks.set(gate, rule?.negated === undefined ? piece : signed(piece, rule, [gate], [gate], 0))
        froms.push(own)
        continue
      }
      const before = from.get(name)
      if (before !== undefined)
        throw invalid(where, `one tensor for ${name}, as the map has it`, `${before} and ${own}`)
      from.set(name, own)
      all[name] = rule === undefined ? piece : inOrder(piece, rule, name, { recorded, gates, place })
    }
  }
  for (const [name, { blocks, froms }] of assembled) {
    const before = from.get(name)
    if (before !== undefined) {
      throw invalid(where, `one tensor for ${name}, as the map has it`, `${before} and ${froms.join(', ')}`)
    }
    from.set(name, froms.join(', '))
    all[name] = together(blocks, gates, name, { recorded, gates, place: where })
  }
  if (unmatched.length > 0) {
    const left = expected.filter((name) => !from.has(name))
    throw invalid(where, `names that the map makes ${left.join(', ') || 'nothing more'}`, unmatched.join(', '))
  }
  return all
}

/** Whether a rule is for a tensor: one for so many axes or for such gates says nothing of others. */
function isFor(rule: Applied, name: string, { shape }: FloatTensor, ofModule: readonly string[]): boolean {
  const { pattern, reshape, transpose, gates, negated } = rule
  const rank = reshape === undefined ? shape.length : reshape.length
  if (transpose !== undefined && transpose.length !== rank) return false
  if (gates !== undefined && !isSameSet(gatesOf(gates) ?? [], ofModule)) return false
  if (negated !== undefined && !lettersOf(negated).every((gate) => ofModule.includes(gate))) return false
  if (!pattern.test(name)) return false
  return rule.gate === undefined || ofModule.includes(gateOf(rule, name))
}

function named(own: string, pattern: RegExp, to: string): string {
  const groups = pattern.exec(own) ?? []
  return to.replace(/\$(\d)/g, (_, digit: string) => groups[Number(digit)] ?? '')
}

function gateOf({ pattern, gate = '' }: Applied, own: string): string {
  return lettersOf(named(own, pattern, gate))[0] ?? ''
}

/** What is said of a tensor, and of whose case. */
interface Of {
  readonly recorded: Case
  readonly gates: readonly string[]
  /** The file and the port's tensor. */
  readonly place: string
}

/**
 * PyTorch adds bias_ih and bias_hh, so that both have the gradient of their sum; but for the gate n of a GRU, n = tanh(W x + b_in +
 * r ∘ (W h + b_hn)), and but for what is no gradient.
 */
function checkSum(names: readonly string[], gate: string | undefined, { recorded, gates, place }: Of): void {
  const [one = '', other = ''] = names.toSorted()
  const isPair = /bias_hh/.test(one) && one.replace('bias_hh', 'bias_ih') === other
  if (!isPair) throw invalid(place, 'a sum of bias_ih and bias_hh of one layer and direction', names.join(' and '))
  if (recorded.cotangents === undefined || !one.startsWith('grad_')) {
    throw invalid(
      place,
      'a sum of gradients, which both biases have',
      `${names.join(' and ')}: they cannot be told apart`,
    )
  }
  if (gates.includes('n') && (gate === undefined || gate === 'n')) {
    throw invalid(
      place,
      'a sum of gates r and z, since n has r between its two biases',
      `${names.join(' and ')} as one`,
    )
  }
}

/** A port's tensor read as a rule says, as the tensors of PyTorch's that it is. */
function pieces(
  tensor: FloatTensor,
  rule: Applied | undefined,
  names: readonly string[],
  recorded: Case,
  place: string,
): readonly FloatTensor[] {
  if (rule === undefined) return [tensor]
  const read = rule.reshape === undefined ? tensor : reshaped(tensor, rule.reshape, place)
  const turned = rule.transpose === undefined ? read : transposed(read, rule.transpose)
  if (rule.sum === true) return names.map(() => turned)
  if (rule.join === undefined) return [turned]
  const shapes = names.map((name) => recorded.expected[name]!.shape)
  return partsOf(turned, rule.join, shapes, place)
}

/** The axis along which the gates of a parameter are blocks. */
function rowAxis(name: string, recorded: Case): number {
  if (!gatedName.test(name)) return -1
  return expectedAxes(recorded)[name]?.findIndex((each) => each.name === 'row') ?? -1
}

/** With the blocks of rows of the gates, which stand in an order of their own, in torch's. */
function inOrder(tensor: FloatTensor, rule: Applied, name: string, { recorded, gates, place }: Of): FloatTensor {
  const { interleaved = false, negated } = rule
  const own = rule.gates === undefined ? gates : (gatesOf(rule.gates) ?? gates)
  if (rule.gates === undefined && !interleaved && negated === undefined) return tensor
  const axis = rowAxis(name, recorded)
  const { shape } = tensor
  const rows = shape[axis]
  if (rows === undefined || rows % gates.length !== 0) {
    throw invalid(place, `blocks of rows of ${gates.length} gates in ${name}`, `shape ${formatShape(shape)}`)
  }
  const size = rows / gates.length
  const inner = elementCount(shape.slice(axis + 1))
  const blocks = gates.map((gate) => own.indexOf(gate))
  const ordered = gathered(tensor, shape, (_, offset) => {
    const row = Math.floor(offset / inner) % rows
    const block = blocks[Math.floor(row / size)]!
    const from = interleaved ? (row % size) * gates.length + block : block * size + (row % size)
    return offset + (from - row) * inner
  })
  return negated === undefined ? ordered : signed(ordered, rule, gates, gates, axis)
}

/** With the other sign where a rule says so. blocks: what stands one after the other along the axis. */
function signed(
  tensor: FloatTensor,
  { negated = '' }: Applied,
  blocks: readonly string[],
  gates: readonly string[],
  axis: number,
): FloatTensor {
  const other = lettersOf(negated)
  const { shape } = tensor
  const size = (shape[axis] ?? 0) / blocks.length
  const inner = elementCount(shape.slice(axis + 1))
  const data = tensor.data.map((x, offset) => {
    const gate = gates[Math.floor((Math.floor(offset / inner) % (size * blocks.length)) / size)]
    return gate !== undefined && other.includes(gate) ? -x : x
  })
  return { ...tensor, data } as FloatTensor
}

/** A parameter whose gates have come one by one. */
function together(
  blocks: ReadonlyMap<string, FloatTensor>,
  gates: readonly string[],
  name: string,
  { recorded, place }: Of,
): FloatTensor {
  const missing = gates.filter((gate) => !blocks.has(gate))
  if (missing.length > 0) {
    throw invalid(place, `the gates ${gates.join(' ')} of ${name}`, `no ${missing.join(', ')}`)
  }
  const axis = rowAxis(name, recorded)
  const { shape } = recorded.expected[name]!
  const block = shape.map((size, i) => (i === axis ? size / gates.length : size))
  const parts = gates.map((gate) => blocks.get(gate)!)
  const off = parts.find((part) => !sameShape(part.shape, block))
  if (axis < 0 || off !== undefined) {
    throw invalid(place, `gates of ${name} of shape ${formatShape(block)} each`, formatShape((off ?? parts[0]!).shape))
  }
  const inner = elementCount(block.slice(axis))
  const data = Float64Array.from({ length: elementCount(shape) }, (_, offset) => {
    const outer = Math.floor(offset / (inner * gates.length))
    const part = parts[Math.floor(offset / inner) % gates.length]!
    return part.data[outer * inner + (offset % inner)]!
  })
  // As narrow as the narrowest: what is narrower than the case is told.
  const [first] = parts as [FloatTensor]
  const dtype = parts.every((part) => part.dtype === first.dtype) ? first.dtype : undefined
  if (dtype === undefined)
    throw invalid(place, `gates of ${name} of one dtype`, parts.map((part) => part.dtype).join(', '))
  return { dtype, shape, data: dtype === 'float64' ? data : Float32Array.from(data) } as FloatTensor
}

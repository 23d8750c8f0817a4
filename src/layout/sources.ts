// What a state_dict can come to in a port: its parameters, one by one, joined, summed, or a gate alone.
import { kinds } from '../format/module.ts'
import { elementCount, type FloatDType, type FloatTensor, largest, sameShape, unitRoundoff } from '../format/tensor.ts'

/** A parameter, or the sum of two, of which a port may have all or a gate. */
export interface Piece {
  /** One parameter, or the two that are added. */
  readonly names: readonly string[]
  /** The gate that it is, where it is one alone. */
  readonly gate?: string
  /** The blocks of its rows by torch's letters; one without a name where there are none. */
  readonly gates: readonly string[]
  /** How many rows each gate has, and how many columns; a bias has one. */
  readonly rows: number
  readonly columns: number
  /** As PyTorch has it. */
  readonly shape: readonly number[]
  readonly data: Float32Array | Float64Array
  readonly dtype: FloatDType
  /** Of a sum: the size of what is added, which rounds before it cancels. */
  readonly added?: Float64Array
  /** Whether only gates but n are added, where a GRU has r between its two biases; else why such a sum computes something else. */
  readonly sum?: 'all' | 'but n'
  readonly wrong?: string
}

/** Pieces as one tensor. rows: one behind the other; columns: side by side; stack: along an axis that counts them. */
export interface Source {
  readonly how: 'single' | 'rows' | 'columns' | 'stack'
  readonly pieces: readonly Piece[]
}

const parameter = /^(.*?)(weight|bias)_(ih|hh|hr)((?:_l\d+)?)((?:_reverse)?)$/

/** The parameters of one layer and direction. */
interface Group {
  readonly prefix: string
  readonly layer: string
  readonly reverse: boolean
  readonly gates: readonly string[]
  readonly of: Readonly<Record<string, FloatTensor>>
  readonly nameOf: (kind: string) => string
}

const gatesByCount = new Map([kinds.RNN.gates, kinds.GRU.gates, kinds.LSTM.gates].map((gates) => [gates.length, gates]))

function groupsOf(stateDict: Readonly<Record<string, FloatTensor>>): Group[] {
  const found = new Map<string, { readonly begin: RegExpExecArray; readonly of: Record<string, FloatTensor> }>()
  for (const [name, tensor] of Object.entries(stateDict)) {
    const begin = parameter.exec(name)
    if (begin === null) continue
    const [, prefix = '', kind = '', which = '', layer = '', reverse = ''] = begin
    const key = `${prefix}\n${layer}${reverse}`
    const group = found.get(key) ?? { begin, of: {} }
    found.set(key, group)
    group.of[`${kind}_${which}`] = tensor
  }
  return [...found.values()].flatMap(({ begin, of }) => {
    const [, prefix = '', , , layer = '', reverse = ''] = begin
    const [rows = 0, columns = 0] = of['weight_hh']?.shape ?? []
    // With a projection h has fewer units than there are rows to a gate.
    const hidden = of['weight_hr']?.shape[1] ?? columns
    const gates = gatesByCount.get(rows / hidden)
    const isWhole = Object.entries(of).every(([kind, { shape }]) => kind === 'weight_hr' || shape[0] === rows)
    if (gates === undefined || !isWhole) return []
    const nameOf = (kind: string): string => `${prefix}${kind}${layer}${reverse}`
    return [{ prefix, layer, reverse: reverse !== '', gates, of, nameOf }]
  })
}

/** A tensor of any axes as rows, of gates where it has them, and columns. */
function pieceOf(name: string, tensor: FloatTensor, gates: readonly string[]): Piece {
  const { shape, data, dtype } = tensor
  const all = shape[0] ?? 1
  const columns = all === 0 ? 0 : elementCount(shape) / all
  return { names: [name], gates, rows: all / gates.length, columns, shape, data, dtype }
}

const noGates = ['']

/** The two biases of a layer and direction as one. */
function sumsOf({ of, gates, nameOf }: Group): Piece[] {
  const { bias_ih, bias_hh } = of
  if (bias_ih === undefined || bias_hh === undefined || !sameShape(bias_ih.shape, bias_hh.shape)) return []
  const names = [nameOf('bias_ih'), nameOf('bias_hh')]
  const own = pieceOf(names[0]!, bias_ih, gates)
  const isGRU = gates.includes('n')
  const sizes = Float64Array.from(bias_ih.data, (x, i) => Math.abs(x) + Math.abs(bias_hh.data[i]!))
  const added = (from: number): Float64Array =>
    Float64Array.from(bias_ih.data, (x, i) => (i < from ? x + bias_hh.data[i]! : x))
  const dtype = unitRoundoff[bias_ih.dtype] > unitRoundoff[bias_hh.dtype] ? bias_ih.dtype : bias_hh.dtype
  const all: Piece = { ...own, names, dtype, data: added(Infinity), added: sizes, sum: 'all' }
  if (!isGRU) return [all]
  const wrong = 'the two biases of gate n have r between them in PyTorch, so that they are no sum'
  return [
    { ...all, wrong },
    { ...all, data: added(2 * own.rows), sum: 'but n' },
  ]
}

/** Each gate of a piece alone. */
function gatesAlone(piece: Piece): Piece[] {
  const { gates, rows, columns, data, added, sum } = piece
  if (gates.length === 1) return []
  const size = rows * columns
  const shape = [rows, ...piece.shape.slice(1)]
  return gates.flatMap((gate, i) => {
    // Gate n of a sum without n is that of bias_ih, which is there anyway.
    if (sum === 'but n' || (piece.wrong !== undefined && gate === 'n')) return []
    const { wrong: _, ...own } = piece
    const part = <A extends Float32Array | Float64Array>(all: A): A => all.subarray(i * size, (i + 1) * size) as A
    return [{ ...own, gate, gates: noGates, shape, data: part(data), ...(added && { added: part(added) }) }]
  })
}

/** Everything that a tensor of a port may be. */
export function sourcesOf(stateDict: Readonly<Record<string, FloatTensor>>): Source[] {
  const sources: Source[] = []
  const single = (piece: Piece): void => {
    for (const own of [piece, ...gatesAlone(piece)]) sources.push({ how: 'single', pieces: [own] })
  }
  const joined = (pieces: readonly Piece[], ...hows: readonly Source['how'][]): void => {
    for (const how of hows) sources.push({ how, pieces })
  }
  const groups = groupsOf(stateDict)
  const known = new Set<string>()
  const byKind = new Map<Group, ReadonlyMap<string, Piece>>()
  for (const group of groups) {
    const own = new Map<string, Piece>()
    for (const [kind, tensor] of Object.entries(group.of)) {
      const name = group.nameOf(kind)
      known.add(name)
      own.set(kind, pieceOf(name, tensor, kind === 'weight_hr' ? noGates : group.gates))
    }
    byKind.set(group, own)
    for (const piece of own.values()) single(piece)
    for (const piece of sumsOf(group)) {
      single(piece)
      own.set(piece.sum === 'all' ? 'sum' : 'half', piece)
    }
    const [weight_ih, weight_hh, bias_ih, bias_hh] = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((kind) =>
      own.get(kind),
    )
    if (weight_ih && weight_hh) {
      for (const pair of [
        [weight_ih, weight_hh],
        [weight_hh, weight_ih],
      ])
        joined(pair, 'columns')
      if (weight_ih.columns === weight_hh.columns) joined([weight_ih, weight_hh], 'rows', 'stack')
    }
    if (bias_ih && bias_hh) {
      joined([bias_ih, bias_hh], 'rows')
      joined([bias_hh, bias_ih], 'rows')
    }
  }
  for (const [name, tensor] of Object.entries(stateDict)) if (!known.has(name)) single(pieceOf(name, tensor, noGates))
  for (const [one, other] of directions(groups)) addBoth(byKind.get(one)!, byKind.get(other)!, joined)
  for (const layers of stacks(groups)) {
    const all = layers.map((group) => byKind.get(group)!)
    for (const kind of all[0]!.keys()) {
      const pieces = all.map((own) => own.get(kind))
      if (isAlike(pieces)) joined(pieces, 'stack', 'rows')
    }
  }
  return sources
}

function directions(groups: readonly Group[]): (readonly [Group, Group])[] {
  return groups.flatMap((one) => {
    const other = groups.find((each) => each.reverse && each.prefix === one.prefix && each.layer === one.layer)
    return one.reverse || other === undefined ? [] : [[one, other] as const]
  })
}

/** What both directions of a layer have, forward first; and, as ONNX joins them, their biases. */
function addBoth(
  one: ReadonlyMap<string, Piece>,
  other: ReadonlyMap<string, Piece>,
  joined: (pieces: readonly Piece[], ...hows: readonly Source['how'][]) => void,
): void {
  for (const kind of one.keys()) {
    const pieces = [one.get(kind), other.get(kind)]
    if (isAlike(pieces))
      joined(pieces, ...(pieces[0]!.shape.length > 1 ? (['stack', 'rows', 'columns'] as const) : (['rows'] as const)))
  }
  const biases = [one.get('bias_ih'), one.get('bias_hh'), other.get('bias_ih'), other.get('bias_hh')]
  if (!isAlike(biases)) return
  joined(biases, 'rows')
  joined([biases[0]!, biases[2]!, biases[1]!, biases[3]!], 'rows')
}

/** All layers of one direction but the first, whose weights have another shape as a rule; and all of them. */
function stacks(groups: readonly Group[]): (readonly Group[])[] {
  const keys = new Set(groups.map(({ prefix, reverse }) => `${prefix}\n${reverse}`))
  return [...keys].flatMap((key) => {
    const own = groups.filter(({ prefix, reverse }) => `${prefix}\n${reverse}` === key)
    const all = own.toSorted((one, two) => Number(one.layer.slice(2)) - Number(two.layer.slice(2)))
    return [all, all.slice(1)].filter((layers) => layers.length > 1)
  })
}

function isAlike(pieces: readonly (Piece | undefined)[]): pieces is readonly Piece[] {
  const [first] = pieces
  return pieces.every(
    (piece) =>
      piece !== undefined &&
      piece.rows === first?.rows &&
      piece.columns === first.columns &&
      piece.gates === first.gates,
  )
}

/** The numbers of a source as (pieces, gates, rows, columns), in C order. */
export interface Canonical {
  readonly sizes: { readonly d: number; readonly g: number; readonly u: number; readonly c: number }
  readonly data: Float32Array | Float64Array
  readonly dtype: FloatDType
  /** The size of each number, or of what was added to it. */
  readonly size: (i: number) => number
}

/** How many numbers a source has. */
export function countOf({ pieces }: Source): number {
  return pieces.reduce((sum, { data }) => sum + data.length, 0)
}

export function canonical({ how, pieces }: Source): Canonical {
  const [first] = pieces as [Piece]
  const { gates, rows, columns } = first
  const dtype = pieces.reduce<FloatDType>(
    (widest, piece) => (unitRoundoff[piece.dtype] > unitRoundoff[widest] ? piece.dtype : widest),
    'float64',
  )
  const sizes = { d: pieces.length, g: gates.length, u: rows, c: columns }
  if (pieces.length === 1) return { sizes, data: first.data, dtype, size: sizeOf(first) }
  const data = new Float64Array(countOf({ how, pieces }))
  if (how !== 'columns') {
    let at = 0
    for (const piece of pieces) {
      data.set(piece.data, at)
      at += piece.data.length
    }
    return { sizes, data, dtype, size: sizeOf({ data, ...allAdded(pieces) }) }
  }
  const width = pieces.reduce((sum, piece) => sum + piece.columns, 0)
  for (let row = 0; row < gates.length * rows; row++) {
    let at = row * width
    for (const piece of pieces) {
      data.set(piece.data.subarray(row * piece.columns, (row + 1) * piece.columns), at)
      at += piece.columns
    }
  }
  return { sizes: { d: 1, g: gates.length, u: rows, c: width }, data, dtype, size: sizeOf({ data }) }
}

/** What cancels may leave less than its own rounding; where it leaves so little, anything would do. */
const mostCancelled = 2 ** 7

function sizeOf({ data, added }: Pick<Piece, 'data' | 'added'>): (i: number) => number {
  if (added === undefined) return (i) => Math.abs(data[i]!)
  const most = largest(data)
  return (i) => Math.max(Math.abs(data[i]!), Math.min(added[i]!, mostCancelled * most))
}

function allAdded(pieces: readonly Piece[]): Pick<Piece, 'added'> {
  if (!pieces.every(({ added }) => added !== undefined)) return {}
  return { added: Float64Array.from(pieces.flatMap(({ added }) => [...added!])) }
}

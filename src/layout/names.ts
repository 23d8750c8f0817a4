// What names say against a layout that numbers have shown. They are never evidence for one: other frameworks have other names.
import type { Found } from './matches.ts'

const parameter = /^(.*?)(weight|bias)_(ih|hh|hr)(?:_l(\d+))?(_reverse)?$/

/** What one parameter of PyTorch's is. */
interface Of {
  readonly name: string
  readonly module: string
  /** weight_ih, … */
  readonly kind: string
  readonly layer: number
  readonly reverse: boolean
}

/** Of a tensor that is of one layer and direction: joined ones are of several. */
function partOf({ source: { pieces } }: Found): Of | undefined {
  const all = pieces.flatMap(({ names }) => names).map((name) => ofName(name))
  const [first] = all
  if (first === undefined) return undefined
  const isOne = all.every(
    (own) => own?.module === first.module && own.layer === first.layer && own.reverse === first.reverse,
  )
  const { gate = '' } = pieces[0]!
  return isOne ? { ...first, kind: `${all.map((own) => own?.kind).join(' ')} ${gate}` } : undefined
}

function ofName(name: string): Of | undefined {
  const [, module, what, which, layer = '0', reverse] = parameter.exec(name) ?? []
  if (module === undefined) return undefined
  return { name, module, kind: `${what}_${which}`, layer: Number(layer), reverse: reverse !== undefined }
}

/** A word that stands by itself in what `wordsIn` gives. */
const word = (words: string): RegExp => new RegExp(`(?<![a-z])(?:${words})(?![a-z])`)
const backwards = word('backwards?|reversed?|bwd?|rev')
const forwards = word('forwards?|fwd?')
const recurrent = word('recurrent|hh')
const ofInput = word('ih')

/** A name in small letters, with what stands together by capitals alone parted. */
function wordsIn(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()
}

/** What a tensor's name says against what it is; nothing where it says nothing. all: every tensor that is one thing. */
export function objection(name: string, found: Found, all: readonly (readonly [string, Found])[]): string | undefined {
  const own = partOf(found)
  const said = ofName(name)
  if (said !== undefined && own !== undefined && isAnother(said, own)) return 'its name is that of another parameter'
  if (own === undefined) return undefined
  const words = wordsIn(name)
  const isBoth = all.some(([, other]) => partOf(other)?.reverse !== own.reverse)
  if (isBoth && (own.reverse ? forwards : backwards).test(words) && !(own.reverse ? backwards : forwards).test(words)) {
    return `its name says ${own.reverse ? 'forward' : 'reverse'}`
  }
  if (own.kind.startsWith('weight_ih ') && recurrent.test(words))
    return 'its name says that it is of h, as weight_hh is'
  if (own.kind.startsWith('weight_hh ') && ofInput.test(words))
    return 'its name says that it is of the input, as weight_ih is'
  return mixed(name, own, all) ?? misplaced(name, own, all) ?? miscounted(name, own, all)
}

/** Whether PyTorch's own name is another's. Modules that are layers may have one each, which is then its first. */
function isAnother(said: Of, own: Of): boolean {
  if (said.reverse !== own.reverse || !own.kind.split(' ').includes(said.kind)) return true
  return said.layer !== own.layer && !/\d/.test(said.module)
}

const folderOf = (name: string): string => /^(.*)[/.]/.exec(name)?.[1] ?? ''

/** Whether it stands among tensors of another layer or direction, where what they stand in has one of each kind. */
function mixed(name: string, own: Of, all: readonly (readonly [string, Found])[]): string | undefined {
  const folder = folderOf(name)
  if (folder === '') return undefined
  const beside = all.flatMap(([other, found]) => (folderOf(other) === folder ? [partOf(found)] : []))
  const kinds = beside.map((each) => each?.kind)
  if (beside.includes(undefined) || new Set(kinds).size < kinds.length) return undefined
  const other = beside.find((each) => each?.layer !== own.layer || each.reverse !== own.reverse)
  return other && `${folder} has ${other.name} as well, of another layer or direction`
}

const digits = /\d+/g

/** The same for `lstm` and `lstm_1`, as Keras counts. */
const withoutNumbers = (name: string): string => name.replace(/[._-]?\d+/g, '')

/** Whether it is of another kind than those of its name in folders that differ by a number: those of other layers. */
function misplaced(name: string, own: Of, all: readonly (readonly [string, Found])[]): string | undefined {
  const folder = folderOf(name)
  if (folder === '') return undefined
  const keyOf = (each: string): string => withoutNumbers(folderOf(each)) + each.slice(folderOf(each).length)
  const its = all.flatMap(([other, found]) => {
    const part = keyOf(other) === keyOf(name) ? partOf(found) : undefined
    return part?.module === own.module ? [{ other, part }] : []
  })
  const same = its.filter(({ part }) => part.kind === own.kind).length
  const another = its.find(({ part }) => part.kind !== own.kind)
  return another && same <= its.length / 2 ? `${another.other} is ${another.part.name}` : undefined
}

/** Whether names that differ by a number count otherwise than the layers that they are. */
function miscounted(name: string, own: Of, all: readonly (readonly [string, Found])[]): string | undefined {
  for (const [other, found] of all) {
    const its = partOf(found)
    if (other === name || its === undefined || withoutNumbers(other) !== withoutNumbers(name)) continue
    if (its.module !== own.module || its.kind !== own.kind || its.reverse !== own.reverse) continue
    if (Math.sign(counted(name, other)) === -Math.sign(own.layer - its.layer)) {
      return `names count otherwise: ${other} is ${its.name}`
    }
  }
  return undefined
}

/** Which of two names counts further: the first number that differs says it, and one without a number is the first. */
function counted(name: string, other: string): number {
  const [ours, theirs] = [name, other].map((each) => [...each.matchAll(digits)].map(([digit]) => Number(digit)))
  if (ours!.length !== theirs!.length) return ours!.length - theirs!.length
  const off = ours!.findIndex((digit, i) => digit !== theirs![i])
  return off < 0 ? 0 : ours![off]! - theirs![off]!
}

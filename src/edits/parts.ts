// A captured model as its parts, where some of them are edited: each is a program of its own, from the taps before it.
import { type ExportedRequest, isExported, type Request } from '../format/case.ts'
import { type ExportedConfig, keyOf, type Tap } from '../format/exported.ts'
import { type Part, partOfSeveral } from '../format/exported/part.ts'
import type { FloatTensor, Tensor } from '../format/tensor.ts'
import { type At, type Edit, keyOf as editKeyOf, type Value } from './edit.ts'

/** By tap: what has been computed. */
type Computed = Readonly<Record<string, ArrayLike<number>>>

interface EditedPart {
  readonly edits: readonly Edit[]
  /** From what has been computed before; undefined where nothing is to be computed. */
  readonly request: (computed: Computed) => ExportedRequest | undefined
  /** What is given out as it came in. */
  readonly given: Computed
}

/** In order of computation. */
export function partsWith(edits: readonly Edit[], asked: ExportedRequest): EditedPart[] {
  const { config } = asked
  const among = edits.find(({ at }) => at?.among !== undefined)?.at?.among
  const groups = new Map<string, Tap[]>()
  for (const tap of config.taps) {
    const key = 'node' in tap.value ? `node ${tap.value.node}` : keyOf(tap.value)
    groups.set(key, [...(groups.get(key) ?? []), tap])
  }
  return [...groups.values()].map((taps) => {
    const part = partOfSeveral(config, taps, among && ((name) => among.includes(name)))
    return {
      edits: editsAt(edits, config, taps).map((edit) => readHere(edit, Object.keys(part?.from ?? {}))),
      request: (computed) => part && requestOf(asked, part, computed),
      given: part === undefined ? Object.fromEntries(taps.map((tap) => [tap.name, givenFor(asked, tap)])) : {},
    }
  })
}

/** Those of edits that are in a part, where it is asked for alone; none where it is no captured model. */
export function forPart(edits: readonly Edit[], asked: Request): Edit[] {
  const here = isExported(asked) ? editsAt(edits, asked.config, asked.config.taps) : []
  const read = Object.keys(asked.inputs)
  return [...edits.filter(({ at }) => at === undefined), ...here.map((edit) => readHere(edit, read))]
}

function editsAt(edits: readonly Edit[], config: ExportedConfig, taps: readonly Tap[]): Edit[] {
  return edits.filter(({ at }) => at !== undefined && isAt(at, config, taps))
}

/** The same text for what is the same in each step of a loop. */
export function keyInLoop(edit: Edit): string {
  const { at } = edit
  const from = at?.from.map((_, i) => `${i}`) ?? []
  return editKeyOf({ ...readHere(edit, from), ...(at && { at: { ...at, from } }) })
}

/** Without what has said where it is. read: what is read here, in the order of `from`. */
function readHere({ at, ...edit }: Edit, read: readonly string[]): Edit {
  const { from = [] } = at ?? {}
  if (from.length !== read.length || from.every((name, i) => name === read[i])) return edit
  const here = new Map(from.map((name, i) => [name, read[i]!]))
  const nameHere = (value: Value): Value => {
    if (typeof value === 'string') return here.get(value) ?? value
    if (Array.isArray(value)) return value.map((own: Value) => nameHere(own))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, own]) => [here.get(key) ?? key, nameHere(own)]))
  }
  const { tensor } = edit.operand
  return {
    ...edit,
    operand: tensor === undefined ? edit.operand : { ...edit.operand, tensor: here.get(tensor) ?? tensor },
    ...(edit.value !== undefined && { value: nameHere(edit.value) }),
  }
}

function isAt({ op, module, line, taps: only }: At, { nodes }: ExportedConfig, taps: readonly Tap[]): boolean {
  if (only !== undefined && !taps.some(({ name }) => only.includes(name))) return false
  return taps.some(({ value }) => {
    const node = 'node' in value ? nodes.find(({ name }) => name === value.node) : undefined
    return node !== undefined && node.op === op && node.module === module && node.line === line
  })
}

function requestOf(
  { dtype, params, inputs }: ExportedRequest,
  { config, from }: Part,
  computed: Computed,
): ExportedRequest {
  const given = Object.entries(from).map(([name, source]): [string, Tensor] => {
    if ('input' in source) return [name, inputs[source.input]!]
    const data = Float64Array.from(computed[source.tap]!)
    return [name, { dtype: 'float64', shape: config.inputs[name]!.shape, data }]
  })
  const own = Object.keys(config.params).map((name): [string, FloatTensor] => [name, params[name]!])
  return {
    module: 'ExportedProgram',
    config,
    dtype,
    params: Object.fromEntries(own),
    inputs: Object.fromEntries(given),
  }
}

function givenFor({ params, inputs }: ExportedRequest, { value }: Tap): ArrayLike<number> {
  const own = 'param' in value ? params[value.param] : 'input' in value ? inputs[value.input] : undefined
  return Float64Array.from(own?.data ?? [], Number)
}

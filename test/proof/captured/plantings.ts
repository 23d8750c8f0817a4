// Which bugs a captured model may have: each kind at each place, and what should be named then.
import type { Case, ExportedRequest } from '../../../src/format/case.ts'
import { type ExportedConfig, keyOf, madeOf } from '../../../src/format/exported.ts'
import { random } from '../../random.ts'
import { Draft } from './draft.ts'
import { kindsFor } from './kinds.ts'

export type Captured = Case & ExportedRequest

export interface Planting {
  readonly kind: string
  /** The operations that are changed: all that one line of the model's source makes. */
  readonly nodes: readonly string[]
  readonly place: string
}

/** A case with other numbers or operations; undefined where there is nothing to change. */
export function planted(request: ExportedRequest, { kind, nodes }: Planting): ExportedRequest | undefined {
  const draft = new Draft(request)
  const changed = nodes.filter((node) => {
    const own = kindsFor(draft.at(node).op).find(({ name }) => name === kind)
    return own?.change(draft, node) === true
  })
  return changed.length === 0 ? undefined : draft.done()
}

/** Every bug of a model, at every place. */
export function plantingsOf(request: ExportedRequest): Planting[] {
  const groups = new Map<string, string[]>()
  for (const { name, op, module, line } of request.config.nodes) {
    const key = `${op} ${module} ${line}`
    groups.set(key, [...(groups.get(key) ?? []), name])
  }
  return [...groups.values()].flatMap((nodes) => {
    const { op, module } = request.config.nodes.find(({ name }) => name === nodes[0])!
    const place = module === '' ? op : module
    const own = kindsFor(op).map(({ name }): Planting => ({ kind: name, nodes, place }))
    return own.filter((planting) => planted(request, planting) !== undefined)
  })
}

/** So many, of as many kinds as there are, as a seed draws them. */
export function drawn(all: readonly Planting[], count: number, seed: number): Planting[] {
  const numbers = random(seed)
  const left = [...all]
  const chosen: Planting[] = []
  while (chosen.length < count && left.length > 0) {
    const seen = (own: string): number => chosen.filter(({ kind }) => kind === own).length
    const least = Math.min(...left.map(({ kind }) => seen(kind)))
    const rare = left.filter(({ kind }) => seen(kind) === least)
    const own = rare[numbers.int(0, rare.length - 1)]!
    left.splice(left.indexOf(own), 1)
    chosen.push(own)
  }
  return chosen
}

/** The first tensors that are looked at and that a changed operation makes, in order of computation. */
export function tapsOf(config: ExportedConfig, { nodes }: Planting): string[] {
  const taps = new Set(config.taps.map(({ value }) => keyOf(value)))
  return config.taps
    .filter(({ value }) => {
      const own = keyOf(value)
      return madeOf(config, value, (each) => keyOf(each) !== own && taps.has(keyOf(each))).nodes.some(({ name }) =>
        nodes.includes(name),
      )
    })
    .map(({ name }) => name)
}

// The program of one tap alone, from the taps before it as its inputs.
import { describedIn, type ExportedConfig, keyOf, madeOf, type Reference, type Tap } from '../exported.ts'

/** The program of a tap alone, and where what goes in comes from. */
export interface Part {
  readonly config: ExportedConfig
  /** By input of the part: an input of the whole, or a tap. */
  readonly from: Readonly<Record<string, { readonly input: string } | { readonly tap: string }>>
}

/** What makes a tap of those before it that count. undefined where nothing makes it: what is given out as it came in is nobody's work. */
export function partOf(
  config: ExportedConfig,
  tap: Tap,
  counts: (tap: string) => boolean = () => true,
): Part | undefined {
  const own = keyOf(tap.value)
  const taps = new Map(config.taps.filter(({ name }) => counts(name)).map((each) => [keyOf(each.value), each]))
  const { nodes, from } = madeOf(config, tap.value, (value) => keyOf(value) !== own && taps.has(keyOf(value)))
  if (nodes.length === 0) return undefined
  const sources: Record<string, Part['from'][string]> = {}
  const inputs: Record<string, ExportedConfig['inputs'][string]> = {}
  const params: Record<string, ExportedConfig['params'][string]> = {}
  const renamed = new Map<string, Reference>()
  for (const value of from) {
    const before = 'node' in value ? taps.get(keyOf(value)) : undefined
    if (before !== undefined) {
      const name = Object.hasOwn(config.inputs, before.name) ? `tap ${before.name}` : before.name
      sources[name] = { tap: before.name }
      inputs[name] = describedIn(config, before.value)
      renamed.set(keyOf(value), { input: name })
    } else if ('input' in value) {
      sources[value.input] = { input: value.input }
      inputs[value.input] = config.inputs[value.input]!
    } else if ('param' in value) params[value.param] = config.params[value.param]!
  }
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((each) => rename(each))
    if (typeof value !== 'object' || value === null || 'dtype' in value) return value
    return renamed.get(keyOf(value as Reference)) ?? value
  }
  const ownNodes = nodes.map((node) => ({
    ...node,
    args: Object.fromEntries(
      Object.entries(node.args).map(([name, value]) => [name, rename(value)]),
    ) as typeof node.args,
  }))
  return {
    config: { name: config.name, part: tap.name, nodes: ownNodes, taps: [{ ...tap, output: true }], params, inputs },
    from: sources,
  }
}

/** The same for several tensors that one operation gives. */
export function partOfSeveral(
  config: ExportedConfig,
  [first, ...more]: readonly Tap[],
  counts?: (tap: string) => boolean,
): Part | undefined {
  const part = first && partOf(config, first, counts)
  if (part === undefined || more.length === 0) return part
  const taps = [...part.config.taps, ...more.map((tap) => ({ ...tap, output: true }))]
  return { ...part, config: { ...part.config, taps } }
}

// In which requests a port does otherwise at all: a condition on what is asked, as a part of an edit.
import { isModelRequest, type RecurrentRequest, type Request } from '../format/case.ts'
import { isLayer, layerConfig } from '../format/module.ts'

/** A trait of requests, and whether it is there. */
export type Given = Readonly<Partial<Record<Trait, boolean>>>

interface Spoken {
  readonly is: (request: RecurrentRequest) => boolean
  /** With it, and without it: `where …`. */
  readonly words: readonly [string, string]
}

const option =
  (name: 'batch_first' | 'bidirectional') =>
  ({ config }: RecurrentRequest): boolean =>
    layerConfig(config)?.[name] === true

const spoken = {
  batch_first: { is: option('batch_first'), words: ['batch_first', 'the time comes first'] },
  bidirectional: { is: option('bidirectional'), words: ['bidirectional', 'there is one direction'] },
  deep: {
    is: ({ config }) => (layerConfig(config)?.num_layers ?? 1) > 1,
    words: ['there are several layers', 'there is one layer'],
  },
  bias: { is: ({ config }) => config.bias, words: ['there are biases', 'there are no biases'] },
  lengths: { is: ({ inputs }) => inputs.lengths !== undefined, words: ['lengths are given', 'no lengths are given'] },
  state: { is: ({ inputs }) => inputs.h_0 !== undefined, words: ['h_0 is given', 'no h_0 is given'] },
  layer: { is: ({ module }) => isLayer(module), words: ['the module is a layer', 'the module is a cell'] },
  batched: {
    is: ({ module, inputs: { input } }) => input.shape.length === (isLayer(module) ? 3 : 2),
    words: ['the input is batched', 'the input is unbatched'],
  },
  projected: {
    is: ({ config }) => 'proj_size' in config && config.proj_size > 0,
    words: ['there is a projection', 'there is no projection'],
  },
  relu: {
    is: ({ config }) => 'nonlinearity' in config && config.nonlinearity === 'relu',
    words: ['nonlinearity is relu', 'nonlinearity is not relu'],
  },
  float64: { is: ({ dtype }) => dtype === 'float64', words: ['dtype is float64', 'dtype is not float64'] },
  half: {
    is: ({ dtype }) => dtype === 'float16' || dtype === 'bfloat16',
    words: ['dtype is float16 or bfloat16', 'dtype is float32 or float64'],
  },
} satisfies Readonly<Record<string, Spoken>>

export type Trait = keyof typeof spoken

const all = Object.entries(spoken) as [Trait, Spoken][]

/** Whether a request is such a one; of models nothing is told apart. */
export function isSuch(request: Request, given: Given = {}): boolean {
  for (const trait of Object.keys(given) as Trait[]) {
    if (isModelRequest(request) || spoken[trait].is(request) !== given[trait]) return false
  }
  return true
}

/** Each trait of a request, as a condition. */
export function traitsOf(request: Request): Given[] {
  return isModelRequest(request) ? [] : all.map(([trait, { is }]) => ({ [trait]: is(request) }))
}

/** `, where batch_first`. */
export function whereText(given: Given = {}): string {
  const words = Object.entries(given).map(([trait, is]) => spoken[trait as Trait].words[is ? 0 : 1])
  return words.length === 0 ? '' : `, where ${words.join(' and ')}`
}

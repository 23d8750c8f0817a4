// What never meets in a fixture is a hole: the committed files are read, and options, and sizes, that do not meet are named.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Case, isModelRequest, type RecurrentRequest } from '../src/format/case.ts'
import { openFile } from '../src/cli/files.ts'
import { profiles } from '../src/oracle/fuzz/spec.ts'
import { extentOf, isLayer, kinds, layerConfig, type ModuleName } from '../src/format/module.ts'
import type { FloatTensor } from '../src/format/tensor.ts'

const folder = join(import.meta.dirname, '..', 'fixtures')
const modules = Object.keys(kinds) as ModuleName[]

/** The options of a case, each with its value. */
type Traits = Readonly<Record<string, string | number | boolean>>
interface Found {
  readonly file: string
  readonly id: string
  readonly module: ModuleName
  readonly traits: Traits
  /** Sizes by torch's names. */
  readonly sizes: Readonly<Record<string, number>>
}

function profileOf(id: string): string {
  const last = id.split('-').at(-1)
  return profiles.find((name) => name === last) ?? 'default'
}

function foundIn(file: string, recorded: Case & RecurrentRequest): Found {
  const { id, module, config, dtype, inputs, cotangents, training } = recorded
  const { seq_len = 1, batch } = extentOf(module, config, inputs.input.shape)
  const layers = layerConfig(config)
  const traits = {
    bias: config.bias,
    state: inputs.h_0 !== undefined,
    dtype,
    profile: profileOf(id),
    rows: batch === undefined ? 'unbatched' : inputs.lengths === undefined ? 'batch' : 'lengths',
    asked: training !== undefined ? 'training' : cotangents === undefined ? 'forward' : 'gradients',
    ...(training && { optimizer: training.optimizer }),
    ...(layers && {
      num_layers: layers.num_layers,
      batch_first: layers.batch_first,
      bidirectional: layers.bidirectional,
      dropout: inputs.dropout_mask !== undefined,
    }),
    ...('nonlinearity' in config && { nonlinearity: config.nonlinearity }),
    ...('proj_size' in config && { proj_size: config.proj_size > 0 }),
  }
  const { input_size, hidden_size } = config
  return { file, id, module, traits, sizes: { input_size, hidden_size, seq_len, batch: batch ?? 0 } }
}

const found: Found[] = []
const recordedOf = new Map<string, Case & RecurrentRequest>()

beforeAll(async () => {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.msgpack') || file.startsWith('known_answers')) continue
    for await (const read of (await openFile(join(folder, file))).cases()) {
      if ('error' in read) throw read.error
      if (isModelRequest(read.case)) continue
      const own = foundIn(file, read.case)
      found.push(own)
      if (own.traits['profile'] !== 'default') recordedOf.set(`${file} ${own.id}`, read.case)
    }
  }
})

const smooth = ['default', 'large', 'tiny', 'sparse', 'positive']
const extreme = ['saturated', 'huge', 'subnormal', 'negative_zero']
const notFinite = ['nan', 'infinite', 'negative_infinite', 'nan_state']
const ofLayers = ['nan_padding', 'infinite_padding', 'infinite_last']
const both = [true, false]

/** Every option of a module, and its values, by what is asked. */
function optionsOf(module: ModuleName, asked: string): Readonly<Record<string, Traits[string][]>> {
  const layer = isLayer(module)
  const ownProfiles = [...smooth, ...(asked === 'forward' ? extreme : []), ...notFinite, ...(layer ? ofLayers : [])]
  const forTraining = ['default', 'large', 'sparse', ...(layer ? ['nan_padding'] : [])]
  return {
    bias: both,
    state: both,
    dtype: asked === 'forward' ? ['float32', 'float64', 'float16', 'bfloat16'] : ['float32', 'float64'],
    profile: asked === 'training' ? forTraining : ownProfiles,
    rows: layer ? ['batch', 'lengths', 'unbatched'] : ['batch', 'unbatched'],
    ...(asked === 'training' && { optimizer: ['SGD', 'Adam'] }),
    ...(layer && { num_layers: [1, 2, 3], batch_first: both, bidirectional: both }),
    ...(layer && asked !== 'training' && { dropout: both }),
    ...(module.startsWith('RNN') && { nonlinearity: ['tanh', 'relu'] }),
    ...(module === 'LSTM' && { proj_size: both }),
  }
}

/** Those that share code, three at a time. */
const groups: readonly (readonly string[])[] = [
  ['bidirectional', 'num_layers', 'rows'],
  ['batch_first', 'rows', 'bidirectional'],
  ['proj_size', 'num_layers', 'bidirectional'],
  ['proj_size', 'rows', 'bidirectional'],
  ['bias', 'state', 'dtype'],
  ['bias', 'state', 'num_layers'],
  ['dropout', 'rows', 'bidirectional'],
  ['dropout', 'rows', 'batch_first'],
  ['nonlinearity', 'num_layers', 'bidirectional'],
  ['profile', 'rows', 'bidirectional'],
]

/** What cannot be in one case: PyTorch has it not, or it would overflow in between, or decide nothing. */
function isImpossible(module: ModuleName, asked: string, traits: Traits): boolean {
  const has = (name: string, ...values: Traits[string][]): boolean => values.includes(traits[name]!)
  return (
    (has('profile', 'nan_padding', 'infinite_padding') && has('rows', 'batch', 'unbatched')) ||
    (has('profile', 'nan_state') && has('state', false)) ||
    (has('profile', 'huge', 'subnormal') && has('dtype', 'float16')) ||
    (has('profile', 'subnormal') && has('dtype', 'bfloat16')) ||
    (has('profile', 'huge', 'saturated') && has('nonlinearity', 'relu')) ||
    (has('dropout', true) && has('num_layers', 1)) ||
    (asked === 'gradients' &&
      !isLayer(module) &&
      has('profile', 'infinite', 'negative_infinite') &&
      has('rows', 'unbatched'))
  )
}

/** Every way to take one value of each option. */
function combinations(options: Readonly<Record<string, Traits[string][]>>, names: readonly string[]): Traits[] {
  return names.reduce<Traits[]>(
    (all, name) => all.flatMap((traits) => options[name]!.map((value) => ({ ...traits, [name]: value }))),
    [{}],
  )
}

/** What is possible and in no case. */
function missing(cases: readonly Found[], module: ModuleName, asked: string): string[] {
  const options = optionsOf(module, asked)
  const names = Object.keys(options)
  const pairs = names.flatMap((first, i) => names.slice(i + 1).map((second) => [first, second]))
  const together = groups.filter((group) => group.every((name) => names.includes(name)))
  const own = cases.filter((each) => each.module === module && each.traits['asked'] === asked)
  return [...pairs, ...together].flatMap((group) => {
    const keyOf = (traits: Traits): string => group.map((name) => `${name} ${traits[name]}`).join(', ')
    const there = new Set(own.map(({ traits }) => keyOf(traits)))
    const wanted = combinations(options, group).filter((traits) => !isImpossible(module, asked, traits))
    return wanted.map(keyOf).filter((key) => !there.has(key))
  })
}

const powers = [4, 8, 16, 32, 64, 128, 256, 512]
const edges = [...new Set(powers.flatMap((power) => [power - 1, power, power + 1]))]

/** The sizes around powers of two that no case has; those of cells and of gradients as far as they go. */
function missingSizes(cases: readonly Found[], module: ModuleName, asked: 'forward' | 'gradients'): string[] {
  const most = asked === 'forward' ? {} : { input_size: 129, hidden_size: 33, seq_len: 129, batch: 200 }
  const axes = ['input_size', 'hidden_size', 'batch', ...(isLayer(module) ? ['seq_len'] : [])] as const
  const own = cases.filter((each) => each.module === module && each.traits['asked'] === asked)
  return axes.flatMap((axis) => {
    const there = new Set(own.map(({ sizes }) => sizes[axis]!))
    const wanted = axis === 'batch' ? [1, 2, ...edges, 200] : edges
    const limit = (most as Readonly<Record<string, number>>)[axis] ?? Infinity
    return wanted.filter((size) => size <= limit && !there.has(size)).map((size) => `${axis} ${size}`)
  })
}

describe.each(modules)('the fixtures of %s', (module) => {
  it.each(['forward', 'gradients', 'training'])(
    'have every two options, and every three that share code, in one case, %s',
    (asked) => {
      expect(missing(found, module, asked)).toEqual([])
    },
  )

  it.each(['forward', 'gradients'] as const)('have sizes just below, at and above each power of two, %s', (asked) => {
    expect(missingSizes(found, module, asked)).toEqual([])
  })
})

describe('what does not meet is named', () => {
  it.each([
    ['GRU', 'forward', 'bias false, state false'],
    ['RNN', 'forward', 'bias false, state false'],
    ['LSTM', 'gradients', 'profile nan, rows lengths'],
    ['LSTM', 'gradients', 'bidirectional true, num_layers 3, rows lengths'],
    ['GRU', 'training', 'bias false, bidirectional true'],
    ['RNNCell', 'gradients', 'bias false, rows unbatched'],
  ] as const)('of %s, %s: %s, without the suites that were made for it', (module, asked, pair) => {
    const others = found.filter(({ file }) => !file.includes('meetings_'))
    expect(missing(others, module, asked)).toContain(pair)
  })

  it('where the cases of a kind of numbers are left out', () => {
    for (const left of found.filter(({ file }) => file.endsWith('gru/meetings_forward.msgpack')).slice(0, 5)) {
      const { module, traits } = left
      const others = found.filter((each) => each.module !== module || each.traits['profile'] !== traits['profile'])
      expect(missing(others, module, 'forward')).toContain(`dtype float32, profile ${traits['profile']}`)
    }
  })

  it('and so are sizes', () => {
    const others = found.filter(({ file }) => !file.includes('edges'))
    expect(missingSizes(others, 'GRU', 'forward')).toEqual(
      expect.arrayContaining(['input_size 513', 'hidden_size 512', 'seq_len 255', 'batch 129', 'batch 200']),
    )
  })
})

describe('the kinds of numbers', () => {
  const isPadding = ({ inputs, config, module }: Case & RecurrentRequest): ((i: number) => boolean) => {
    const { seq_len = 1, batch = 1 } = extentOf(module, config, inputs.input.shape)
    const swap = layerConfig(config)?.batch_first === true
    return (i) => {
      const place = Math.floor(i / config.input_size)
      const row = swap ? Math.floor(place / seq_len) : place % batch
      const t = swap ? place % seq_len : Math.floor(place / batch)
      return inputs.lengths !== undefined && t >= Number(inputs.lengths.data[row])
    }
  }
  const kindsIn = ({ data }: FloatTensor, where: (i: number) => boolean): string =>
    [...new Set([...data].filter((x, i) => !Number.isFinite(x) && where(i)).map(String))].toSorted().join(' ')

  /** What of the input, of its padding, and of h_0 is not finite. */
  const wanted: Readonly<Record<string, RegExp>> = {
    nan: /^NaN, , $/,
    infinite: /^Infinity, , $/,
    infinite_last: /^Infinity, , $/,
    negative_infinite: /^-Infinity, , $/,
    nan_state: /^, , NaN$/,
    nan_padding: /^, NaN, $/,
    infinite_padding: /^, (-Infinity Infinity|-?Infinity), $/,
  }

  it('are those of which the names of cases speak', () => {
    const seen = new Set<string>()
    for (const [name, recorded] of recordedOf) {
      const profile = profileOf(recorded.id)
      const { input, h_0 } = recorded.inputs
      const isEnded = isPadding(recorded)
      const of = [kindsIn(input, (i) => !isEnded(i)), kindsIn(input, isEnded), h_0 ? kindsIn(h_0, () => true) : '']
      expect({ name, is: (wanted[profile] ?? /^, , $/).test(of.join(', ')), of }).toEqual({ name, is: true, of })
      seen.add(profile)
    }
    expect(profiles.filter((profile) => profile !== 'default' && !seen.has(profile))).toEqual([])
  })
})

it('all fixtures together stay below 25 MB', () => {
  const bytes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => statSync(join(folder, file)))
    .reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0)
  expect(bytes).toBeLessThan(25e6)
})

// Other requests than a case of a model: the same model, or program, with other numbers and other inputs.
import {
  type BuiltRequest,
  type Case,
  type ExportedRequest,
  isExported,
  modelExtentOf,
  type Request,
} from '../format/case.ts'
import { unitsOf } from '../format/generated.ts'
import { scaled } from '../diagnose/question.ts'
import { ParityError } from '../format/errors.ts'
import { largest, type Tensor } from '../format/tensor.ts'
import type { ModelSpec } from '../oracle.ts'
import { decoyOf } from '../verify/again.ts'
import { randomOf } from '../verify/random.ts'
import { caseOf } from './experiment.ts'
import type { Other } from './other.ts'
import { requestOfSpec } from './requests.ts'

const mostDrawn = 60
/** So many of them have the sizes of the case; the others have what its configuration leaves open otherwise. */
const plain = 3

/** The case with its parameters' numbers in another order, which are as large; then other inputs. */
export function* othersForModel(recorded: Case & (BuiltRequest | ExportedRequest), seed: number): Generator<Other> {
  const decoy = decoyOf(recorded)
  const text = 'the case with its parameters’ numbers in another order'
  if (isExported(recorded)) {
    yield* ofProgram(recorded, decoy, text, true)
    for (let i = 0; i < mostDrawn; i++) yield* reordered(recorded, decoy, i, seed)
  } else {
    yield { other: caseOf(decoy, text), text, isFirst: true }
    yield* ofModel(recorded, seed)
  }
}

/** None where our own engine cannot compute it. */
function* ofProgram(
  recorded: Case & ExportedRequest,
  request: Request,
  text: string,
  isFirst: boolean,
): Generator<Other> {
  try {
    yield { other: withBudgetOf(recorded, caseOf(request, text)), text, isFirst }
  } catch (error) {
    if (!(error instanceof ParityError)) throw error
  }
}

/** What goes in is noisy in a budget that is measured here, and not what each operation rounds: that is as in the recorded case. */
function withBudgetOf(recorded: Case, own: Case): Case {
  const budget = Object.entries(own.expected).map(([name, expected]) => {
    const before = recorded.budget[name]!
    const size = largest(scaled(before, recorded.expected[name]!, expected).data)
    const data = own.budget[name]!.data.map((x) => Math.max(x, size))
    return [name, { ...own.budget[name]!, data }]
  })
  return { ...own, budget: Object.fromEntries(budget) as Case['budget'] }
}

/** A captured program takes inputs of the shapes that it was captured with: each with its own numbers in another order. */
function* reordered(recorded: Case & ExportedRequest, decoy: Request, i: number, seed: number): Generator<Other> {
  const inputs = Object.entries(recorded.inputs).map(([name, tensor]) => [
    name,
    inOtherOrder(tensor, unitsOf(`${seed}/${i}/${name}`)),
  ])
  const { params } = i % 2 === 0 ? recorded : decoy
  const also = i % 2 === 0 ? '' : ' and its parameters’'
  const text = `the case with its inputs’${also} numbers in another order (${i + 1})`
  yield* ofProgram(recorded, { ...decoy, params, inputs: Object.fromEntries(inputs) }, text, i < plain)
}

function inOtherOrder<T extends Tensor>(tensor: T, units: () => number): T {
  // A typed array of its own kind; TypeScript cannot follow that.
  const data = tensor.data.slice() as Tensor['data']
  for (let i = data.length - 1; i > 0; i--) {
    const j = Math.floor(units() * (i + 1))
    ;[data[i], data[j]] = [data[j]!, data[i]!]
  }
  return { ...tensor, data }
}

function* ofModel(recorded: Case & BuiltRequest, seed: number): Generator<Other> {
  const random = randomOf(seed)
  const base = specOf(recorded)
  for (let i = 0; i < mostDrawn; i++) {
    const drawn = i < plain ? base : resized(base, random)
    const spec = { ...drawn, seed: Math.floor(random() * 2 ** 31) }
    const text = textOf(spec)
    yield { other: caseOf(requestOfSpec(spec), text), text, isFirst: i < plain }
  }
}

const isOfTarget = (module: string): boolean => module === 'ManyToMany' || module === 'LanguageModel'

/** Another number of rows and steps, and other lengths where there are lengths. */
function resized(base: ModelSpec, random: () => number): ModelSpec {
  const upTo = (most: number): number => 1 + Math.floor(random() * most)
  const { module, lengths, target_len } = base
  const [seq_len, batch] = [upTo(9), upTo(6)]
  // The steps of a OneToMany are those of its configuration.
  const others = isOfTarget(module) ? seq_len : module === 'OneToMany' ? target_len : upTo(9)
  return {
    ...base,
    seq_len,
    batch,
    ...(lengths && { lengths: Array.from({ length: batch }, () => upTo(seq_len)) }),
    ...(target_len !== undefined && others !== undefined && { target_len: others }),
  }
}

function specOf(recorded: Case & BuiltRequest): ModelSpec {
  const { module, config, dtype, inputs, cotangents } = recorded
  const { seq_len, batch, target_len } = modelExtentOf(recorded)
  return {
    id: recorded.id,
    module,
    config,
    batch,
    ...(seq_len !== undefined && { seq_len }),
    ...(inputs.lengths && { lengths: Array.from(inputs.lengths.data, Number) }),
    ...(target_len !== undefined && { target_len }),
    ...(dtype === 'float64' && { dtype }),
    ...(cotangents !== undefined && { gradients: true }),
    seed: 0,
  }
}

function textOf({ module, seq_len, batch, lengths, target_len, seed }: ModelSpec): string {
  const sizes = Object.entries({ seq_len, batch, target_len })
    .filter(([, size]) => size !== undefined)
    .map(([name, size]) => `${name} ${size}`)
  const ofRows = lengths == null ? [] : [`lengths ${lengths.join(' ')}`]
  return [
    `${module} of the same configuration with other numbers: ${sizes.join(', ')}`,
    ...ofRows,
    `seed ${seed}`,
  ].join(', ')
}

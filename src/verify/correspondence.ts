// Tensors of a port under names of its own: which of a captured model's they are, by their numbers.
import { type Case, expectedAxes, type ExportedRequest, type Outputs } from '../format/case.ts'
import { elementCount, type FloatTensor, indexAt } from '../format/tensor.ts'
import { sizes } from '../format/module.ts'
import { defaultJudgement } from './compare.ts'
import { decide } from './decide.ts'
import { judge } from './judge.ts'
import { withSamples } from './samples.ts'

/** A tensor of another name that has a tap's numbers, within its budget. */
export interface Correspondence {
  /** What the port calls it. */
  readonly tensor: string
  readonly tap: string
  /** For each of its axes the one that it is in PyTorch, where they stand otherwise: 0, 2, 3, 1 for channels last. */
  readonly order?: readonly number[]
}

/** An order of more axes is not looked for. */
const mostAxes = 4

/**
 * Takes what is under no tap's name for the first tap, not given otherwise, whose numbers it has. What has no tap's numbers stays as it is.
 * given: what a port gave, which may be anything.
 */
export function corresponding(
  recorded: Case & ExportedRequest,
  given: unknown,
): { readonly outputs: unknown; readonly found: readonly Correspondence[] } {
  if (typeof given !== 'object' || given === null) return { outputs: given, found: [] }
  const own = given as Partial<Outputs>
  const taps = recorded.config.taps.map(({ name }) => name)
  const others = Object.keys(own).filter((name) => !taps.includes(name))
  if (others.length === 0) return { outputs: given, found: [] }
  const outputs: Record<string, unknown> = { ...own }
  const found: Correspondence[] = []
  for (const tensor of others) {
    const value = own[tensor]
    if (!isTensor(value, recorded.dtype)) continue
    for (const tap of taps) {
      if (Object.hasOwn(outputs, tap)) continue
      const order = orderOf(recorded, tap, value)
      // On the way axes may stand as the port has them; what a model gives has its shape.
      if (order === undefined || (isOutput(recorded, tap) && isTurned(order))) continue
      outputs[tap] = turned(value, order)
      delete outputs[tensor]
      found.push({ tensor, tap, ...(isTurned(order) && { order }) })
      break
    }
  }
  return { outputs, found }
}

function isOutput({ config }: ExportedRequest, name: string): boolean {
  return config.taps.some((tap) => tap.name === name && tap.output)
}

function isTurned(order: readonly number[]): boolean {
  return order.some((axis, i) => axis !== i)
}

function isTensor(value: unknown, dtype: string): value is FloatTensor {
  if (typeof value !== 'object' || value === null) return false
  const { dtype: own, shape, data } = value as Partial<FloatTensor>
  const storage = dtype === 'float64' ? Float64Array : Float32Array
  return (
    own === dtype &&
    Array.isArray(shape) &&
    shape.every((size) => Number.isInteger(size)) &&
    data instanceof storage &&
    data.length === elementCount(shape)
  )
}

/** In which order of axes a tensor has a tap's numbers; undefined in none. */
function orderOf(recorded: Case, tap: string, value: FloatTensor): readonly number[] | undefined {
  const { expected, budget } = withSamples(recorded)
  const shape = sizes(expectedAxes(recorded)[tap]!)
  if (shape.length !== value.shape.length || value.data.length === 0) return undefined
  // What lets anything pass tells nothing.
  const { decided, undecided } = decide(expected[tap]!, budget[tap]!, defaultJudgement.tolerance)
  if (undecided > 0 || decided === 0) return undefined
  const axes = shape.map((_, axis) => axis)
  const orders = shape.length <= mostAxes ? permutations(axes) : [axes]
  return orders.find((order) => {
    if (order.some((axis, i) => value.shape[i] !== shape[axis])) return false
    return judge(recorded, { [tap]: turned(value, order) }).some(
      ({ tensor, outcome }) => tensor === tap && outcome === 'match',
    )
  })
}

/** All orders, their own first. */
function permutations(axes: readonly number[]): number[][] {
  if (axes.length === 0) return [[]]
  return axes.flatMap((own) => permutations(axes.filter((each) => each !== own)).map((rest) => [own, ...rest]))
}

/** A tensor whose axis i is axis order[i] of what comes out. */
function turned(value: FloatTensor, order: readonly number[]): FloatTensor {
  if (order.every((axis, i) => axis === i)) return value
  const shape = order.map((_, axis) => value.shape[order.indexOf(axis)]!)
  const strides = value.shape.map((_, axis) => elementCount(value.shape.slice(axis + 1)))
  const data = value.data.map((_, offset) => {
    const index = indexAt(shape, offset)
    return value.data[order.reduce((sum, axis, i) => sum + index[axis]! * strides[i]!, 0)]!
  })
  return { ...value, shape, data } as FloatTensor
}

// Ports that are wrong under a condition, by the kinds of bugs of kernels and of state.
import { isModelRequest, type Outputs, type RecurrentRequest, type Request } from '../../src/format/case.ts'
import { run } from '../../src/engine/run.ts'
import { extentOf, stateSize } from '../../src/format/module.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'

interface Conditional {
  readonly name: string
  run(request: Request): Outputs
}

/** Every parameter with so many dims, some of its numbers being others. */
function withParameters(request: Request, dims: number, of: (x: number, i: number, width: number) => number): Request {
  const params = Object.entries(request.params).map(([name, { dtype, shape, data }]): [string, FloatTensor] => {
    const width = shape.at(-1) ?? 1
    const changed = Array.from(data, (x, i) => (shape.length === dims ? of(x, i, width) : x))
    return [name, floatTensor(dtype, shape, changed)]
  })
  return { ...request, params: Object.fromEntries(params) }
}

const columns = (of: (column: number, width: number) => number) => (request: Request) =>
  run(withParameters(request, 2, (x, i, width) => x * of(i % width, width)))

/** Every output with one sign turned: as wrong as can be, wherever it is so. */
function spoilt(outputs: Outputs): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dtype, shape, data }]) => {
      return [
        name,
        floatTensor(
          dtype,
          shape,
          Array.from(data, (x) => -x - 0.25),
        ),
      ]
    }),
  )
}

const where = (name: string, is: (request: RecurrentRequest) => boolean): Conditional => ({
  name,
  run: (request) => (!isModelRequest(request) && is(request) ? spoilt(run(request)) : run(request)),
})

const extent = ({ module, config, inputs }: RecurrentRequest): { T: number; B: number } => {
  const { seq_len = 1, batch = 1 } = extentOf(module, config, inputs.input.shape)
  return { T: seq_len, B: batch }
}

/** A port that keeps something by a key, and takes it again. */
function keeping<T>(
  name: string,
  keyOf: (request: Request) => string,
  of: (request: Request) => T,
  take: (request: Request, kept: T) => Outputs,
): Conditional {
  const all = new Map<string, T>()
  return {
    name,
    run(request) {
      const key = keyOf(request)
      if (!all.has(key)) all.set(key, of(request))
      return take(request, all.get(key)!)
    },
  }
}

const shapes = ({ params, inputs }: Request): string =>
  JSON.stringify(
    [...Object.values(params), ...Object.values(inputs as Outputs)].map(({ dtype, shape }) => [dtype, shape]),
  )

let calls = 0

export const conditional: readonly Conditional[] = [
  { name: 'sums lack what is left after blocks of 8', run: columns((i, n) => (n > 8 && i >= n - (n % 8) ? 0 : 1)) },
  {
    name: 'sums lack what is left after blocks of 16, short ones all of it',
    run: columns((i, n) => (i >= n - (n % 16) ? 0 : 1)),
  },
  {
    name: 'the first product after each tile of 32 counts twice',
    run: columns((i) => (i > 0 && i % 32 === 0 ? 2 : 1)),
  },
  { name: 'columns past 255 are lost', run: columns((i) => (i > 255 ? 0 : 1)) },
  where('more than 128 rows', (request) => extent(request).B > 128),
  where('more than 65,536 numbers of input', ({ inputs }) => inputs.input.data.length > 65_536),
  where('odd hidden_size', ({ config }) => config.hidden_size % 2 === 1),
  where(
    'hidden_size beside a power of two',
    ({ config }) => config.hidden_size > 4 && (config.hidden_size & (config.hidden_size - 1)) !== 0,
  ),
  where('seq_len = batch', (request) => extent(request).T === extent(request).B && extent(request).T > 1),
  where('at least 100 steps', (request) => extent(request).T >= 100),
  where(
    'a projection of an odd size',
    ({ config }) => stateSize(config) !== config.hidden_size && stateSize(config) % 2 === 1,
  ),
  where(
    'bidirectional with lengths',
    ({ config, inputs }) => 'bidirectional' in config && config.bidirectional && inputs.lengths !== undefined,
  ),
  where('no state, and float64', ({ dtype, inputs }) => dtype === 'float64' && inputs.h_0 === undefined),
  where(
    'one row, or gradients of a GRU',
    (request) => extent(request).B === 1 || (request.module.startsWith('GRU') && request.cotangents !== undefined),
  ),
  keeping(
    'parameters are kept by their shapes',
    shapes,
    ({ params }) => params,
    (request, params) => run({ ...request, params }),
  ),
  keeping(
    'inputs are kept by their shapes',
    shapes,
    ({ inputs }) => inputs,
    (request, inputs) => run({ ...request, inputs } as Request),
  ),
  { name: 'wrong from the 300th call on', run: (request) => (calls++ < 300 ? run(request) : spoilt(run(request))) },
]

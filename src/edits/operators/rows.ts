// What happens between the rows of a batch, which no program sees.
import { isModelRequest, type Outputs, type RecurrentRequest, type Request } from '../../format/case.ts'
import { layerConfig } from '../../format/module.ts'
import { elementCount, type FloatTensor, floatTensor, indexSelect } from '../../format/tensor.ts'
import type { Operator } from './operator.ts'

/** Every row begins with the states in which the row before it ended. */
export const carriedRows: Operator = {
  *candidates({ request }) {
    if (canCarry(request)) yield { operator: 'carriedRows', operand: {} }
  },
  around: (_, run) => (request) => (canCarry(request) ? rowByRow(request, run) : run(request)),
  says: () => 'starts each batch row from the last state of the row before',
}

function canCarry(request: Request): request is RecurrentRequest {
  if (isModelRequest(request) || request.training !== undefined || request.cotangents !== undefined) return false
  const { input } = request.inputs
  return input.shape.length === (layerConfig(request.config) === undefined ? 2 : 3)
}

function rowByRow(request: RecurrentRequest, run: (request: Request) => Outputs): Outputs {
  const config = layerConfig(request.config)
  const stateAxis = config === undefined ? 0 : 1
  const inputAxis = config === undefined || config.batch_first ? 0 : 1
  const last = config === undefined ? { h_0: 'h_1', c_0: 'c_1' } : { h_0: 'h_n', c_0: 'c_n' }
  const { input, lengths, dropout_mask } = request.inputs
  const rows: Outputs[] = []
  for (let row = 0; row < (input.shape[inputAxis] ?? 0); row++) {
    const start = (name: 'h_0' | 'c_0'): { [K in typeof name]?: FloatTensor } => {
      const given = request.inputs[name]
      const state = rows.at(-1)?.[last[name]] ?? (given && indexSelect(given, stateAxis, [0]))
      return state === undefined ? {} : { [name]: state }
    }
    const inputs = {
      input: indexSelect(input, inputAxis, [row]),
      ...start('h_0'),
      ...start('c_0'),
      ...(dropout_mask && { dropout_mask: indexSelect(dropout_mask, 2, [row]) }),
      ...(lengths && { lengths: { ...lengths, shape: [1], data: lengths.data.slice(row, row + 1) } }),
    }
    rows.push(run({ ...request, inputs }))
  }
  return Object.fromEntries(
    Object.keys(rows[0] ?? {}).map((name) => [
      name,
      joined(
        rows.map((outputs) => outputs[name]!),
        name === 'output' ? inputAxis : stateAxis,
      ),
    ]),
  )
}

/** Tensors of one row each, along an axis. */
function joined(rows: readonly FloatTensor[], axis: number): FloatTensor {
  const first = rows[0]!
  const inner = elementCount(first.shape.slice(axis + 1))
  const shape = first.shape.with(axis, rows.length)
  const data = Array.from({ length: elementCount(shape) }, (_, offset) => {
    const before = Math.floor(offset / inner)
    return rows[before % rows.length]!.data[Math.floor(before / rows.length) * inner + (offset % inner)]!
  })
  return floatTensor(first.dtype, shape, data)
}

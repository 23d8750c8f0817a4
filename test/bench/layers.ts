// Layers of random weights, and how long an engine takes for them.
import type { RecurrentRequest } from '../../src/format/case.ts'
import { elementCount, type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { random } from '../random.ts'

/** A round of one case takes at least so long. */
export const leastMs = 150

const numbers = random(1)
export const around = (shape: readonly number[], scale: number): FloatTensor =>
  floatTensor(
    'float32',
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => numbers.around(scale)),
  )

export interface Column {
  readonly name: string
  readonly request: RecurrentRequest
}

export function column(
  module: 'RNNCell' | 'RNN' | 'LSTM' | 'GRU',
  [seq_len, batch, input_size, hidden_size]: readonly [number, number, number, number],
  { num_layers = 1, bidirectional = false } = {},
): Column {
  const isCell = module === 'RNNCell'
  const D = bidirectional ? 2 : 1
  const G = { RNNCell: 1, RNN: 1, LSTM: 4, GRU: 3 }[module]
  const scale = 1 / Math.sqrt(hidden_size)
  const params: Record<string, FloatTensor> = {}
  for (let layer = 0; layer < num_layers; layer++) {
    for (let direction = 0; direction < D; direction++) {
      const suffix = isCell ? '' : `_l${layer}${direction === 1 ? '_reverse' : ''}`
      const width = layer === 0 ? input_size : D * hidden_size
      params[`weight_ih${suffix}`] = around([G * hidden_size, width], scale)
      params[`weight_hh${suffix}`] = around([G * hidden_size, hidden_size], scale)
      params[`bias_ih${suffix}`] = around([G * hidden_size], scale)
      params[`bias_hh${suffix}`] = around([G * hidden_size], scale)
    }
  }
  const config = {
    input_size,
    hidden_size,
    bias: true,
    ...(module.startsWith('RNN') ? { nonlinearity: 'tanh' } : {}),
    ...(isCell ? {} : { num_layers, batch_first: false, dropout: 0, bidirectional }),
    ...(module === 'LSTM' ? { proj_size: 0 } : {}),
  }
  const input = around(isCell ? [batch, input_size] : [seq_len, batch, input_size], 1)
  const name = isCell
    ? `RNNCell B${batch} I${input_size} H${hidden_size}`
    : `${module} T${seq_len} B${batch} I${input_size} H${hidden_size}${num_layers === 2 ? ' L2 bi' : ''}`
  // The configuration is that of the module: the two are made from one argument above.
  return { name, request: { module, config, dtype: 'float32', params, inputs: { input } } as RecurrentRequest }
}

/** Milliseconds of a processor for one call: on a machine that others use as well, those of a clock are theirs too. */
export async function time(call: () => unknown): Promise<number> {
  let count = 0
  const before = process.cpuUsage()
  let taken = 0
  while (taken < leastMs) {
    // Asking for the time would be most of what the smallest case takes.
    const calls = count > 0 && taken / count < 0.05 ? 1000 : 1
    for (let i = 0; i < calls; i++, count++) {
      const answer = call()
      if (answer instanceof Promise) await answer
    }
    const { user, system } = process.cpuUsage(before)
    taken = (user + system) / 1000
  }
  return taken / count
}

export function shown(ms: number): string {
  return ms < 1 ? `${(ms * 1000).toPrecision(3)} µs` : `${ms.toPrecision(3)} ms`
}

// Asks the oracle for small random cases, pipelined, and prints cases per second end to end and what limits them.
// Needs a Python with python/requirements.txt: TORCH_PARITY_PYTHON names it. COUNT=500 asks for so many of each kind.
import type { ModuleName } from '../../src/format/module.ts'
import { openOracle, type Oracle, type RecurrentSpec } from '../../src/oracle.ts'
import { random, type Random } from '../random.ts'

const count = Number(process.env['COUNT'] ?? 1000)
const modules = ['RNN', 'LSTM', 'GRU', 'RNNCell', 'LSTMCell', 'GRUCell'] as const

/** A random case: sizes, steps and rows up to those given, and as many layers. */
function draw(numbers: Random, id: string, size: number, num_layers: number): RecurrentSpec {
  const module: ModuleName = numbers.pick(modules)
  const isLayer = !module.endsWith('Cell')
  return {
    id,
    module,
    input_size: numbers.int(1, size),
    hidden_size: numbers.int(1, size),
    seq_len: isLayer ? numbers.int(1, size) : 1,
    batch: numbers.int(1, 4),
    seed: numbers.int(0, 2 ** 30),
    options: isLayer ? { num_layers: numbers.int(1, num_layers), bidirectional: numbers.int(0, 2) === 0 } : {},
  }
}

/** The cases of a kind; a refused one is what a request costs when nothing is recorded for it. */
const kinds: Record<string, (numbers: Random, id: string) => RecurrentSpec> = {
  'refused: frames alone': (numbers, id) => ({ ...draw(numbers, id, 2, 1), module: 'GRU', options: { proj_size: 1 } }),
  'cells, sizes up to 4': (numbers, id) => ({
    ...draw(numbers, id, 4, 1),
    module: numbers.pick(['RNNCell', 'LSTMCell', 'GRUCell']),
    options: {},
  }),
  'all modules, sizes and steps up to 2, 1 layer': (numbers, id) => draw(numbers, id, 2, 1),
  'all modules, sizes and steps up to 8, up to 3 layers': (numbers, id) => draw(numbers, id, 8, 3),
  'the same with gradients': (numbers, id) => ({ ...draw(numbers, id, 8, 3), gradients: true }),
}

async function measure(oracle: Oracle, name: string, maxInFlight: number): Promise<string> {
  const numbers = random(1)
  const specs = Array.from({ length: count }, (_, i) => kinds[name]!(numbers, `${i}`))
  const busy = process.cpuUsage()
  const began = performance.now()
  await Promise.allSettled(specs.map((spec) => oracle.record(spec)))
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(busy)
  const own = (100 * (user + system)) / 1e6 / seconds
  return `| ${name} | ${maxInFlight} | ${Math.round(count / seconds)} | ${own.toFixed(0)} % |`
}

process.stdout.write('| cases | in flight | cases/s | Node is busy |\n|---|--:|--:|--:|\n')
for (const maxInFlight of [64, 1]) {
  const oracle = await openOracle({ maxInFlight })
  try {
    // The first calls of torch are slow.
    await measure(oracle, 'the same with gradients', maxInFlight)
    for (const name of Object.keys(kinds)) {
      process.stdout.write(`${await measure(oracle, name, maxInFlight)}\n`)
    }
  } finally {
    await oracle.close()
  }
}

// Times our engine as sequences grow, and as layers do, and prints a table of each: what a step takes, and what a number of the weights
// takes, at one row and of one layer. By the time of the processor, the best of three rounds.
import { run } from '../../src/engine/run.ts'
import { type Column, column, shown, time } from './layers.ts'

const rounds = 3
const modules = ['RNN', 'LSTM', 'GRU'] as const

async function best({ request }: Column): Promise<number> {
  let least = Infinity
  for (let round = 0; round < rounds; round++) least = Math.min(least, await time(() => run(request)))
  return least
}

/** How long each takes, and each part of it. per: how many parts there are. */
async function table(
  title: string,
  sizes: readonly number[],
  columnOf: (module: (typeof modules)[number], size: number) => Column,
  per: (size: number) => number,
): Promise<void> {
  process.stdout.write(`| ${[title, ...modules.flatMap((module) => [module, 'each'])].join(' | ')} |\n`)
  process.stdout.write(`|${' --: |'.repeat(1 + 2 * modules.length)}\n`)
  for (const size of sizes) {
    const cells: string[] = []
    for (const module of modules) {
      const ms = await best(columnOf(module, size))
      cells.push(shown(ms), `${((1e6 * ms) / per(size)).toPrecision(3)} ns`)
    }
    process.stdout.write(`| ${[String(size), ...cells].join(' | ')} |\n`)
  }
}

await table(
  'seq_len, of hidden_size 16',
  [1, 10, 100, 1000, 10_000, 100_000],
  (module, seq_len) => column(module, [seq_len, 1, 16, 16]),
  (seq_len) => seq_len,
)
process.stdout.write('\n')
// Of each gate there are as many weights by the input as by the state.
await table(
  'hidden_size, 4 steps',
  [1, 2, 8, 32, 128, 512, 2048],
  (module, hidden_size) => column(module, [4, 1, hidden_size, hidden_size]),
  (hidden_size) => 8 * hidden_size * hidden_size,
)

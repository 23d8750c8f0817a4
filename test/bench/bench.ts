// Times `verify` against the same work in Python, as whole processes that take turns, and how it grows with the cases, and prints
// two tables. GROWTH=100000 adds a line of so many cases.
// Needs a build, and a Python with python/requirements.txt: TORCH_PARITY_PYTHON names it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { grown } from './growth.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const python = process.env['TORCH_PARITY_PYTHON'] ?? 'python3'
const runs = Number(process.env['ROUNDS'] ?? 3)
/** Random cases of a layer and its cell. */
const suites = { RNN: 'random/small', LSTM: 'random/small_lstm', GRU: 'random/small_gru' } as const

/** Runs a command and prints its seconds and its peak memory, which only its parent is told. */
const stopwatch = `
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, code)
`

interface Run {
  readonly seconds: number
  readonly mebibytes: number
}

function time(command: readonly string[]): Run {
  const env = { ...process.env, PYTHONPATH: join(root, 'python') }
  const { stdout, stderr } = spawnSync(python, ['-c', stopwatch, ...command], { encoding: 'utf8', cwd: root, env })
  const [seconds, mebibytes, code] = stdout.trim().split(' ').map(Number)
  if (code !== 0) throw new Error(`${command.join(' ')}: exit code ${code}\n${stderr}`)
  return { seconds: seconds!, mebibytes: mebibytes! }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!
}

function record(folder: string, suite: string, count: number): string {
  const args = ['-m', 'torch_parity', 'dump', '--suite', suite, '--count', String(count), '--out', folder]
  const { status, stderr } = spawnSync(python, args, { encoding: 'utf8', cwd: join(root, 'python') })
  if (status !== 0) throw new Error(`recording ${count} cases: ${stderr}`)
  return join(folder, `${suite}.msgpack`)
}

const folder = mkdtempSync(join(tmpdir(), 'torch-parity-bench-'))
try {
  process.stdout.write(
    '| modules | cases | torch-parity verify | cases/s | peak memory | Python with torch | peak memory | ratio |\n' +
      '|---|--:|--:|--:|--:|--:|--:|--:|\n',
  )
  for (const [module, suite] of Object.entries(suites)) {
    for (const count of [1000, 4000]) {
      process.stdout.write(`${measure(module, count, record(join(folder, String(count)), suite, count))}\n`)
    }
  }
  process.stdout.write(
    '\n| cases of RNN, RNNCell | torch-parity verify | µs for each case more | peak memory |\n|--:|--:|--:|--:|\n',
  )
  const counts = [
    10,
    100,
    1000,
    10_000,
    ...(process.env['GROWTH'] === undefined ? [] : [Number(process.env['GROWTH'])]),
  ]
  const small = join(folder, '1000', `${suites.RNN}.msgpack`)
  let before: { readonly count: number; readonly seconds: number } | undefined
  for (const count of counts) {
    const file = await grown(small, join(folder, 'growth', `${count}.msgpack`), count)
    const own = Array.from({ length: runs }, () => time([process.execPath, 'dist/cli.js', 'verify', '--quiet', file]))
    const seconds = median(own.map((run) => run.seconds))
    const mebibytes = Math.max(...own.map((run) => run.mebibytes))
    // By what came before it, so that the start, and the warming up, are not counted again.
    const each = before === undefined ? '' : ((1e6 * (seconds - before.seconds)) / (count - before.count)).toFixed(0)
    process.stdout.write(`| ${count} | ${seconds.toFixed(2)} s | ${each} | ${mebibytes.toFixed(0)} MiB |\n`)
    before = { count, seconds }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** A line of the table: both take turns, and one round that warms the files is not counted. */
function measure(module: string, count: number, file: string): string {
  const ours: Run[] = []
  const theirs: Run[] = []
  const ratios: number[] = []
  for (let round = 0; round <= runs; round++) {
    const own = time([process.execPath, 'dist/cli.js', 'verify', '--quiet', file])
    const other = time([python, 'python/benchmarks/verify_torch.py', file])
    if (round === 0) continue
    ours.push(own)
    theirs.push(other)
    ratios.push(other.seconds / own.seconds)
  }
  const seconds = median(ours.map((run) => run.seconds))
  const cells = [
    `${module}, ${module}Cell`,
    count,
    `${seconds.toFixed(2)} s`,
    Math.round(count / seconds),
    `${Math.max(...ours.map((run) => run.mebibytes)).toFixed(0)} MiB`,
    `${median(theirs.map((run) => run.seconds)).toFixed(2)} s`,
    `${Math.max(...theirs.map((run) => run.mebibytes)).toFixed(0)} MiB`,
    `${median(ratios).toFixed(1)}×`,
  ]
  return `| ${cells.join(' | ')} |`
}

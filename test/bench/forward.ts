// Times our engines forward, and back, against others that are installed for it outside the project, and prints a table. All take
// turns; the best of three rounds counts. TORCH_PARITY_PYTHON names a Python that has torch, else there is no row of it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outputs, RecurrentRequest } from '../../src/format/case.ts'
import { float32Engine, run } from '../../src/engine/run.ts'
import type { FloatTensor } from '../../src/format/tensor.ts'
import { run as runPlain } from '../../src/inexact/run.ts'
import { around, column, leastMs, shown, time } from './layers.ts'
import type { OnnxRuntime } from '../../src/adapters/onnxruntime.ts'
import { onnxOf } from '../../src/adapters/recurrent-onnx.ts'

const rounds = 3

const columns = [
  column('RNNCell', [1, 5, 10, 7]),
  column('RNN', [32, 8, 32, 64]),
  column('RNN', [100, 32, 128, 256], { num_layers: 2, bidirectional: true }),
  column('RNN', [512, 1, 64, 128]),
  column('LSTM', [100, 32, 128, 256]),
  column('GRU', [100, 32, 128, 256]),
]

/** Something that is timed: what it does once for a column. */
interface Row {
  readonly name: string
  readonly calls: readonly (() => unknown)[]
  readonly best: number[]
}

function row(name: string, call: (request: RecurrentRequest) => unknown, requests = columns): Row {
  return {
    name,
    calls: requests.map(
      ({ request }) =>
        () =>
          call(request),
    ),
    best: columns.map(() => Infinity),
  }
}

/** onnxruntime-web with one thread, in WebAssembly. */
async function onnxRow(folder: string): Promise<Row> {
  const options = { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' } as const
  const installed = spawnSync(
    'npm',
    ['install', '--prefix', folder, '--no-audit', '--no-fund', 'onnxruntime-web'],
    options,
  )
  if (installed.status !== 0) throw new Error(`installing onnxruntime-web: ${installed.stderr}`)
  const ort = createRequire(join(folder, 'index.js'))('onnxruntime-web') as OnnxRuntime
  ort.env.wasm.numThreads = 1
  const calls = []
  for (const { request, name } of columns) {
    const session = await ort.InferenceSession.create(onnxOf(request), { executionProviders: ['wasm'] })
    const shape = request.module === 'RNNCell' ? [1, ...request.inputs.input.shape] : request.inputs.input.shape
    const data = Float32Array.from(request.inputs.input.data)
    const call = (): ReturnType<typeof session.run> => session.run({ input: new ort.Tensor('float32', data, shape) })
    const [first, expected] = Object.entries(run(request))[0]!
    checkNear(name, (await call())[first]!.data, expected)
    calls.push(call)
  }
  return { name: 'onnxruntime-web, 1 thread', calls, best: columns.map(() => Infinity) }
}

/** Two that are compared compute the same. */
function checkNear(name: string, actual: ArrayLike<number>, { data }: FloatTensor): void {
  for (const [i, x] of data.entries()) {
    if (!(Math.abs(actual[i]! - x) < 1e-4)) throw new Error(`${name}: expected ${x} at ${i}, got ${actual[i]}`)
  }
}

const torchProgram = `
import json, sys, time, torch
torch.set_num_threads(1)
best = []
for module, config, shape in json.loads(sys.argv[1]):
    layer = getattr(torch.nn, module)(**config)
    x = torch.rand(shape)
    with torch.no_grad():
        layer(x)
        count, began = 0, time.process_time()
        while time.process_time() - began < ${leastMs / 1000}:
            layer(x)
            count += 1
        best.append((time.process_time() - began) / count * 1000)
print(json.dumps(best))
`

function torchTimes(python: string): number[] {
  const asked = columns.map(({ request: { module, config, inputs } }) => [module, config, inputs.input.shape])
  const { status, stdout, stderr } = spawnSync(python, ['-c', torchProgram, JSON.stringify(asked)], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`torch: ${stderr}`)
  return JSON.parse(stdout) as number[]
}

function line(name: string, cells: readonly string[]): void {
  process.stdout.write(`| ${[name, ...cells].join(' | ')} |\n`)
}

/** The same with gradients by everything. */
function withCotangents(request: RecurrentRequest): RecurrentRequest {
  const cotangents: Outputs = Object.fromEntries(
    Object.entries(run(request)).map(([name, { shape }]) => [name, around(shape, 1)]),
  )
  return { ...request, cotangents }
}

const python = process.env['TORCH_PARITY_PYTHON']
const folder = mkdtempSync(join(tmpdir(), 'torch-parity-bench-'))
try {
  const back = columns.map(({ name, request }) => ({ name, request: withCotangents(request) }))
  const onnx = await onnxRow(folder)
  const before = row('plain JavaScript (src/inexact)', (request) => runPlain(request))
  const float64 = row('torch-parity, float64', (request) => run(request))
  const float32 = row('torch-parity, float32', (request) => float32Engine.run(request))
  const both64 = row('float64 with gradients', (request) => run(request), back)
  const both32 = row('float32 with gradients', (request) => float32Engine.run(request), back)
  const rows = [onnx, before, float64, float32, both64, both32]
  let torch: number[] | undefined
  for (let round = 0; round < rounds; round++) {
    for (const i of columns.keys()) {
      for (const { calls, best } of rows) best[i] = Math.min(best[i]!, await time(calls[i]!))
    }
    if (python !== undefined) torch = torchTimes(python).map((ms, i) => Math.min(ms, torch?.[i] ?? Infinity))
  }
  line(
    '',
    columns.map(({ name }) => name),
  )
  line(
    '---',
    columns.map(() => '--:'),
  )
  if (torch !== undefined) line('torch, 1 thread', torch.map(shown))
  for (const { name, best } of [onnx, before, float64, float32]) line(name, best.map(shown))
  const ratio = (one: Row, other: Row): string[] => one.best.map((ms, i) => `${(ms / other.best[i]!).toFixed(2)}×`)
  line('onnxruntime-web / float64', ratio(onnx, float64))
  line('onnxruntime-web / float32', ratio(onnx, float32))
  line('plain JavaScript / float64', ratio(before, float64))
  const backward = (both: Row, forward: Row): string[] =>
    both.best.map((ms, i) => `${((ms - forward.best[i]!) / forward.best[i]!).toFixed(2)}×`)
  line('backward / forward, float64', backward(both64, float64))
  line('backward / forward, float32', backward(both32, float32))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

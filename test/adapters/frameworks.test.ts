// Frameworks of Python, where TORCH_PARITY_ADAPTERS names a Python that has them: ci/test.sh makes one.
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect } from 'vitest'
import { installedInPython, pythonAdapters } from '../../src/adapters/python.ts'
import { pythonWay } from '../../src/ports/command.ts'
import { type Host, hostEngine } from '../../src/ports/host.ts'
import { it } from '../cli/command.ts'
import { cellCase, layerCase, questionOf, sgd } from '../sample.ts'
import { sitecustomize } from './broken.ts'
import { describeAdapter } from './judging.ts'
import { type Known, mlx, onnxruntimePython } from './known.ts'

const python = process.env['TORCH_PARITY_ADAPTERS']
if (python !== undefined) process.env['TORCH_PARITY_PYTHON'] = python
// Of the backends of Keras the one that compiles nothing.
process.env['KERAS_BACKEND'] = 'numpy'
const installed = python === undefined ? [] : await installedInPython()

/** `describe` where a framework is installed; else why it is not is printed. */
function describeWith(name: string): (title: string, tests: () => void) => void {
  const why = python === undefined ? 'no TORCH_PARITY_ADAPTERS' : `${python} does not have it`
  return installed.includes(name) ? describe : () => console.info(`no ${name}: ${why}`)
}

const hosts: Host[] = []
afterAll(async () => {
  for (const host of hosts) await host.close()
})

async function started(name: string): Promise<Host['engine']> {
  const host = await hostEngine(await pythonWay(name), 60_000)
  hosts.push(host)
  return host.engine
}

/** How many cases of each module an adapter supports, and in which it departs. */
const judged: readonly (readonly [string, Readonly<Record<string, number>>, Readonly<Record<string, Known>>])[] = [
  ['keras', { rnn_cell: 171, lstm_cell: 144, gru_cell: 144, gru: 420 }, {}],
  ['mlx', { rnn_cell: 280, lstm_cell: 248, gru_cell: 248, rnn: 416, lstm: 354, gru: 361, known_answers: 7 }, mlx],
  [
    'onnxruntime-python',
    { rnn_cell: 171, lstm_cell: 143, gru_cell: 142, rnn: 489, lstm: 412, gru: 418, known_answers: 14 },
    onnxruntimePython,
  ],
]
for (const [name, supported, known] of judged) {
  const engine = installed.includes(name) ? await started(name) : undefined
  describeWith(name)(name, () => describeAdapter(engine!, supported, known))
}

const lstm = fileURLToPath(new URL('../../fixtures/lstm_cell/default.msgpack', import.meta.url))

for (const name of Object.keys(pythonAdapters).filter((each) => each !== 'numpy')) {
  describeWith(name)(name, () => {
    // vitest has a DEV of its own, which tinygrad takes for the name of a device.
    const env = (folder: string): NodeJS.ProcessEnv => ({
      PYTHONPATH: `${folder}${delimiter}${process.env['PYTHONPATH'] ?? ''}`,
      DEV: 'CPU',
    })
    const asked = ['verify', lstm, '--filter', 'batch-3-input-5-hidden-4', '--quiet', '--repeat', '1', '--engine', name]

    it('matches where there is no torch to be had', async ({ folder }) => {
      await folder.write('sitecustomize.py', sitecustomize())
      const { code, stdout, stderr } = await folder.run(asked, { env: env(folder.path('.')) })
      expect(stderr).not.toContain('error ')
      expect(stdout).toContain('1 case: 1 matched')
      expect(code).toBe(0)
    })

    it('is wrong where the framework is: nothing else computes', async ({ folder }) => {
      await folder.write('sitecustomize.py', sitecustomize(name))
      const { code, stdout } = await folder.run(asked, { env: env(folder.path('.')) })
      expect(stdout).toContain('1 case: 0 matched, 1 mismatched')
      expect(code).toBe(1)
    })
  })
}

type Asked = ReturnType<typeof cellCase>

/** What each says of what it has not. */
const refused: Readonly<Record<string, Readonly<Record<string, Asked>>>> = {
  keras: {
    'LSTM has no proj_size': layerCase({ module: 'LSTM', proj_size: 2 }),
    'computes no gradients': layerCase({ module: 'GRU', cotangents: true }),
    'computes float32, not float64': cellCase({ dtype: 'float64' }),
  },
  mlx: {
    'has no bidirectional layers': layerCase({ module: 'GRU', bidirectional: true }),
    'has no lengths and no mask of steps': layerCase({ module: 'RNN', lengths: [2, 1] }),
    'takes no steps of an optimizer': cellCase({ training: sgd }),
    'takes no arrays without elements': cellCase({ input_size: 0 }),
  },
  'onnxruntime-python': {
    'aborts in GRU and LSTM where the batch is 0': layerCase({ module: 'LSTM', batch: 0 }),
    'aborts in GRU where input_size is 0': cellCase({ module: 'GRUCell', input_size: 0 }),
  },
  flax: { 'nnx.GRUCell has no b_hn, which it prints': cellCase({ module: 'GRUCell' }) },
  tinygrad: { 'has LSTMCell alone': cellCase({ module: 'GRUCell' }) },
}
for (const [name, reasons] of Object.entries(refused)) {
  describeWith(name)(name, () => {
    it('says what it does not support', async () => {
      const engine = await started(name)
      const said: string[] = []
      for (const recorded of Object.values(reasons)) said.push(String(await engine.supports!(questionOf(recorded))))
      expect(said).toEqual(Object.keys(reasons))
    })
  })
}

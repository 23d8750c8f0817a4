// What somebody begins with: an engine, a test of it, and a workflow, which run as they stand.
import { existsSync } from 'node:fs'
import { logLine, ParityError } from '../format/errors.ts'
import { writeAside } from './files.ts'
import { say } from './terminal.ts'

const engine = `// The port that is judged. Names and shapes are PyTorch's, tensors are { dtype, shape, data } in C order.
export default {
  name: 'my port',

  // true, or why a request is not for this port: begin with one module, and take more of them as they are written.
  supports({ module, config, dtype, inputs, cotangents, training }) {
    if (module !== 'RNNCell' || config.nonlinearity !== 'tanh' || !config.bias) return 'RNNCell with tanh and biases alone'
    if (dtype !== 'float32' || cotangents || training) return 'float32 alone, and no gradients yet'
    return ('h_0' in inputs && inputs.input.shape.length === 2) || 'batches with a state alone'
  },

  // h_1 = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh): call your own code here.
  run({ params: { weight_ih, weight_hh, bias_ih, bias_hh }, inputs: { input, h_0 } }) {
    const [batch, hidden] = h_0.shape
    const size = input.shape[1]
    const data = new Float32Array(batch * hidden)
    for (let b = 0; b < batch; b++) {
      for (let j = 0; j < hidden; j++) {
        let sum = bias_ih.data[j] + bias_hh.data[j]
        for (let k = 0; k < size; k++) sum += input.data[b * size + k] * weight_ih.data[j * size + k]
        for (let k = 0; k < hidden; k++) sum += h_0.data[b * hidden + k] * weight_hh.data[j * hidden + k]
        data[b * hidden + j] = Math.tanh(sum)
      }
    }
    return { h_1: { dtype: 'float32', shape: [batch, hidden], data } }
  },
}
`

const runners = {
  vitest: { from: 'torch-parity/vitest', command: 'npx vitest run' },
  jest: { from: 'torch-parity/jest', command: 'NODE_OPTIONS=--experimental-vm-modules npx jest' },
  node: { from: 'torch-parity/node-test', command: 'node --test' },
} as const

function test(from: string): string {
  return `import { describeParity } from '${from}'
import port from './parity-port.mjs'

// Recorded cases that come with torch-parity; name files or folders of your own beside them.
await describeParity('@rnn_cell/default', port)
`
}

function workflow(command: string): string {
  return `name: parity
on: [push, pull_request]
permissions:
  contents: read
jobs:
  parity:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
      - uses: actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020 # v4.4.0
        with:
          node-version: 24
      - run: npm ci
      - run: ${command}
      - run: npx torch-parity verify @rnn_cell --engine parity-port.mjs --quiet --report report
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2
        if: always()
        with:
          name: parity
          path: report
`
}

/**
 * Writes what there is not yet. → 0
 * @throws ParityError USAGE where there is no such runner.
 */
export async function init(runner: string): Promise<number> {
  if (!Object.hasOwn(runners, runner)) {
    throw new ParityError('USAGE', `--runner: expected ${Object.keys(runners).join(', ')}, got ${logLine(runner)}`)
  }
  const { from, command } = runners[runner as keyof typeof runners]
  const files = {
    'parity-port.mjs': engine,
    'parity.test.mjs': test(from),
    '.github/workflows/parity.yml': workflow(command),
  }
  for (const [file, text] of Object.entries(files)) {
    if (existsSync(file)) say(`${file}: is there already, and stays as it is`)
    else {
      await writeAside(file, [text])
      say(`${file}: written`)
    }
  }
  say('try it: npx torch-parity verify @rnn_cell --engine parity-port.mjs')
  return 0
}

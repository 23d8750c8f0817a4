// Actors of Ray, where TORCH_PARITY_RAY names a Python that has torch and Ray, and else left out.
import { readFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { it, realPython } from './command.ts'

const python = process.env['TORCH_PARITY_RAY'] ?? ''
const slow = { timeout: 240_000 }
const library = new URL('../../dist/index.js', import.meta.url).href
const two = ['--ray', 'local', '--oracles', '2']

/** Our engine, which at every 40th run kills one of the actors that record for it. */
const killer = `
import { execFileSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { engine } from ${JSON.stringify(library)}

function actors() {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\\n')
  const all = lines.map((line) => /^ *(\\d+) +(\\d+) (.*)$/.exec(line) ?? [])
  const below = new Set([String(process.ppid)])
  for (let before = 0; before < below.size; ) {
    before = below.size
    for (const [, pid, parent] of all) if (below.has(parent)) below.add(pid)
  }
  return all.filter(([, pid, , args]) => below.has(pid) && /^ray::Recorder/.test(args)).map(([, pid]) => Number(pid))
}

let runs = 0
export default {
  name: 'torch-parity',
  run(request) {
    const found = ++runs % 40 === 0 ? actors() : []
    if (found.length > 0) {
      process.kill(found[runs % found.length], 'SIGKILL')
      appendFileSync('killed', 'x')
    }
    return engine.run(request)
  },
}`

/** What an actor imports first: dies over one case in 16, and notes it. */
const deadly = `
import os, sys
if any("default_worker" in word for word in sys.orig_argv):
    import torch_parity.oracle as oracle
    record = oracle.record_spec
    def faulty(spec, states):
        if spec["seed"] % 16 == 0:
            with open(os.path.join(os.path.dirname(__file__), "died"), "a") as file:
                print(spec["id"], file=file)
            os._exit(1)
        return record(spec, states)
    oracle.record_spec = faulty
`

const counts = (stdout: string): readonly string[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/ in [\d.]+ s \(\d+ a second\)/, ''))

describe.skipIf(python === '')('Ray (TORCH_PARITY_RAY)', () => {
  it('finds and counts what one Python does, with actors killed while they record', slow, async ({ folder }) => {
    await folder.write('killer.mjs', killer)
    const args = ['fuzz', '--runs', '150', '--seed', '4', '--max-size', '6', '--python', python]
    const alone = await folder.run([...args, '--oracles', '2'])
    const killed = await folder.run([...args, ...two, '--engine', './killer.mjs'])
    expect(killed.stderr).toBe('')
    expect(counts(killed.stdout)).toStrictEqual(counts(alone.stdout))
    expect((await readFile(folder.path('killed'), 'utf8')).length).toBeGreaterThan(3)
    expect(killed.code).toBe(0)
  })

  it('loses a case over which every actor dies, and ends with 2', slow, async ({ folder }) => {
    await folder.write('sitecustomize.py', deadly)
    const args = ['fuzz', '--runs', '20', '--seed', '1', '--max-size', '4', '--python', python, ...two]
    const { code, stdout, stderr } = await folder.run(args, { env: { PYTHONPATH: folder.path('') } })
    const died = (await readFile(folder.path('died'), 'utf8')).trim().split('\n')
    const lost = new Set(died).size
    expect(died).toHaveLength(3 * lost)
    expect(stdout).toMatch(
      new RegExp(`^${20 - lost} runs in .*, 0 departed, .*, 0 refused by PyTorch, ${lost} lost with Python$`, 'm'),
    )
    expect(stderr).toMatch(/^error expected an answer, got 3 actors that died over it \(/m)
    expect(code).toBe(2)
  })

  it('records anew what is there', slow, async ({ folder }) => {
    const fixture = new URL('../../fixtures/rnn_cell/relu.msgpack', import.meta.url).pathname
    const { code, stdout } = await folder.run(['drift', fixture, '--python', python, ...two])
    expect(stdout).toContain('7 cases recorded again: 0 drifted\n')
    expect(code).toBe(0)
  })
})

describe('without Ray', () => {
  it.for([
    [['generate', '--oracles', '2'], 'error --oracles: expected --ray as well, got none\n'],
    [['fuzz', '--runtime-env', '{}'], 'error --runtime-env: expected --ray as well, got none\n'],
  ] as const)('refuses %j', async ([args, wanted], { folder }) => {
    const { code, stderr } = await folder.run(args)
    expect(stderr).toBe(wanted)
    expect(code).toBe(2)
  })

  it.for(['fuzz', 'generate'])('%s says what brings it', slow, async (command, { folder }) => {
    const { code, stderr } = await folder.run([command, '--ray', 'local', '--python', realPython()])
    expect(stderr).toBe(
      `error ${realPython()}: expected the Python package ray, got none of that name\n` +
        `name another Python with --python or TORCH_PARITY_PYTHON, or run ${realPython()} -m pip install 'ray>=2.50'\n`,
    )
    expect(code).toBe(2)
  })
})

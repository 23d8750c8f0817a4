import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { messageOf } from '../src/format/errors.ts'
import { openOracle, type Oracle, type OracleOptions, type RecurrentSpec } from '../src/oracle.ts'
import { judge } from '../src/verify.ts'
import { engine } from '../src/engine/run.ts'

/** A Python that has torch; without it these tests fail instead of being left out. */
function realPython(): string {
  const python = process.env['TORCH_PARITY_PYTHON']
  if (python === undefined) throw new Error('expected TORCH_PARITY_PYTHON to name a Python that has torch')
  return python
}

let folder: string
let opened: Oracle[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torch-parity-oracle-'))
  opened = []
})

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const oracle of opened) await oracle.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(options: OracleOptions = {}): Promise<Oracle> {
  const oracle = await openOracle({ python: realPython(), ...options })
  opened.push(oracle)
  return oracle
}

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return path
}

/** An interpreter: a line of a shell, which becomes another process. */
async function interpreter(line: string): Promise<string> {
  const path = await write('python', `#!/bin/sh\n${line}\n`)
  await chmod(path, 0o755)
  return path
}

/**
 * A Python that is the real oracle but for what `body` does before a case is recorded; it notes its process id in `pids`.
 * body: lines of Python, with `id`, and with `instead` for what writes to the stream instead of a reply.
 */
async function faultyPython(body: string): Promise<string> {
  const program = `
import ctypes, os, signal, subprocess, sys, time
import torch_parity.oracle as oracle

def note(pid):
    with open(os.path.join(os.path.dirname(__file__), "pids"), "a") as file:
        print(pid, file=file)

note(os.getpid())
record = oracle.record_spec
write_frame = oracle.write_frame
instead = []

def write(stream, message):
    instead[0](stream) if instead else write_frame(stream, message)

def faulty(spec, states):
    id = spec["id"]
${body.trim().replaceAll(/^/gm, '    ')}
    return record(spec, states)

oracle.record_spec = faulty
oracle.write_frame = write
oracle.oracle()
`
  return interpreter(`exec ${realPython()} ${await write('faulty.py', program)}`)
}

async function pids(): Promise<number[]> {
  try {
    return (await readFile(join(folder, 'pids'), 'utf8')).trim().split('\n').map(Number)
  } catch {
    return []
  }
}

/** Whether a process does anything: one that has ended and that nobody has asked about does not. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

async function until(holds: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await setTimeout(20)) {
    if (await holds()) return true
  }
  return false
}

const spec = (id: string, more: Partial<RecurrentSpec> = {}): RecurrentSpec => ({
  id,
  module: 'RNN',
  input_size: 2,
  hidden_size: 3,
  seq_len: 2,
  batch: 2,
  ...more,
})

/** The id of each case that was recorded, or the message of why it was not. */
async function answers(oracle: Oracle, ids: readonly string[]): Promise<string[]> {
  return Promise.all(
    ids.map(async (id) => {
      try {
        return (await oracle.record(spec(id))).id
      } catch (error) {
        return messageOf(error)
      }
    }),
  )
}

describe('openOracle', () => {
  it('records what our engine computes, of every module and in every mode', async () => {
    const oracle = await open()
    expect(oracle.producer).toMatchObject({ torch: expect.stringMatching(/^2\./), num_threads: 1 })
    const asked = [
      spec('a', { options: { nonlinearity: 'relu', bias: false }, batch: null }),
      spec('b', { module: 'LSTM', options: { proj_size: 2, bidirectional: true }, gradients: true }),
      spec('c', { module: 'GRU', options: { num_layers: 2, dropout: 0.5 }, masked: true, seed: 3 }),
      spec('d', { module: 'LSTM', seq_len: 4, lengths: [4, 1], dtype: 'float16', profile: 'large' }),
      spec('e', { module: 'RNNCell', state: false, dtype: 'float64' }),
      spec('f', { module: 'LSTMCell', gradients: true }),
      spec('g', { module: 'GRUCell', profile: 'nan' }),
      spec('h', { module: 'GRU', hidden_size: 300, input_size: 300 }),
    ]
    const cases = await Promise.all(asked.map((one) => oracle.record(one)))
    for (const [i, recorded] of cases.entries()) {
      expect(recorded).toMatchObject({
        id: asked[i]!.id,
        module: asked[i]!.module,
        dtype: asked[i]!.dtype ?? 'float32',
      })
      const outcomes = judge(recorded, engine.run(recorded)).map(({ tensor, outcome }) => [
        recorded.id,
        tensor,
        outcome,
      ])
      expect(outcomes).toEqual(Object.keys(recorded.expected).map((tensor) => [recorded.id, tensor, 'match']))
    }
    expect(cases[2]!.inputs).toHaveProperty('dropout_mask')
    expect(cases[1]!.expected).toHaveProperty('grad_weight_hr_l0_reverse')
    expect(await oracle.record(asked[2]!)).toEqual(cases[2])
  })

  it('answers the request that torch refuses with its error, and the others with cases', async () => {
    const python = await faultyPython('pass')
    const oracle = await open({ python })
    const asked = [spec('first'), spec('none', { seq_len: 0 }), spec('huge', { hidden_size: 2 ** 24 }), spec('last')]
    const [first, none, huge, last] = await Promise.allSettled(asked.map((one) => oracle.record(one)))
    expect([first?.status, last?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(none).toMatchObject({
      reason: {
        code: 'CASE_REFUSED',
        message:
          'case none: expected a case that PyTorch records, got Expected sequence length to be larger than 0 in RNN',
      },
    })
    expect(huge).toMatchObject({ status: 'rejected', reason: { code: 'CASE_REFUSED' } })
    expect(await pids()).toHaveLength(1)
  })

  it('refuses a request that is none without asking Python', async () => {
    const oracle = await open()
    const wrong = { ...spec('a'), module: 'Linear' } as unknown as RecurrentSpec
    await expect(oracle.record(wrong)).rejects.toMatchObject({
      code: 'USAGE',
      message:
        'request: module: expected one of "RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU", ' +
        '"ManyToMany", "ManyToOne", "OneToMany", "LanguageModel", "EncoderDecoder", got "Linear"',
    })
  })

  it('sends no more than maxInFlight requests ahead of their answers', async () => {
    const python = await faultyPython(`
if id == "0":
    time.sleep(1)
    note(sys.stdin.buffer.peek().count(b"hidden_size"))`)
    const oracle = await open({ python, maxInFlight: 4 })
    const ids = Array.from({ length: 40 }, (_, i) => String(i))
    expect(await answers(oracle, ids)).toEqual(ids)
    // What a busy machine has not sent yet is not there to be seen.
    expect((await pids())[1]).toBeLessThanOrEqual(3)
  })

  it('passes over what Python and C print', async () => {
    const python = await faultyPython(`
print("from Python", flush=True)
os.write(1, b"from C")
ctypes.CDLL(None).puts(b"from libc")`)
    expect(await answers(await open({ python }), ['a', 'b'])).toEqual(['a', 'b'])
  })
})

describe('a Python that cannot be asked', () => {
  it('is missing', async () => {
    await expect(openOracle({ python: './no-python' })).rejects.toMatchObject({
      code: 'PYTHON_FAILED',
      message:
        './no-python: expected a Python interpreter, got spawn ./no-python ENOENT\n' +
        'name another with --python or TORCH_PARITY_PYTHON',
    })
  })

  it('has no torch', async () => {
    await write('stub/torch/__init__.py', `raise ModuleNotFoundError("No module named 'torch'", name="torch")\n`)
    vi.stubEnv('PYTHONPATH', join(folder, 'stub'))
    await expect(openOracle({ python: realPython() })).rejects.toMatchObject({
      code: 'PYTHON_FAILED',
      message: expect.stringMatching(
        /^.*: expected the Python package torch, got none of that name\nname another Python with --python or TORCH_PARITY_PYTHON, or run .* -m pip install -r .*requirements\.txt$/,
      ),
    })
  })

  it('has a torch that is too old', async () => {
    await write('stub/torch-1.9.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: torch\nVersion: 1.9.0\n')
    vi.stubEnv('PYTHONPATH', join(folder, 'stub'))
    await expect(openOracle({ python: realPython() })).rejects.toMatchObject({
      code: 'PYTHON_FAILED',
      message: expect.stringMatching(/^.*: expected torch 2\.4 or newer, got 1\.9\.0\nname another Python with /),
    })
  })

  it('speaks another protocol', async () => {
    const program = `
import sys
from torch_parity.fixture import producer
from torch_parity.oracle import write_frame
write_frame(sys.stdout.buffer, {"protocol": 3, **producer()})
sys.stdin.read()`
    const python = await interpreter(`exec ${realPython()} ${await write('other.py', program)}`)
    await expect(openOracle({ python })).rejects.toMatchObject({
      code: 'PYTHON_FAILED',
      message: `${python} -m torch_parity: its first message: protocol: expected one of 2, got 3`,
    })
  })

  it('prints something else', async () => {
    const python = await interpreter('echo "Welcome to Python"; sleep 100')
    await expect(openOracle({ python })).rejects.toMatchObject({
      code: 'PYTHON_FAILED',
      message: `${python} -m torch_parity: expected frames on standard output, got "Welcome to Python\\n"`,
    })
  })

  it('says nothing', async () => {
    const python = await interpreter('exec sleep 100')
    await expect(openOracle({ python, startTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'PYTHON_FAILED',
      message: `${python} -m torch_parity: expected torch to be imported within 0.3 s, got none`,
    })
  })

  it('ends before it has said anything', async () => {
    const python = await interpreter('echo "no, thanks" >&2; exit 3')
    await expect(openOracle({ python })).rejects.toMatchObject({
      code: 'PYTHON_FAILED',
      message: `${python} -m torch_parity: expected an answer, got exit code 3\nno, thanks`,
    })
  })
})

describe('a Python that fails over a request', () => {
  const half = `
if id == "b":
    instead.append(lambda stream: (
        stream.write((1000).to_bytes(4, "little") + b"\\x83half"),
        stream.flush(),
        os.kill(os.getpid(), signal.SIGKILL),
    ))`

  it('is killed in the middle of a reply: that one is lost, the others are answered by another Python', async () => {
    const python = await faultyPython(half)
    expect(await answers(await open({ python }), ['a', 'b', 'c', 'd'])).toEqual([
      'a',
      `case b: ${python} -m torch_parity: expected an answer, got killed by SIGKILL`,
      'c',
      'd',
    ])
    expect(await pids()).toHaveLength(2)
  })

  it('hangs: its process group is ended, and another Python answers the others', async () => {
    const python = await faultyPython(`
if id == "b":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(subprocess.Popen(["sleep", "1000"]).pid)
    ctypes.PyDLL(None).sleep(1000)`)
    const oracle = await open({ python, timeoutMs: 1500 })
    expect(await answers(oracle, ['a', 'b', 'c', 'd'])).toEqual([
      'a',
      `case b: ${python} -m torch_parity: expected an answer to case b within 1.5 s, got none`,
      'c',
      'd',
    ])
    const [first, child, second, ...more] = await pids()
    expect(more).toEqual([])
    expect(await until(() => !isAlive(first!) && !isAlive(child!), 1000)).toBe(true)
    expect(isAlive(second!)).toBe(true)
  })

  it.each([
    ['text', 'b"Segmentation fault (core dumped)"', 'expected frames on standard output, got "Segmentation fault'],
    ['bytes', 'b"\\x02\\x00\\x00\\x00\\xc1\\xc1"', 'Unrecognized type byte: 0xc1'],
    ['an empty frame', 'bytes(4)', 'expected frames on standard output, got "\\u0000'],
    [
      'a reply to another',
      'b"\\x0b\\0\\0\\0\\x82\\xa2id\\x63\\xa4case\\xc0"',
      'expected a reply to request 2, got one to 99',
    ],
    ['no reply', 'b"\\x01\\0\\0\\0\\x2a"', 'its reply: '],
  ])('writes %s where a reply should be', async (_, bytes, message) => {
    const python = await faultyPython(`
if id == "b":
    instead.append(lambda stream: (stream.write(${bytes}), stream.flush()))`)
    const [a, b, c] = await answers(await open({ python }), ['a', 'b', 'c'])
    expect([a, c]).toEqual(['a', 'c'])
    expect(b).toContain(`case b: ${python} -m torch_parity: `)
    expect(b).toContain(message)
    expect(await pids()).toHaveLength(2)
  })

  it('fails again before it has answered anything: all that is asked is rejected, at once', async () => {
    const python = await faultyPython(`
if id != "a":
    os.kill(os.getpid(), signal.SIGKILL)`)
    const oracle = await open({ python })
    const [a, ...others] = await answers(oracle, ['a', 'b', 'c', 'd', 'e'])
    expect(a).toBe('a')
    const why = `${python} -m torch_parity: expected an answer, got killed by SIGKILL`
    expect(others).toEqual(['b', 'c', 'd', 'e'].map((id) => `case ${id}: ${why}`))
    expect(await answers(oracle, ['f'])).toEqual([`case f: ${why}`])
    expect(await pids()).toHaveLength(2)
  })

  it('cannot be started again', async () => {
    const python = await faultyPython(`
if id == "b":
    os.remove(${JSON.stringify(join(folder, 'python'))})
    os.kill(os.getpid(), signal.SIGKILL)`)
    const [a, b, c] = await answers(await open({ python }), ['a', 'b', 'c'])
    expect([a, b]).toEqual(['a', `case b: ${python} -m torch_parity: expected an answer, got killed by SIGKILL`])
    expect(c).toMatch(/^case c: .*: expected a Python interpreter, got spawn .* ENOENT\n/)
  })

  it('dies while nothing is asked: the next request starts another', async () => {
    const python = await faultyPython('pass')
    const oracle = await open({ python })
    const [first] = await pids()
    process.kill(first!, 'SIGKILL')
    expect(await until(() => !isAlive(first!), 5000)).toBe(true)
    await setTimeout(2000)
    expect(await answers(oracle, ['a'])).toEqual(['a'])
    expect(await pids()).toHaveLength(2)
  })

  it('is not blamed for replies that we were too busy to read', async () => {
    const python = await faultyPython('pass')
    const oracle = await open({ python, timeoutMs: 200 })
    const asked = answers(oracle, ['a'])
    // After this, timers come before what has arrived.
    setImmediate(() => {
      for (const end = performance.now() + 1000; performance.now() < end;);
    })
    expect(await asked).toEqual(['a'])
    expect(await pids()).toHaveLength(1)
  })
})

describe('no Python stays', () => {
  it('after close, which rejects what is not answered', async () => {
    const python = await faultyPython('if id == "b": time.sleep(1000)')
    const oracle = await open({ python })
    const asked = answers(oracle, ['a', 'b', 'c'])
    await setTimeout(200)
    const [pid] = await pids()
    await oracle.close()
    const closed = 'expected an oracle that is open, got one that was closed'
    expect(await asked).toEqual(['a', `case b: ${closed}`, `case c: ${closed}`])
    expect(await answers(oracle, ['d'])).toEqual([`case d: ${closed}`])
    expect(isAlive(pid!)).toBe(false)
    await oracle.close()
  })

  it.each([
    ['is interrupted while nothing is asked', 'SIGINT', 'idle', ''],
    ['is killed while nothing is asked', 'SIGKILL', 'idle', ''],
    ['is interrupted while Python computes', 'SIGINT', 'hang', 'time.sleep(1000)'],
    ['is killed while Python computes', 'SIGKILL', 'hang', 'time.sleep(1000)'],
    ['exits while Python hangs', undefined, 'hang', 'ctypes.PyDLL(None).sleep(1000)'],
    ['throws while Python hangs', undefined, 'throw', 'ctypes.PyDLL(None).sleep(1000)'],
  ] as const)('when Node %s', async (_, signal, what, body) => {
    const python = await faultyPython(`
if id != "idle":
    note(0)
    ${body === '' ? 'pass' : body}`)
    const built = fileURLToPath(new URL('../dist/oracle.js', import.meta.url))
    const program = await write(
      'ask.mjs',
      `import { openOracle } from ${JSON.stringify(built)}
      const oracle = await openOracle({ python: ${JSON.stringify(python)} })
      const asked = oracle.record(${JSON.stringify(spec(what))})
      if (${what === 'idle'}) await asked
      process.stdout.write('asked')
      process.stdin.on('data', () => {
        if (${what === 'throw'}) throw new Error('planted')
        process.exit(0)
      })`,
    )
    const node = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'ignore'] })
    await once(node.stdout, 'data')
    expect(await until(async () => (await pids()).length === (what === 'idle' ? 1 : 2), 30_000)).toBe(true)
    const [pid] = await pids()
    expect(isAlive(pid!)).toBe(true)
    if (signal === undefined) node.stdin.write('now')
    else node.kill(signal)
    await once(node, 'exit')
    try {
      expect(await until(() => !isAlive(pid!), 10_000)).toBe(true)
    } finally {
      if (isAlive(pid!)) process.kill(pid!, 'SIGKILL')
    }
  })
})

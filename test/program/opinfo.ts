// npm run opinfo: PyTorch's own test inputs of its operations, computed by our engine. Needs the Python environment.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openFile } from '../../src/cli/files.ts'
import { engine } from '../../src/engine/run.ts'
import { type Case, isExported } from '../../src/format/case.ts'
import { baseOf, missingOperation } from '../../src/program/exported.ts'
import { ParityError } from '../../src/format/errors.ts'
import { verify, type Verdict } from '../../src/verify.ts'

/** What came of the samples of one operation. */
export interface Tally {
  samples: number
  matched: number
  /** There is no number in it, or none that is decided. */
  undecided: number
  mismatched: string[]
  /** Why our engine does not compute one. */
  unsupported: string[]
}

interface Asked {
  readonly samples: number
  readonly seed: number
  readonly dtype: 'float32' | 'float64'
  readonly operations?: readonly string[]
  readonly gradients?: boolean
}

/** By the name of torch's OpInfo. leftOut: samples that cannot be captured, and why. */
export interface Table {
  readonly tallies: ReadonlyMap<string, Tally>
  readonly leftOut: readonly (readonly [name: string, reason: string])[]
}

/** Captures samples with the Python that TORCH_PARITY_PYTHON names, and judges what our engine gives for each. */
export async function opinfo({ samples, seed, dtype, operations = [], gradients = false }: Asked): Promise<Table> {
  const folder = mkdtempSync(join(tmpdir(), 'opinfo-'))
  try {
    const file = join(folder, 'opinfo.msgpack')
    const asked = ['--out', file, '--samples', `${samples}`, '--seed', `${seed}`, '--dtype', dtype]
    if (gradients) asked.push('--gradients')
    if (operations.length > 0) asked.push('--operation', ...operations)
    const python = process.env['TORCH_PARITY_PYTHON'] ?? 'python3'
    const done = spawnSync(python, ['-m', 'torch_parity.capture.opinfo', ...asked], {
      env: { ...process.env, PYTHONPATH: join(import.meta.dirname, '../../python') },
      encoding: 'utf8',
    })
    if (done.status !== 0)
      throw new Error(`expected ${python} to capture, got ${done.stderr.trim().split('\n').at(-1)}`)
    const leftOut = JSON.parse(readFileSync(file.replace(/msgpack$/, 'json'), 'utf8')) as Table['leftOut']
    return { tallies: await judged(file), leftOut }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function judged(file: string): Promise<Map<string, Tally>> {
  const tallies = new Map<string, Tally>()
  for await (const read of (await openFile(file)).cases()) {
    if ('error' in read) throw read.error
    const { case: recorded } = read
    if (!isExported(recorded)) throw new Error(`expected captured operations, got ${recorded.module}`)
    const { name } = recorded.config
    const tally = tallies.get(name) ?? { samples: 0, matched: 0, undecided: 0, mismatched: [], unsupported: [] }
    tallies.set(name, tally)
    tally.samples++
    const { outcome, reason = '' } = await verdictOf(recorded)
    if (outcome === 'match') tally.matched++
    else if (outcome === 'undecided') tally.undecided++
    else if (outcome === 'mismatch') tally.mismatched.push(recorded.id)
    else {
      const missing = missingOperation(recorded.config)
      tally.unsupported.push(missing === undefined ? reason : `no aten.${baseOf(missing.op)}`)
    }
  }
  return tallies
}

/** One that fails is one that is not computed. */
async function verdictOf(recorded: Case): Promise<Pick<Verdict, 'outcome' | 'reason'>> {
  try {
    return await verify(recorded, engine)
  } catch (error) {
    if (error instanceof ParityError) return { outcome: 'unsupported', reason: error.message }
    throw error
  }
}

/** Of an operation that is computed in some of its samples, the share that is right or says nothing. */
export function rightShare({ samples, matched, undecided }: Tally): number {
  return (matched + undecided) / samples
}

export function isSupported({ samples, unsupported }: Tally): boolean {
  return unsupported.length < samples
}

const isMain = process.argv[1]?.endsWith('opinfo.ts') === true
if (isMain) {
  const { values } = parseArgs({
    options: {
      samples: { type: 'string', default: '8' },
      seed: { type: 'string', default: '0' },
      dtype: { type: 'string', default: 'float32' },
      gradients: { type: 'boolean', default: false },
    },
  })
  const { gradients } = values
  const [samples, seed] = [Number(values.samples), Number(values.seed)]
  const asked = { samples, seed, dtype: values.dtype as 'float32', gradients }
  const { tallies, leftOut } = await opinfo(asked)
  const supported = [...tallies].filter(([, tally]) => isSupported(tally))
  const sum = (pick: (tally: Tally) => number): number => supported.reduce((total, [, own]) => total + pick(own), 0)
  for (const [name, tally] of supported) {
    if (rightShare(tally) === 1) continue
    const { samples, matched, undecided, mismatched, unsupported } = tally
    const rest = [...mismatched.map((id) => `${id} mismatches`), ...new Set(unsupported)].join('; ')
    console.log(`${name}: ${matched + undecided} of ${samples}; ${rest}`)
  }
  const well = supported.filter(([, tally]) => rightShare(tally) >= 0.95).length
  console.log(
    `${supported.length} operations, ${sum(({ samples }) => samples)} samples: ${sum(({ matched }) => matched)} matched, ` +
      `${sum(({ undecided }) => undecided)} without a number to judge, ${sum(({ mismatched }) => mismatched.length)} mismatched, ` +
      `${sum(({ unsupported }) => unsupported.length)} in a form that is not computed; 95 % or more right in ${well} operations`,
  )
  const others = [...tallies].filter(([, tally]) => !isSupported(tally))
  console.log(`${others.length} operations are not computed, ${leftOut.length} samples cannot be captured`)
}

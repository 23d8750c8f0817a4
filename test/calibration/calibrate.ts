// Measures how much of the budget honest evaluators use, so that κ can be taken from what is, not from a guess.
// test/calibration/README.md says how to run it.
import type { Case } from '../../src/format/case.ts'
import { openFile } from '../../src/cli/files.ts'
import { type Comparison, kappa } from '../../src/verify/compare.ts'
import { engine, type Engine } from '../../src/engine/run.ts'
import { judge, verify } from '../../src/verify.ts'

/** What share of a budget a case has used at most; 1 is one budget, so κ is what the largest share must stay below. */
interface Share {
  readonly id: string
  readonly share: number
}

/** By what was judged, then by evaluator. */
const shares = new Map<string, Map<string, Share[]>>()

function add(evaluator: string, { id, dtype, training }: Case, comparisons: readonly Comparison[]): void {
  const precision = dtype === 'float32' || dtype === 'float64' ? 'float32 and float64' : 'float16 and bfloat16'
  const isGradient = ({ tensor }: Comparison): boolean => tensor.startsWith('grad_')
  for (const [what, judged] of [
    ['training', training === undefined ? [] : comparisons],
    ['forward', training === undefined ? comparisons.filter((comparison) => !isGradient(comparison)) : []],
    ['gradients', comparisons.filter(isGradient)],
  ] as const) {
    if (judged.length === 0) continue
    const of = `${what}, ${precision}`
    const group = shares.get(of) ?? new Map<string, Share[]>()
    shares.set(of, group)
    const own = group.get(evaluator) ?? []
    group.set(evaluator, own)
    own.push({ id, share: kappa * Math.max(...judged.map(({ share }) => share)) })
  }
}

/** An evaluator that does not support a case has no part in it. */
async function addEngine(name: string, evaluator: Engine, recorded: Case): Promise<void> {
  const { comparisons, steps } = await verify(recorded, evaluator)
  add(name, recorded, comparisons)
  if (steps !== undefined) add(`${name}, each step alone`, recorded, steps.comparisons)
}

async function* casesOf(file: string): AsyncGenerator<Case> {
  for await (const read of (await openFile(file)).cases()) {
    if ('error' in read) throw read.error
    yield read.case
  }
}

/** file: recorded with one thread; others: the same cases recorded in another way, each with what it is called. */
async function main(file: string, others: readonly string[]): Promise<void> {
  const { evaluators } = await import('./evaluators.ts')
  const again = others.map((other) => {
    const [name = '', path = ''] = other.split('=')
    return { name, cases: casesOf(path) }
  })
  let cases = 0
  let steps = 0
  for await (const recorded of casesOf(file)) {
    cases++
    await addEngine('float64, rounded', engine, recorded)
    for (const evaluator of evaluators) await addEngine(evaluator.name, evaluator, recorded)
    for (const { name, cases: them } of again) {
      const { value } = await them.next()
      if (value === undefined || value.id !== recorded.id) throw new Error(`${name}: expected case ${recorded.id}`)
      add(name, recorded, judge(recorded, value.expected))
    }
    if (recorded.states !== undefined) steps++
  }
  process.stdout.write(`${cases} cases, ${steps} of them with recorded states; shares of one budget (κ is ${kappa})\n`)
  for (const [of, group] of shares) process.stdout.write(`\n${of}:\n\n${tableOf(group)}`)
}

function tableOf(group: ReadonlyMap<string, readonly Share[]>): string {
  const rows = ['| evaluator | cases | median | 99 % | 99.9 % | largest | in |', '|---|--:|--:|--:|--:|--:|---|']
  for (const [name, unsorted] of group) {
    const sorted = unsorted.toSorted((one, other) => one.share - other.share)
    const at = (part: number): string =>
      sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!.share.toFixed(2)
    const cells = [name, sorted.length, at(0.5), at(0.99), at(0.999), at(1), `\`${sorted.at(-1)!.id}\``]
    rows.push(`| ${cells.join(' | ')} |`)
  }
  return rows.map((row) => `${row}\n`).join('')
}

const [file, ...others] = process.argv.slice(2)
if (file === undefined) throw new Error('expected FIXTURE [NAME=FIXTURE …]')
await main(file, others)

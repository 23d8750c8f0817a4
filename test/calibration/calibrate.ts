// Measures how much of the budget honest evaluators use, so that κ can be taken from what is, not from a guess.
// test/calibration/README.md says how to run it.
import type { Case } from '../../src/case.ts'
import { openFile } from '../../src/cli/files.ts'
import { type Comparison, kappa } from '../../src/compare.ts'
import { engine, type Engine } from '../../src/engine/run.ts'
import { judge, verify } from '../../src/verify.ts'

/** Shares of the budget by evaluator; a share of 1 is one budget, so κ is what the largest must stay below. */
const shares = new Map<string, { id: string; share: number }[]>()

function add(evaluator: string, id: string, comparisons: readonly Comparison[]): void {
  const share = kappa * Math.max(0, ...comparisons.map((comparison) => comparison.share))
  const own = shares.get(evaluator) ?? []
  own.push({ id, share })
  shares.set(evaluator, own)
}

async function addEngine(name: string, evaluator: Engine, recorded: Case): Promise<void> {
  const { comparisons, steps } = await verify(recorded, evaluator)
  add(name, recorded.id, comparisons)
  if (steps !== undefined) add(`${name}, each step alone`, recorded.id, steps.comparisons)
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
    if (recorded.dtype === 'float32') {
      for (const evaluator of evaluators) await addEngine(evaluator.name, evaluator, recorded)
    }
    for (const { name, cases: them } of again) {
      const { value } = await them.next()
      if (value === undefined || value.id !== recorded.id) throw new Error(`${name}: expected case ${recorded.id}`)
      add(name, recorded.id, judge(recorded, value.expected))
    }
    if (recorded.states !== undefined) steps++
  }
  process.stdout.write(
    `${cases} cases, ${steps} of them with recorded states; shares of one budget (κ is ${kappa})\n\n`,
  )
  process.stdout.write('| evaluator | cases | median | 99 % | 99.9 % | largest | in |\n|---|--:|--:|--:|--:|--:|---|\n')
  for (const [name, unsorted] of shares) {
    const sorted = unsorted.toSorted((one, other) => one.share - other.share)
    const at = (part: number): string =>
      sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!.share.toFixed(2)
    const cells = [name, sorted.length, at(0.5), at(0.99), at(0.999), at(1), `\`${sorted.at(-1)!.id}\``]
    process.stdout.write(`| ${cells.join(' | ')} |\n`)
  }
}

const [file, ...others] = process.argv.slice(2)
if (file === undefined) throw new Error('expected FIXTURE [NAME=FIXTURE …]')
await main(file, others)

// Plants known faults in a port that shares no code with the engine, asks `diagnose` what is wrong, and counts how often it is right.
// --cases N: of each planting (20); --seed N: which ones (1); --only TEXT: plantings whose name contains it; --json FILE: every attempt.
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ParityError } from '../../src/format/errors.ts'
import { type Attempt, attempt } from './attempt.ts'
import { readCases, type Recorded, shuffled } from './cases.ts'
import { mappings, pairs, type Planting, singles } from './plantings.ts'
import { isGoodEnough, kindsOfPlanting, renderKind, renderTimes, renderWrong } from './table.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
})
const cases = wholeNumber('cases', values.cases, 1)
const seed = wholeNumber('seed', values.seed, 0)
const pairCount = 30
const pairCases = Math.ceil(cases / 2)
/** How many cases are looked through for one in which a pair shows as a pair. */
const pairTries = 100

function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text)
  if (text !== '' && Number.isSafeInteger(number) && number >= least) return number
  throw new ParityError('USAGE', `--${option}: expected a whole number from ${least}, got ${text}`)
}

/** The cases that a planting shows in, up to so many, as its name and the seed draw them. */
function attempts(planting: Planting, recorded: readonly Recorded[], most: number, tries = Infinity): Attempt[] {
  const found: Attempt[] = []
  let tried = 0
  for (const own of shuffled(recorded, seed, planting.name)) {
    if (found.length === most || tried === tries) break
    if (planting.bugsIn(own.case) === undefined) continue
    tried++
    const one = attempt(planting, own, seed)
    if (one !== undefined) found.push(one)
  }
  return found
}

const began = performance.now()
const recorded = await readCases('fixtures')
process.stdout.write(`${recorded.length} cases, seed ${seed}, ${cases} cases of each planting\n`)
const all: Attempt[] = []
const chosen = (planting: Planting): boolean => planting.name.includes(values.only)
for (const planting of [...singles, ...mappings].filter(chosen)) all.push(...attempts(planting, recorded, cases))
let drawn = 0
for (const planting of shuffled(pairs.filter(chosen), seed, 'pairs')) {
  if (drawn === pairCount) break
  const own = attempts(planting, recorded, pairCases, pairTries)
  if (own.length < pairCases) continue
  all.push(...own)
  drawn++
}
if (all.length === 0) throw new ParityError('USAGE', `--only: expected part of a planting's name, got ${values.only}`)
for (const kind of kindsOfPlanting) process.stdout.write(`\n${renderKind(all, kind)}\n`)
const wrong = renderWrong(all)
process.stdout.write(`\n${wrong === '' ? '' : `wrong:\n${wrong}\n\n`}${renderTimes(all)}\n`)
process.stdout.write(`${((performance.now() - began) / 1000).toFixed(0)} s in all\n`)
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ seed, cases, attempts: all }, null, 1)}\n`)
if (!isGoodEnough(all)) process.exitCode = 1

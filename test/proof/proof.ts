// Plants known faults in a port that shares no code with the engine, asks `diagnose` what is wrong, and counts how often what it says
// predicts the port in other cases, before and after the port has been asked for more. --cases N: explained of each planting (4);
// --others N: predicted (20); --seed N: which ones (1); --search SECONDS: so long an explanation may take of the processor (3);
// --only TEXT: plantings whose name contains it; --ports MODULE: ports of somebody else, that exports `ports`, each of
// { name, can(request), run(request), parts? }, where the parts of one with several bugs are ports with one of them each, and may
// export `right`, { run(request) }: the same without a bug, and cases in which that is wrong are left out;
// --json FILE: every attempt.
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Engine } from '../../src/engine/run.ts'
import type { Outputs, Request } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { requestOf } from '../../src/verify.ts'
import { type Attempt, attempt, cannotBeToldApart, isGivenBy, isSeen, type Shown } from './attempt.ts'
import { readCases, type Recorded, shuffled } from './cases.ts'
import { mappings, pairs, type Planting, singles } from './plantings.ts'
import { runPort } from './port.ts'
import { kindsOfPlanting, renderKind, renderTimes } from './table.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '4' },
    others: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    search: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    ports: { type: 'string' },
    json: { type: 'string' },
  },
})
const cases = wholeNumber('cases', values.cases, 1)
const others = wholeNumber('others', values.others, 1)
const seed = wholeNumber('seed', values.seed, 0)
const limitMs = 1000 * wholeNumber('search', values.search, 1)
const pairCount = 30
/** How many cases are looked through for those in which a pair shows as a pair. */
const pairTries = 100

function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text)
  if (text !== '' && Number.isSafeInteger(number) && number >= least) return number
  throw new ParityError('USAGE', `--${option}: expected a whole number from ${least}, got ${text}`)
}

/** What a port gives for a case; undefined where there is nothing of its bug. */
type Give = (recorded: Recorded) => Promise<Outputs | undefined> | Outputs | undefined

/** The cases that a port shows in, up to so many, as its name and the seed draw them. */
async function shownIn(name: string, give: Give, tries = Infinity): Promise<Shown[]> {
  const found: Shown[] = []
  let tried = 0
  for (const recorded of shuffled(all, seed, name)) {
    if (found.length === cases + others || tried === tries) break
    const outputs = await give(recorded)
    if (outputs === undefined) continue
    tried++
    if (isSeen(recorded.case, outputs)) found.push({ recorded, outputs })
  }
  return found
}

async function attempts(kind: Attempt['kind'], shown: readonly Shown[], engine: Engine): Promise<Attempt[]> {
  // Where it shows in few, more than half are left to be predicted.
  const explained = Math.min(cases, Math.ceil(shown.length / 3))
  const all: Attempt[] = []
  for (const own of shown.slice(0, explained)) {
    all.push(await attempt(engine.name, kind, own, shown.slice(explained), engine, limitMs))
  }
  return all
}

/** A planted port, of which anything can be asked. */
function portOf({ name, bugsOf }: Planting): Engine {
  return { name, run: (request) => runPort(request, { bugs: bugsOf(request), seed }) }
}

const planted =
  (planting: Planting): Give =>
  ({ case: recorded }) => {
    const bugs = planting.bugsIn(recorded)
    if (bugs === undefined) return undefined
    const isOne = (bug: (typeof bugs)[number]): boolean => cannotBeToldApart(recorded, bugs, [bug], seed)
    if (planting.kind === 'pair' && bugs.some(isOne)) return undefined
    return runPort(recorded, { bugs, seed })
  }

/** A port of somebody else. */
interface Stranger {
  readonly name: string
  can(request: Request): boolean
  run(request: Request): Outputs | Promise<Outputs>
  /** Ports that have one of its bugs each: it is explained where none of them gives the same. */
  readonly parts?: readonly Pick<Stranger, 'run'>[]
}

async function givenBy(port: Stranger, { case: recorded }: Recorded): Promise<Outputs | undefined> {
  const request = requestOf(recorded)
  if (!port.can(request)) return undefined
  const outputs = await port.run(request)
  for (const part of port.parts ?? []) if (isGivenBy(recorded, outputs, await part.run(request))) return undefined
  return outputs
}

interface Strangers {
  readonly ports: readonly Stranger[]
  readonly right?: Pick<Stranger, 'run'>
}

async function strangersOf(path: string): Promise<Strangers> {
  const { ports, right } = (await import(pathToFileURL(resolve(path)).href)) as Partial<Strangers>
  if (ports === undefined) throw new ParityError('USAGE', `--ports: expected ${path} to export ports, got none`)
  return { ports, ...(right && { right }) }
}

/** Without the cases that a port is wrong in whatever its bugs. */
async function rightIn(port: Strangers['right'], recorded: readonly Recorded[]): Promise<readonly Recorded[]> {
  if (port === undefined) return recorded
  const isRight = await Promise.all(recorded.map(async (own) => !isSeen(own.case, await port.run(requestOf(own.case)))))
  return recorded.filter((_, i) => isRight[i])
}

const began = performance.now()
const strangers = values.ports === undefined ? undefined : await strangersOf(values.ports)
const recordedOnes = await readCases('fixtures')
const all = await rightIn(strangers?.right, recordedOnes)
process.stdout.write(
  `${all.length} of ${recordedOnes.length} cases, seed ${seed}, ${cases} explained and ${others} predicted of each\n`,
)
const done: Attempt[] = []
const isChosen = ({ name }: { readonly name: string }): boolean => name.includes(values.only)
if (strangers === undefined) {
  for (const planting of [...singles, ...mappings].filter(isChosen)) {
    const shown = await shownIn(planting.name, planted(planting))
    done.push(...(await attempts(planting.kind, shown, portOf(planting))))
  }
  let drawn = 0
  for (const planting of shuffled(pairs.filter(isChosen), seed, 'pairs')) {
    if (drawn === pairCount) break
    const shown = await shownIn(planting.name, planted(planting), pairTries)
    if (shown.length < cases + others / 2) continue
    done.push(...(await attempts('pair', shown, portOf(planting))))
    drawn++
  }
} else {
  for (const port of strangers.ports.filter(isChosen)) {
    const kind = port.parts === undefined ? 'stranger' : 'pair'
    done.push(...(await attempts(kind, await shownIn(port.name, (recorded) => givenBy(port, recorded)), port)))
  }
}
if (done.length === 0) throw new ParityError('USAGE', `--only: expected part of a planting's name, got ${values.only}`)
for (const kind of kindsOfPlanting) process.stdout.write(`\n${renderKind(done, kind)}\n`)
process.stdout.write(`\n${renderTimes(done)}\n${((performance.now() - began) / 1000).toFixed(0)} s in all\n`)
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ seed, cases, others, attempts: done }, null, 1)}\n`)
}

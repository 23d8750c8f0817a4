import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import type { Case } from '../format/case.ts'
import { driftOf } from '../oracle/drift.ts'
import { logLine, ParityError } from '../format/errors.ts'
import type { Fixture } from '../format/fixture.ts'
import { addToDrift, type DriftTotals, hasDrifted, renderDrift, renderDrifted } from '../report/drift.ts'
import { percent, plural, renderRecorder } from '../report/text.ts'
import { findFixtures, openFile, writeAside } from './files.ts'
import { generate, type GenerateOptions } from './generate.ts'
import { type Interruption, onInterrupt } from './interrupt.ts'
import { say } from './terminal.ts'

interface DriftOptions extends Pick<GenerateOptions, 'python' | 'device' | 'tf32' | 'ray'> {
  /** Whether files that have drifted are replaced. */
  readonly update: boolean
}

interface Run {
  readonly options: DriftOptions
  readonly interruption: Interruption
  readonly totals: Map<string, DriftTotals>
  /** What could not be compared. */
  readonly errors: ParityError[]
  cases: number
  drifted: number
  /** Cases of files that no suite makes. */
  left: number
  updated: number
}

/** Fixtures that one process records again, since importing torch takes longer than most suites. */
interface Group {
  readonly seed: number
  /** How many cases a random suite has; the others have as many as they have. */
  readonly count?: number
  readonly fixtures: Fixture[]
}

/** Records fixtures again with the torch that is here and compares, file by file. → the exit code */
export async function drift(paths: readonly string[], options: DriftOptions): Promise<number> {
  const { files, errors } = await findFixtures(paths)
  const interruption = onInterrupt()
  const run: Run = { options, interruption, totals: new Map(), errors: [...errors], ...zero }
  const folder = await mkdtemp(join(tmpdir(), 'torch-parity-drift-'))
  try {
    const fixtures: Fixture[] = []
    for (const file of files) await attempt(run, async () => fixtures.push(await openFile(file)))
    for (const [i, group] of groupsOf(fixtures).entries()) {
      const out = join(folder, String(i))
      const suites = await recordAgain(group, out, options)
      for (const fixture of group.fixtures) {
        if (interruption.signal.aborted) break
        if (suites.has(fixture.header.name)) await attempt(run, () => compareFile(run, fixture, out))
        else leaveOut(run, fixture)
      }
      await rm(out, { recursive: true, force: true })
    }
    return conclude(run)
  } finally {
    interruption.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const zero = { cases: 0, drifted: 0, left: 0, updated: 0 }

/** One file that cannot be compared does not keep us from the others. */
async function attempt(run: Run, action: () => Promise<unknown>): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof ParityError)) throw error
    run.errors.push(error)
  }
}

function groupsOf(fixtures: readonly Fixture[]): Group[] {
  const groups = new Map<string, Group>()
  for (const fixture of fixtures) {
    const { seed, name } = fixture.header
    const random = name.startsWith('random/') ? { count: fixture.length } : {}
    const key = JSON.stringify({ seed, ...random })
    const group = groups.get(key) ?? { seed, ...random, fixtures: [] }
    groups.set(key, group)
    group.fixtures.push(fixture)
  }
  return [...groups.values()]
}

/** Names come from files that may be anybody's: none of them is taken for an option or for a way out of a folder. */
const suiteName = /^\w[\w-]*(?:\/\w[\w-]*)*$/

/** Records the suites of a group into a folder. → those that there are; a file may be of no suite */
async function recordAgain(
  group: Group,
  out: string,
  { python, device, tf32, ray }: DriftOptions,
): Promise<ReadonlySet<string>> {
  const { seed, count, fixtures } = group
  const asked = new Set(fixtures.map(({ header }) => header.name).filter((name) => suiteName.test(name)))
  while (asked.size > 0) {
    try {
      const given = {
        ...(python !== undefined && { python }),
        ...(device !== undefined && { device }),
        ...(tf32 !== undefined && { tf32 }),
        ...(count !== undefined && { count }),
      }
      await generate({ out, suite: [...asked], seed, quiet: true, ray, ...given })
      break
    } catch (error) {
      const known = suitesNamedBy(error)
      const before = asked.size
      for (const name of asked) if (known?.has(name) === false) asked.delete(name)
      if (asked.size === before) throw error
    }
  }
  return asked
}

/** The suites that there are, from what Python says when it is asked for another. */
function suitesNamedBy(error: unknown): ReadonlySet<string> | undefined {
  if (!(error instanceof ParityError) || error.code !== 'PYTHON_FAILED') return undefined
  const list = /^--suite: expected one of (.+), got /s.exec(error.message)?.[1]
  return list === undefined ? undefined : new Set(list.split(', '))
}

function leaveOut(run: Run, { name, header, length }: Fixture): void {
  run.left += length
  say(`${logLine(name)}: ${pc.yellow('not recorded again')}: no suite is called ${header.name}`)
}

async function compareFile(run: Run, before: Fixture, out: string): Promise<void> {
  const path = join(out, `${before.header.name}.msgpack`)
  const after = await openFile(path)
  const again = new Map<string, Case>()
  for await (const read of after.cases()) {
    if ('error' in read) throw read.error
    again.set(read.case.id, read.case)
  }
  const versions = { before: renderRecorder(before.header), after: renderRecorder(after.header) }
  const lines: string[] = []
  let drifted = 0
  let largest = 0
  for await (const read of before.cases()) {
    if ('error' in read) throw read.error
    await run.interruption.breathe()
    if (run.interruption.signal.aborted) return
    const { id, module } = read.case
    const other = again.get(id)
    again.delete(id)
    run.cases++
    if (other === undefined) {
      drifted++
      lines.push(`  ${id}: no longer in the suite`)
      continue
    }
    const compared = driftOf(read.case, other)
    addToDrift(run.totals, { module, ...versions }, compared)
    for (const { share } of compared.comparisons) largest = Math.max(largest, share)
    if (hasDrifted(compared)) drifted++
    lines.push(...renderDrifted(id, compared))
  }
  for (const id of again.keys()) lines.push(`  ${id}: not in the file`)
  drifted += again.size
  run.drifted += drifted
  const outcome = drifted === 0 ? pc.green('the same') : pc.red('drifted')
  const used = `${percent(largest)} of the allowed error used at most`
  say(`${logLine(before.name)}: ${outcome}, torch ${versions.before} → ${versions.after}, ${used}`)
  for (const line of lines) say(line)
  if (drifted === 0 || !run.options.update) return
  // Every case of it has been read by now.
  await writeAside(before.name, createReadStream(path))
  run.updated++
  say(`  updated: ${plural(after.length, 'case')}, recorded by torch ${versions.after}`)
}

function conclude(run: Run): number {
  const { cases, drifted, left, updated, errors, totals, interruption, options } = run
  if (cases === 0 && errors.length === 0 && !interruption.signal.aborted) {
    const got = left === 0 ? 'none' : `${plural(left, 'case')} of files that no suite makes`
    errors.push(new ParityError('NOTHING_JUDGED', `expected at least one case to record again, got ${got}`))
  }
  for (const { message } of errors) process.stderr.write(`${pc.red('error')} ${message}\n`)
  if (interruption.signal.aborted) process.stderr.write('interrupted: what was compared until then follows\n')
  if (totals.size > 0) say(renderDrift(totals.values(), pc))
  const counts = [
    `${drifted} drifted`,
    ...(left > 0 ? [`${left} not recorded again`] : []),
    ...(errors.length > 0 ? [plural(errors.length, 'error')] : []),
    ...(options.update ? [`${plural(updated, 'file')} updated`] : []),
  ]
  say(`${plural(cases, 'case')} recorded again: ${counts.join(', ')}`)
  if (interruption.signal.aborted) return interruption.exitCode
  if (errors.length > 0) return 2
  return drifted > 0 && !options.update ? 1 : 0
}

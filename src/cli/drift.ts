import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import type { Case } from '../case.ts'
import { formatPlace } from '../compare.ts'
import { driftOf } from '../drift.ts'
import { ParityError } from '../errors.ts'
import type { Fixture } from '../fixture.ts'
import { percent, plural } from '../report/text.ts'
import { findFixtures, openFile } from './files.ts'
import { generate } from './generate.ts'

export interface DriftOptions {
  readonly python?: string
}

/** Records fixtures again with the torch that is here and compares, file by file. → the exit code */
export async function drift(paths: readonly string[], { python }: DriftOptions): Promise<number> {
  const { files, errors } = await findFixtures(paths)
  if (errors[0] !== undefined) throw errors[0]
  const fixtures: Fixture[] = []
  for (const file of files) fixtures.push(await openFile(file))
  const folder = await mkdtemp(join(tmpdir(), 'torch-parity-drift-'))
  try {
    // Fixtures of one seed are recorded by one process: importing torch takes longer than most suites.
    for (const seed of new Set(fixtures.map(({ header }) => header.seed))) {
      const suite = fixtures.filter(({ header }) => header.seed === seed).map(({ header }) => header.name)
      const exitCode = await generate({
        out: folder,
        suite,
        seed,
        quiet: true,
        ...(python === undefined ? {} : { python }),
      })
      if (exitCode !== 0) return exitCode
    }
    let drifted = 0
    let cases = 0
    for (const fixture of fixtures) {
      const again = await openFile(join(folder, `${fixture.header.name}.msgpack`))
      drifted += await compareFiles(fixture, again)
      cases += fixture.length
    }
    process.stdout.write(`${plural(cases, 'case')} recorded again: ${drifted} drifted\n`)
    if (cases === 0) throw new ParityError('NOTHING_JUDGED', 'expected at least one case, got none')
    return drifted > 0 ? 1 : 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** → how many cases have drifted */
async function compareFiles(before: Fixture, after: Fixture): Promise<number> {
  const again = new Map<string, Case>()
  for await (const read of after.cases()) {
    if ('error' in read) throw read.error
    again.set(read.case.id, read.case)
  }
  let largest = 0
  const lines: string[] = []
  for await (const read of before.cases()) {
    if ('error' in read) throw read.error
    const { id } = read.case
    const other = again.get(id)
    again.delete(id)
    if (other === undefined) {
      lines.push(`  ${id}: no longer in the suite`)
      continue
    }
    const { changed, comparisons } = driftOf(read.case, other)
    const off = comparisons.filter(({ outcome }) => outcome === 'mismatch')
    for (const { share } of comparisons) largest = Math.max(largest, share)
    if (changed.length > 0) lines.push(`  ${id}: other bytes in ${changed.join(', ')}`)
    for (const { tensor, problem, share, worst } of off) {
      const where =
        worst === undefined ? (problem ?? '') : `${percent(share)} of the allowed error, ${formatPlace(worst.place)}`
      lines.push(`  ${id}: ${tensor} leaves its budget: ${where}`)
    }
  }
  for (const id of again.keys()) lines.push(`  ${id}: not in the file`)
  const versions = `${before.header.producer.torch} → ${after.header.producer.torch}`
  const outcome = lines.length === 0 ? pc.green('the same') : pc.red('drifted')
  process.stdout.write(
    `${before.name}: ${outcome}, torch ${versions}, ${percent(largest)} of the allowed error used at most\n`,
  )
  for (const line of lines) process.stdout.write(`${line}\n`)
  return new Set(lines.map((line) => line.trim().split(':')[0])).size
}

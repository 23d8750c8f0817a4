import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { auditCase, type FaultTally, newTallies, revealingFiles, statusOf, tally } from '../src/audit.ts'
import { openFile } from '../src/cli/files.ts'
import { faults } from '../src/faults.ts'

const folder = join(import.meta.dirname, '..', 'fixtures')
const tallies: FaultTally[] = newTallies(faults)

// Those that are made for one trait each; CI audits all of them once, on the command line.
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.msgpack') && !/meetings_|edges/.test(file))
  .toSorted()

beforeAll(async () => {
  for (const file of files) {
    for await (const read of (await openFile(join(folder, file))).cases()) {
      if ('error' in read) throw read.error
      tally(tallies, file, await auditCase(read.case, faults))
    }
  }
  // How long it takes depends on what else the machine does.
}, 900_000)

describe('the committed fixtures', () => {
  it.each(faults.map(({ name }, i) => [name, i] as const))('see through %s', (_, i) => {
    const own = tallies[i]!
    expect(own.applicable).toBeGreaterThan(0)
    expect(statusOf(own)).toBe(own.fault.equivalent === undefined ? 'seen' : 'equivalent')
    // No single file may be the only guard.
    if (own.fault.equivalent === undefined) expect(revealingFiles(own)).toBeGreaterThanOrEqual(2)
  })

  it('names every fault once', () => {
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length)
  })
})

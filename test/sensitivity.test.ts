import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { faults } from '../src/edits/faults.ts'

const root = join(import.meta.dirname, '..')

/** What `audit --json` writes. */
const Audited = z.object({
  cases: z.number(),
  undecided: z.array(z.string()),
  wide: z.array(z.object({ name: z.string(), width: z.number() })),
  files: z.array(z.string()),
  faults: z.array(
    z.object({ name: z.string(), status: z.string(), applicable: z.array(z.number()), revealed: z.array(z.number()) }),
  ),
})
let audited: z.infer<typeof Audited>

/** The audit of the committed fixtures takes minutes, so `ci/test.sh` makes it once and names its file; by hand it is made here. */
beforeAll(async () => {
  const made = process.env['TORCH_PARITY_AUDIT']
  const folder = await mkdtemp(join(tmpdir(), 'torch-parity-audit-'))
  try {
    const file = made ?? join(folder, 'audit.json')
    if (made === undefined) {
      const args = [join(root, 'dist', 'cli.js'), 'audit', 'fixtures', '--json', file]
      await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 2 ** 26 })
    }
    audited = Audited.parse(JSON.parse(await readFile(file, 'utf8')))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  // How long it takes depends on what else the machine does.
}, 3_600_000)

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)

describe('the committed fixtures', () => {
  it.each(faults)('see through $name', ({ name, equivalent }) => {
    const own = audited.faults.find((fault) => fault.name === name)!
    expect(sum(own.applicable)).toBeGreaterThan(0)
    expect(own.status).toBe(equivalent === undefined ? 'seen' : 'equivalent')
    // No single file may be the only guard.
    const revealing = own.revealed.filter((count) => count > 0).length
    if (equivalent === undefined) expect(revealing).toBeGreaterThanOrEqual(2)
  })

  it('are all audited', () => {
    expect(audited.files.length).toBeGreaterThan(150)
    expect(audited.cases).toBeGreaterThan(3000)
    expect(audited.faults.map(({ name }) => name)).toEqual(faults.map(({ name }) => name))
  })

  it('have no budget that is wide for its kind', () => {
    expect(audited.wide).toEqual([])
  })

  it('decide something, but for a batch of 0, and for saturated sums in 8 or 11 bits', () => {
    expect(audited.undecided.filter((name) => !/batch-0|float16-saturated$/.test(name))).toEqual([])
  })

  it('name every fault once', () => {
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length)
  })
})

// npm run targets [-- TARGET…] : what each target leaves to be judged in the committed fixtures, whether ports at its limit match, and
// how many of the known faults are still seen. Each case is judged by two of the ports in turn, by all of them with ALL=1.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../../src/cli/files.ts'
import { engine } from '../../src/engine/run.ts'
import { editsOf, faulted, faults } from '../../src/edits/faults.ts'
import { addNumbers } from '../../src/report/target.ts'
import { percent, shareOf } from '../../src/report/text.ts'
import { targeted, targetOf } from '../../src/verify/targets.ts'
import { verify } from '../../src/verify.ts'
import { limits } from './limits.ts'

const folder = join(import.meta.dirname, '..', '..', 'fixtures')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.msgpack'))
  .toSorted()
const names = process.argv.slice(2)
const known = faults.filter(({ equivalent }) => equivalent === undefined)
const all = process.env['ALL'] === '1'

process.stdout.write(
  `target | cases that decide | too little | mismatches of our engine | numbers judged | runs at the limit | false alarms | at most used | faults seen\n`,
)
for (const name of names.length > 0 ? names : Object.keys(limits)) {
  const target = targetOf(name)!
  const numbers = { elements: 0, unjudged: 0 }
  const count = { match: 0, mismatch: 0, undecided: 0, unsupported: 0 }
  const ports = limits[name] ?? []
  const alarms: string[] = []
  const unseen = new Set(known)
  let runs = 0
  let most = { share: 0, where: '' }
  let cases = 0
  for (const file of files) {
    for await (const read of (await openFile(join(folder, file))).cases()) {
      if ('error' in read) throw read.error
      const recorded = targeted(read.case, target)
      const verdict = await verify(recorded, engine)
      count[verdict.outcome]++
      addNumbers(numbers, verdict)
      cases++
      for (const [i, port] of ports.entries()) {
        const turn = (i + cases) % ports.length
        if (!all && turn !== 0 && turn !== Math.floor(ports.length / 2)) continue
        const own = await verify(recorded, port)
        if (own.comparisons.length === 0) continue
        runs++
        const where = `${port.name}, ${file}: case ${recorded.id}`
        if (own.outcome === 'mismatch') alarms.push(where)
        else if (shareOf(own) > most.share) most = { share: shareOf(own), where }
      }
      // One case is enough to see a fault.
      for (const fault of unseen) {
        if (editsOf(fault, recorded) === undefined) continue
        if ((await verify(recorded, faulted(fault))).outcome === 'mismatch') unseen.delete(fault)
      }
    }
  }
  const { elements, unjudged } = numbers
  const cells = [
    name,
    count.match,
    count.undecided,
    count.mismatch,
    `${elements - unjudged} of ${elements}`,
    runs,
    alarms.length,
    percent(most.share),
    `${known.length - unseen.size} of ${known.length}`,
  ]
  process.stdout.write(`${cells.join(' | ')}\n  most used by: ${most.where}\n`)
  for (const { name: fault } of unseen) process.stdout.write(`  not seen: ${fault}\n`)
  for (const alarm of alarms) process.stdout.write(`  false alarm: ${alarm}\n`)
}

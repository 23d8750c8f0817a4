// npm run targets [-- TARGET…] : what each target leaves to be judged in the committed fixtures, and whether ports at its limit match.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../../src/cli/files.ts'
import { engine } from '../../src/engine/run.ts'
import { addNumbers } from '../../src/report/target.ts'
import { percent, shareOf } from '../../src/report/text.ts'
import { targeted, targetOf } from '../../src/targets.ts'
import { verify } from '../../src/verify.ts'
import { limits } from './limits.ts'

const folder = join(import.meta.dirname, '..', '..', 'fixtures')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.msgpack'))
  .toSorted()
const names = process.argv.slice(2)

for (const name of names.length > 0 ? names : Object.keys(limits)) {
  const target = targetOf(name)!
  const numbers = { elements: 0, unjudged: 0 }
  const count = { match: 0, mismatch: 0, unsupported: 0 }
  const ports = (limits[name] ?? []).map((port) => ({ port, judged: 0, alarms: [] as string[], most: 0, where: '' }))
  for (const file of files) {
    for await (const read of (await openFile(join(folder, file))).cases()) {
      if ('error' in read) throw read.error
      const recorded = targeted(read.case, target)
      const verdict = await verify(recorded, engine)
      count[verdict.outcome]++
      addNumbers(numbers, verdict)
      for (const each of ports) {
        const own = await verify(recorded, each.port)
        if (own.comparisons.length === 0) continue
        each.judged++
        const where = `${file}: case ${recorded.id}`
        if (own.outcome === 'mismatch') each.alarms.push(where)
        else if (shareOf(own) > each.most) Object.assign(each, { most: shareOf(own), where })
      }
    }
  }
  const { elements, unjudged } = numbers
  process.stdout.write(
    `${name}: ${count.match} cases decide, ${count.unsupported} decide too little, ${count.mismatch} mismatch; ` +
      `${elements - unjudged} of ${elements} numbers judged\n`,
  )
  for (const { port, judged, alarms, most, where } of ports) {
    process.stdout.write(
      `  ${port.name}: ${judged} judged, ${alarms.length} false alarms, at most ${percent(most)} used (${where})\n`,
    )
    for (const alarm of alarms) process.stdout.write(`    ${alarm}\n`)
  }
}

// npm run fuzz:targets -- [RUNS] [SEED] [TARGET…] : random cases of PyTorch, each judged for every target by the ports at its limit.

import * as fc from 'fast-check'
import type { Case } from '../../src/format/case.ts'
import { fuzzedLayers, specs } from '../../src/oracle/fuzz/spec.ts'
import { ParityError } from '../../src/format/errors.ts'
import { openOracle } from '../../src/oracle.ts'
import { percent, shareOf } from '../../src/report/text.ts'
import { targeted, targetOf } from '../../src/verify/targets.ts'
import { verify } from '../../src/verify.ts'
import { limits } from './limits.ts'

const [runs = 1000, seed = 1] = process.argv.slice(2, 4).map(Number)
const names = process.argv.length > 4 ? process.argv.slice(4) : Object.keys(limits)
const chunk = 256

const oracle = await openOracle({ maxInFlight: 64 })
const counts = new Map(
  names.map((name) => [name, { runs: 0, decided: 0, undecided: 0, alarms: 0, most: 0, where: '' }]),
)
let cases = 0
let refused = 0
for (let at = 0; at < runs; at += chunk) {
  const drawn = fc.sample(specs({ modules: fuzzedLayers, maxSize: 12 }), { seed: seed + at, numRuns: chunk })
  const records = drawn.map((spec) => oracle.record(spec).catch((error: unknown) => error))
  for (const [i, pending] of records.entries()) {
    const recorded = await pending
    if (recorded instanceof ParityError && recorded.code === 'CASE_REFUSED') {
      refused++
      continue
    }
    if (recorded instanceof Error) throw recorded
    cases++
    for (const name of names) {
      const own = targeted(recorded as Case, targetOf(name)!)
      const count = counts.get(name)!
      // Each case by one port, so that more cases are seen.
      const ports = limits[name]!
      const port = ports[(at + i) % ports.length]!
      const verdict = await verify(own, port)
      if (verdict.comparisons.length === 0) continue
      count.runs++
      if (verdict.outcome === 'match') count.decided++
      else if (verdict.outcome === 'undecided') count.undecided++
      else {
        count.alarms++
        process.stdout.write(`${name}: ${port.name}: ${percent(shareOf(verdict))}: ${JSON.stringify(drawn[i])}\n`)
      }
      if (verdict.outcome === 'match' && shareOf(verdict) > count.most) {
        Object.assign(count, { most: shareOf(verdict), where: `${port.name}, ${JSON.stringify(drawn[i])}` })
      }
    }
  }
  process.stderr.write(`${at + chunk} of ${runs}\n`)
}
await oracle.close()
process.stdout.write(`${cases} cases, ${refused} refused\n`)
for (const [name, { runs: judged, decided, undecided, alarms, most, where }] of counts) {
  process.stdout.write(
    `${name}: ${judged} runs: ${decided} match, ${undecided} decide too little, ${alarms} false alarms; ` +
      `at most ${percent(most)} of the allowed error (${where})\n`,
  )
}

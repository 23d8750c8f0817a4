import type { Case } from '../format/case.ts'
import { run } from '../engine/run.ts'
import { settleTies } from '../verify/ties.ts'
import { judge, requestOf } from '../verify.ts'

/**
 * Says where our own engine departs from PyTorch in a case; undefined where it does not. Faults are planted in it, so that of a
 * port nothing can be said by an engine that is wrong itself. It costs one run, where a search takes hundreds.
 */
export function ownDeparture(recorded: Case): string | undefined {
  const { outputs } = settleTies(recorded, run(requestOf(recorded)))
  const off = judge(recorded, outputs).flatMap(({ tensor, outcome }) => (outcome === 'match' ? [] : [tensor]))
  if (off.length === 0) return undefined
  return (
    `our own engine departs from PyTorch in this case: ${off.join(', ')}, ` +
    'so nothing can be said of the port; please report it, with the file'
  )
}

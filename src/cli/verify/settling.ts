import pc from 'picocolors'
import { askAgain, once } from '../../verify/again.ts'
import { ParityError } from '../../format/errors.ts'
import { explainedBy } from '../../report/detail.ts'
import { renderConduct } from '../../report/text.ts'
import { fail, isOver, type Run, timeoutsToStop } from './run.ts'

/** So many cases are shown of each thing that an engine does beside computing, and all are counted. */
const shownOfEach = 3

/** Asks the cases that are pending again, shows what was seen of the engine, and writes them down. */
export async function settle(run: Run): Promise<void> {
  const { pending, engine, take, options, interruption, summary, progress } = run
  run.pending = []
  run.pendingNumbers = 0
  const isLast = isOver(run)
  const again = await askAgain(isLast ? [] : pending, engine, {
    repeat: options.repeat,
    seed: options.order,
    tolerance: options.tolerance,
    take,
    signal: interruption.signal,
    onTimeout: () => ++run.timeouts >= timeoutsToStop,
    onError: (answered, { code, message }, time) => {
      // By the case itself: others of other files may have its id.
      const file = pending.find((own) => own === answered)?.file
      fail(run, new ParityError(code, `run ${time}: ${message}`), file, answered.recorded.id)
    },
  })
  try {
    if (!isLast) await run.release()
  } catch (error) {
    fail(run, error)
  }
  for (const [i, { file, name, verdict, detail, explained, conduct: before }] of pending.entries()) {
    const conduct = once([...before, ...(again[i] ?? [])])
    const shown = conduct.filter(({ kind }) => (summary.conduct[kind] ?? 0) < shownOfEach)
    for (const kind of new Set(conduct.map((each) => each.kind)))
      summary.conduct[kind] = (summary.conduct[kind] ?? 0) + 1
    if (shown.length > 0) progress.print(renderConduct(name, shown, pc))
    await run.record(
      file,
      conduct.length === 0 ? verdict : { ...verdict, conduct },
      explainedBy(detail, await explained),
    )
  }
}

import type { CauseGroup, Causes, OpenGroup } from '../../diagnose/causes.ts'
import type { Explanation } from '../../diagnose.ts'
import { confirmedAmong } from '../../probe/confirm.ts'
import { namedCase } from '../named.ts'
import { type Run, timeoutsToStop } from './run.ts'

/** So many causes are held against other requests, the most frequent first, within so much time. */
const mostAsked = 8
const askedMs = 3000
const allMs = 15_000

/** So many ways to mean the same in all cases of a run are held against each other. */
const mostAlike = 12

/**
 * What the mismatches of a run come from, held against what the engine gives for other requests: of causes that no case of the run tells
 * apart one may be confirmed. Asked last, since an engine may keep what it has seen.
 */
export async function heldAgainst({ groups, unexplained }: Causes<OpenGroup>, run: Run): Promise<Causes> {
  const { judged, options, interruption, take } = run
  // What another tolerance or target lets pass no budget of ours lets one tell.
  const canAsk = judged.target === undefined && options.tolerance.kind === 'budget' && run.timeouts < timeoutsToStop
  const until = performance.now() + allMs
  const held: CauseGroup[] = []
  for (const [i, { others, ...group }] of groups.entries()) {
    const isOver = i >= mostAsked || interruption.signal.aborted || performance.now() > until
    held.push(canAsk && !isOver ? await askedOf(group, others, run) : group)
  }
  take()
  return { groups: held, unexplained }
}

/** The same where the engine is not asked. */
export function unasked({ groups, unexplained }: Causes<OpenGroup>): Causes {
  return { groups: groups.map((group) => closed(group)), unexplained }
}

function closed(group: OpenGroup): CauseGroup {
  const { others: _, ...own } = group
  return own
}

async function askedOf(group: CauseGroup, others: readonly Explanation[], { engine }: Run): Promise<CauseGroup> {
  const { faults, edits, sentence, advice, cases } = group
  const [{ file, id }] = cases as [CauseGroup['cases'][number]]
  const own = { faults, edits, sentence, explained: 1, complete: true, ...(advice && { advice }) }
  // It has been read before; what has become of the file since is no matter of this run.
  const recorded = await namedCase(file, id).catch(() => undefined)
  if (recorded === undefined) return group
  const { confirmation, ...chosen } = await confirmedAmong(
    recorded,
    [own, ...others.slice(0, mostAlike)],
    engine,
    askedMs,
  )
  if (confirmation === undefined) return group
  const isConfirmed = confirmation.confirmed === confirmation.of
  const { alike, ...rest } = group
  const { explained: _, complete: __, outputsAlone: ___, ...words } = chosen
  // Others are no longer alike where one has been told from them.
  return { ...rest, ...words, ...(!isConfirmed && alike && { alike }), asked: confirmation }
}

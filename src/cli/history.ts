import { decoyOf, kept } from '../verify/again.ts'
import type { Case, Request } from '../format/case.ts'
import { difference } from '../verify/conduct.ts'
import { ParityError } from '../format/errors.ts'
import { requestOf } from '../verify.ts'
import { openFile } from './files.ts'
import type { Host } from '../ports/host.ts'

/** A call, and how it is called. */
interface Call {
  readonly name: string
  readonly request: Request
}

/** What changes the answer to a case: the calls before it, as few as were found, and what it gives after them. */
interface History {
  readonly calls: readonly string[]
  readonly difference: string
  readonly outputs: unknown
}

/** Cases of a file are held together only as far as they fit: so many numbers. */
const mostNumbers = 8e6

/**
 * Looks for calls after which an engine gives something else for a case than it gives at first, and leaves out those that are not
 * needed: the call itself, the same with other parameters, then the other cases of its file. Every try starts the engine afresh.
 * limitMs: after which nothing more is left out.
 */
export async function historyOf(
  file: string,
  recorded: Case,
  host: Host,
  limitMs: number,
): Promise<History | undefined> {
  const until = performance.now() + limitMs
  const first = await after([], recorded, host)
  const itself = { name: `case ${recorded.id}`, request: requestOf(recorded) }
  const changed = async (calls: readonly Call[]): Promise<History | undefined> => {
    const outputs = await after(calls, recorded, host)
    const where = difference(first, outputs)
    return where === undefined ? undefined : { calls: calls.map(({ name }) => name), difference: where, outputs }
  }
  const own = await changed([itself])
  if (own !== undefined) return own

  const decoy = { name: `case ${recorded.id} with other parameters`, request: decoyOf(recorded) }
  const ofOthers = await changed([decoy])
  if (ofOthers !== undefined) return ofOthers
  let calls: readonly Call[] = await othersOf(file, recorded)
  let found = await changed(calls)
  // The later half first, then the earlier one: where neither is enough alone, more than one call is to blame.
  while (found !== undefined && calls.length > 1 && performance.now() < until) {
    const middle = Math.floor(calls.length / 2)
    const halves = [calls.slice(middle), calls.slice(0, middle)]
    let smaller: History | undefined
    for (const half of halves) {
      smaller = await changed(half)
      if (smaller === undefined) continue
      calls = half
      break
    }
    if (smaller === undefined) break
    found = smaller
  }
  return found
}

/** What a fresh engine gives for a case after these calls; what they come to does not matter. */
async function after(calls: readonly Call[], recorded: Case, host: Host): Promise<unknown> {
  await host.restart()
  for (const { request } of calls) {
    try {
      await host.engine.run(request)
    } catch (error) {
      if (!(error instanceof ParityError)) throw error
    }
  }
  return kept(await host.engine.run(requestOf(recorded)))
}

/** The other cases of a file that the engine can be asked: those behind this one, then those before it, as in a second pass. */
async function othersOf(file: string, recorded: Case): Promise<Call[]> {
  const before: Call[] = []
  const behind: Call[] = []
  let numbers = 0
  let isBehind = false
  for await (const read of (await openFile(file)).cases()) {
    if ('error' in read) continue
    if (read.case.id === recorded.id) isBehind = true
    else {
      for (const { data } of Object.values({ ...read.case.params, ...read.case.inputs })) numbers += data.length
      if (numbers > mostNumbers) continue
      const call = { name: `case ${read.case.id}`, request: requestOf(read.case) }
      if (isBehind) behind.push(call)
      else before.push(call)
    }
  }
  return [...behind, ...before]
}

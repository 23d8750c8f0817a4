import { logLine, ParityError } from '../format/errors.ts'
import { findFixtures, openFile } from './files.ts'
import { filterOf } from './filter.ts'
import { onInterrupt } from './interrupt.ts'
import { Deal, type Part } from './shard.ts'
import { write } from './terminal.ts'

interface ListOptions {
  readonly filter: readonly string[]
  readonly shard?: Part
}

/** Prints `file#id` and module of each case that is meant, and asks nobody. → the exit code */
export async function listFiles(paths: readonly string[], { filter, shard }: ListOptions): Promise<number> {
  const isMeant = filterOf(filter)
  const deal = shard && new Deal(shard)
  const { files, errors } = await findFixtures(paths)
  const messages = errors.map(({ message }) => message)
  const interruption = onInterrupt()
  let listed = 0
  for (const file of files) {
    try {
      const fixture = await openFile(file)
      for await (const read of fixture.cases(deal?.of(fixture))) {
        if (interruption.signal.aborted) return interruption.exitCode
        if (read.error !== undefined) messages.push(`${file}: ${read.error.message}`)
        else if (isMeant(`${file}#${read.case.id}`)) {
          write(`${logLine(`${file}#${read.case.id}`)} ${logLine(read.case.module)}\n`)
          listed++
        }
        await interruption.breathe()
      }
    } catch (error) {
      if (!(error instanceof ParityError)) throw error
      messages.push(error.message)
    }
  }
  interruption.stop()
  for (const message of messages) process.stderr.write(`error ${message}\n`)
  return messages.length > 0 || listed === 0 ? 2 : 0
}

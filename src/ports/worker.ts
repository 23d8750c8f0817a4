import { Socket } from 'node:net'
import { extname } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { messageOf } from '../format/errors.ts'
import { type Channel, openChannel } from './channel.ts'
import { type Answer, answerOf, type Question, type Served, servedOf } from './served.ts'
import { channelFd, endWithParent } from './worker-process.ts'

/** Loads a module; TypeScript through jiti, because Node 20 has no loader of its own for it. */
async function load(file: string): Promise<unknown> {
  if (!['.ts', '.mts', '.cts', '.tsx'].includes(extname(file))) return import(pathToFileURL(file).href)
  const { createJiti } = await import('jiti')
  return createJiti(import.meta.url).import(file)
}

async function serve(file: string): Promise<void> {
  let engine: Served | undefined
  const channel = openChannel(
    new Socket({ fd: channelFd, readable: true, writable: true }).on('close', () => process.exit()),
    // Only the host has the other end.
    (question) => engine !== undefined && void answer(channel, engine, question as Question),
    () => process.exit(1),
  )
  // Thrown where nobody awaits it: it is told, and ends the process, of which nothing can be known any more.
  process.on('uncaughtException', (error) => {
    channel.send({ ask: -1, error: messageOf(error) } satisfies Answer, () => process.exit(1))
  })
  try {
    engine = servedOf(await load(file))
  } catch (error) {
    channel.send({ ask: 0, error: messageOf(error) } satisfies Answer)
    return
  }
  if (engine === undefined) channel.send({ ask: 0, error: '', problem: 'export' } satisfies Answer)
  else channel.send({ ask: 0, value: engine.greeting } satisfies Answer)
}

async function answer(channel: Channel, engine: Served, question: Question): Promise<void> {
  const { ask } = question
  try {
    const value = await answerOf(engine, question)
    // What a run leaves behind, such as a promise that rejects, is part of it.
    await turn()
    channel.send({ ask, value } satisfies Answer)
  } catch (error) {
    channel.send({ ask, error: messageOf(error) } satisfies Answer)
  }
}

const [, , file, parent] = process.argv
if (file !== undefined) {
  endWithParent(Number(parent))
  await serve(file)
}

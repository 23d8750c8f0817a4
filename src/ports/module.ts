import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { checkInstalled } from '../adapters/peer.ts'
import { ParityError } from '../format/errors.ts'
import { openChannel } from './channel.ts'
import { failure, type Way } from './conversation.ts'
import type { Answer, Question } from './served.ts'

/**
 * An engine that a JavaScript or TypeScript module exports, by default or as `engine`.
 * @throws ParityError FILE_MISSING
 */
export async function moduleWay(file: string): Promise<Way> {
  await access(file).catch((cause: unknown) => {
    throw new ParityError('FILE_MISSING', `${file}: expected an engine module, got nothing of that name`, { cause })
  })
  return channelWay(file, 'worker.js', resolve(file))
}

/**
 * A framework, by the name of its adapter.
 * @throws ParityError FILE_MISSING where it is not installed
 */
export function adapterWay(name: string): Way {
  checkInstalled(name)
  return channelWay(name, 'worker.js', fileURLToPath(new URL(`../adapters/${name}.js`, import.meta.url)))
}

/** A process of ours that asks an engine. script: of this folder; what: the engine, as it finds it */
export function channelWay(name: string, script: string, what: string, env: NodeJS.ProcessEnv = process.env): Way {
  const worker = fileURLToPath(new URL(script, import.meta.url))
  return {
    name,
    hasLastWords: false,
    // A process, not a thread: nothing ends a thread inside a blocking call, or keeps its memory apart. It leads a process group, so
    // that what it starts ends with it, and Ctrl-C, which goes to the group of the command, is for us alone.
    start: () =>
      spawn(process.execPath, [...inherited(), worker, what, String(process.pid)], {
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        detached: process.platform !== 'win32',
        env,
      }),
    prints: ({ stdout, stderr }) => [stdout, stderr],
    open(child, heard) {
      const channel = openChannel(
        // The fourth of `stdio`, a pipe both ways.
        child.stdio[3] as Duplex,
        (answer) => {
          if (!isAnswer(answer)) heard.fail(failure(name, 'it sent what is no answer'))
          else if (answer.ask < 0) heard.fail(failure(name, 'error' in answer ? answer.error : ''))
          else if ('error' in answer)
            heard.answer(answer.ask, {
              error: answer.problem === 'export' ? noEngine(name) : failure(name, answer.error),
            })
          else heard.answer(answer.ask, answer)
        },
        (what) => heard.fail(failure(name, `it sent ${what}`)),
      )
      return { send: (question: Question) => channel.send(question) }
    },
  }
}

/** Node's own flags, but for those of a debugger, which listens for one process. */
function inherited(): string[] {
  return process.execArgv.filter((flag) => !flag.startsWith('--inspect'))
}

function isAnswer(message: unknown): message is Answer {
  if (typeof message !== 'object' || message === null || !('ask' in message)) return false
  if (typeof message.ask !== 'number') return false
  return 'error' in message ? typeof message.error === 'string' : 'value' in message
}

function noEngine(file: string): ParityError {
  return new ParityError(
    'ENGINE_INVALID',
    `${file}: expected an engine { name, run(request) } as the default export or as \`engine\`, got none\n` +
      'README.md, "Judge your own engine", shows one',
  )
}

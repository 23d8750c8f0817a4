/// <reference lib="dom" />
// Runs in a page: finds the engine that is there, and asks it.
import { type Answer, answerOf, type Question, type Served, servedOf } from './served.ts'
import { messageOf } from '../format/errors.ts'
import { fromBase64, fromBytes, toBase64, toBytes } from './page-bytes.ts'

let served: Served | undefined

/** A page names its engine by this global: the engine, or a promise of one. */
const global = 'torchParityEngine'
const waitMs = 50

/**
 * Loads the engine that a module exports, or waits for that of the page.
 * url: of the module; undefined where the page has its own.
 */
export async function load(url: string | undefined): Promise<Answer> {
  try {
    served = servedOf(url === undefined ? { engine: await ofPage() } : await import(url))
    if (served === undefined) return { ask: 0, error: '', problem: 'export' }
    return { ask: 0, value: { ...served.greeting, name: `${served.greeting.name} (${await whereText()})` } }
  } catch (error) {
    return { ask: 0, error: messageOf(error) }
  }
}

/** Whoever waits for a page has a time-out of their own. */
async function ofPage(): Promise<unknown> {
  for (;;) {
    const found = (globalThis as Record<string, unknown>)[global]
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
}

/** text: a question, as bytes in base 64. → its answer in the same way */
export async function answer(text: string): Promise<string> {
  return toBase64(toBytes(await answered(fromBytes(fromBase64(text)) as Question)))
}

/** Answers what comes by a WebSocket, many times as fast. → false where the page's own policy lets none through */
export function connect(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const socket = new WebSocket(url)
      socket.binaryType = 'arraybuffer'
      socket.addEventListener('message', ({ data }) => {
        void (async () => {
          const value = await answered(fromBytes(new Uint8Array(data as ArrayBuffer)) as Question)
          socket.send(toBytes(value))
        })()
      })
      socket.addEventListener('open', () => resolve(true))
      socket.addEventListener('error', () => resolve(false))
    } catch {
      resolve(false)
    }
  })
}

async function answered(question: Question): Promise<Answer> {
  const { ask } = question
  try {
    if (served === undefined) throw new Error('expected an engine, got none')
    const value = await answerOf(served, question)
    // What a run leaves behind, such as a promise that rejects, is part of it.
    await turn()
    return { ask, value }
  } catch (error) {
    return { ask, error: messageOf(error) }
  }
}

const { port1, port2 } = new MessageChannel()

/** Not a timer, which browsers let wait for 4 ms. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    port1.addEventListener('message', () => resolve(), { once: true })
    port1.start()
    port2.postMessage(undefined)
  })
}

/** What WebGPU's types are in browsers; TypeScript has none of them. */
interface GPU {
  requestAdapter(): Promise<{ readonly info?: Readonly<Record<'vendor' | 'architecture', string>> } | null>
}

/** Which browser, and which adapter of WebGPU where it has one. */
async function whereText(): Promise<string> {
  const browser = /(?:Firefox|Edg|Chrome|Version)\/[\d.]+/.exec(navigator.userAgent)?.[0].replace('/', ' ') ?? 'a page'
  const { gpu } = navigator as { gpu?: GPU }
  const adapter = await gpu?.requestAdapter().catch(() => null)
  if (!adapter) return browser
  const { vendor = '', architecture = '' } = adapter.info ?? {}
  return `${browser}, WebGPU: ${`${vendor} ${architecture}`.trim() || 'an adapter without a name'}`
}

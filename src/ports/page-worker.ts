// The process between the command and a page: serves its files, opens it in a browser, and hands questions on.
import { randomUUID } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { readFile, realpath } from 'node:fs/promises'
import { type AddressInfo, Socket } from 'node:net'
import { dirname, extname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, JSHandle, Page } from 'playwright-core'
import { messageOf } from '../format/errors.ts'
import { openBrowser } from './browser.ts'
import { openChannel } from './channel.ts'
import type * as Driver from './page-driver.ts'
import { fromBase64, fromBytes, toBase64, toBytes } from './page-bytes.ts'
import type { Answer, Question } from './served.ts'
import { acceptSocket, type Socket as WebSocket } from './websocket.ts'
import { channelFd, endWithParent } from './worker-process.ts'

/** Our own modules, of which the page loads the driver. */
const dist = fileURLToPath(new URL('..', import.meta.url))
const ownPrefix = '/-/torch-parity/'
const driverPath = `${ownPrefix}ports/page-driver.js`
const emptyPath = '/-/empty.html'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.css': 'text/css; charset=utf-8',
}

/** Threads of WebAssembly need both. */
const isolated = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

async function respond(root: string, path: string, response: ServerResponse): Promise<void> {
  const headers = (file: string): Record<string, string> => {
    return { ...isolated, 'Content-Type': types[extname(file)] ?? 'application/octet-stream' }
  }
  if (path === emptyPath) {
    response.writeHead(200, headers(path)).end('<!doctype html><title>torch-parity</title>')
    return
  }
  try {
    const isOwn = path.startsWith(ownPrefix)
    const file = await within(isOwn ? dist : root, decodeURIComponent(path.slice(isOwn ? ownPrefix.length : 1)))
    response.writeHead(200, headers(file)).end(await readFile(file))
  } catch {
    response.writeHead(404, isolated).end()
  }
}

/** A file of a folder. Throws where it is none, or stands elsewhere, whatever a path or a link says. */
async function within(folder: string, path: string): Promise<string> {
  const file = await realpath(join(folder, path))
  if (!file.startsWith((await realpath(folder)) + sep)) throw new Error('it is outside')
  return file
}

/** Something that listens on this machine alone. */
interface Listening {
  /** Without a slash at the end. */
  readonly origin: string
  readonly server: Server
}

/** root: a folder that is served; none for a page of somebody else's server */
async function listen(root: string | undefined): Promise<Listening> {
  const server = createServer((request, response) => {
    if (root === undefined) response.writeHead(404).end()
    else void respond(root, (request.url ?? '/').replace(/[?#].*$/s, ''), response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, server }
}

/** Waits for the page, which alone knows the path. */
function awaitPage(
  server: Server,
  path: string,
  onMessage: (message: Uint8Array) => void,
  onEnd: () => void,
): Promise<WebSocket> {
  return new Promise((resolve) => {
    let isThere = false
    server.on('upgrade', (request, stream) => {
      if (isThere || request.url !== path) {
        stream.destroy()
        return
      }
      isThere = true
      if (stream instanceof Socket) stream.setNoDelay(true)
      resolve(acceptSocket(request, stream, onMessage, onEnd))
    })
  })
}

/** What is opened, and the module of the engine where it is no page. */
interface Place {
  readonly url: string
  readonly module?: string
  readonly listening: Listening
}

async function placeOf(what: string): Promise<Place> {
  if (/^https?:\/\//.test(what)) return { url: what, listening: await listen(undefined) }
  const file = resolve(what)
  // From here modules may be imported from beside, and from node_modules.
  const here = process.cwd()
  const root = file.startsWith(here + sep) ? here : dirname(file)
  const listening = await listen(root)
  const base = listening.origin
  const path = `/${relative(root, file).split(sep).map(encodeURIComponent).join('/')}`
  return extname(file) === '.html'
    ? { url: base + path, listening }
    : { url: base + emptyPath, module: path, listening }
}

async function opened(browser: Browser, { url, module }: Place, fail: (error: string) => void): Promise<Page> {
  const page = await browser.newPage()
  // Of what is thrown where nobody awaits it nothing can be known any more.
  page.on('pageerror', (error) => fail(messageOf(error)))
  page.on('crash', () => fail('the page has crashed'))
  const unloaded = 'Failed to load resource'
  page.on('console', (message) => {
    if (!message.text().startsWith(unloaded)) process.stderr.write(`${message.text()}\n`)
  })
  // With what it is: a module that imports what is not there says nothing of it.
  page.on('response', (response) => {
    if (response.status() >= 400) process.stderr.write(`${response.url()}: got status ${response.status()}\n`)
  })
  // A page of somebody else's server has our modules from here.
  const isOwn = ({ pathname }: URL): boolean => pathname.startsWith(ownPrefix)
  if (module === undefined) {
    await page.route(isOwn, async (route) => {
      try {
        const file = await within(dist, new URL(route.request().url()).pathname.slice(ownPrefix.length))
        await route.fulfill({ path: file, contentType: types['.js']!, headers: isolated })
      } catch {
        await route.fulfill({ status: 404 })
      }
    })
  }
  const response = await page.goto(url)
  if (response !== null && !response.ok()) throw new Error(`${url}: expected a page, got status ${response.status()}`)
  return page
}

/** So long others have to say why a page has gone. */
const goneMs = 200

async function serve(what: string): Promise<void> {
  let browser: Browser | undefined
  let driver: JSHandle<typeof Driver> | undefined
  let socket: WebSocket | undefined
  const channel = openChannel(
    // A browser that is asked to end leaves nothing behind.
    new Socket({ fd: channelFd, readable: true, writable: true }).on('close', () => {
      void Promise.resolve(browser?.close()).finally(() => process.exit())
    }),
    // Only the host has the other end.
    (question) => void answer(question as Question),
    () => process.exit(1),
  )
  const lastWord = (error: string): void => {
    channel.send({ ask: -1, error } satisfies Answer, () => process.exit(1))
  }
  const tell = (bytes: Uint8Array): void => channel.send({ value: undefined, ...(fromBytes(bytes) as Answer) })
  const answer = async (question: Question): Promise<void> => {
    try {
      const bytes = toBytes(question)
      if (socket !== undefined) return socket.send(bytes)
      tell(fromBase64(await driver!.evaluate((own, asked) => own.answer(asked), toBase64(bytes))))
    } catch (error) {
      // What an engine throws is an answer of the driver: the page itself is gone, or another.
      lastWord(messageOf(error))
    }
  }
  try {
    const place = await placeOf(what)
    browser = await openBrowser()
    const page = await opened(browser, place, lastWord)
    browser.on('disconnected', () => lastWord('the browser has ended'))
    // As text: what a compiler makes of an import is of its module alone.
    driver = await page.evaluateHandle<typeof Driver>(`import(${JSON.stringify(driverPath)})`)
    const greeting = await driver.evaluate((own, module) => own.load(module), place.module)
    const { server, origin } = place.listening
    const path = `/${randomUUID()}`
    const connected = awaitPage(
      server,
      path,
      (message) => {
        try {
          tell(message)
        } catch {
          lastWord('the page answered what is none')
        }
      },
      // Why it has gone is told by others, where anybody knows.
      () => void setTimeout(lastWord, goneMs, 'the page has gone, or another has come in its place'),
    )
    const isConnected = await driver.evaluate((own, url) => own.connect(url), origin.replace('http', 'ws') + path)
    if (isConnected) socket = await connected
    channel.send(greeting)
  } catch (error) {
    channel.send({ ask: 0, error: messageOf(error) } satisfies Answer)
  }
}

const [, , what, parent] = process.argv
if (what !== undefined) {
  endWithParent(Number(parent))
  await serve(what)
}

// The process between the command and a page: serves its files, opens it in a browser, and hands questions on.
import { createServer, type ServerResponse } from 'node:http'
import { readFile, realpath } from 'node:fs/promises'
import { type AddressInfo, Socket } from 'node:net'
import { dirname, extname, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, JSHandle, Page } from 'playwright-core'
import { messageOf } from '../format/errors.ts'
import { openBrowser } from './browser.ts'
import { openChannel } from './channel.ts'
import type * as Driver from './page-driver.ts'
import { fromText, toText } from './page-text.ts'
import type { Answer, Question } from './served.ts'
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
  const [folder, rest] = path.startsWith(ownPrefix) ? [dist, path.slice(ownPrefix.length)] : [root, path.slice(1)]
  try {
    const file = await realpath(resolve(folder, rest))
    // Nothing but what stands in the folder, whatever a link says.
    if (!file.startsWith((await realpath(folder)) + sep)) throw new Error('it is outside')
    response.writeHead(200, headers(file)).end(await readFile(file))
  } catch {
    response.writeHead(404, isolated).end()
  }
}

/** Serves a folder to this machine alone. → its address, without a slash at the end */
async function served(root: string): Promise<string> {
  const server = createServer((request, response) => {
    void respond(root, decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname), response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** What is opened, and the module of the engine where it is no page. */
interface Place {
  readonly url: string
  readonly module?: string
}

async function placeOf(what: string): Promise<Place> {
  if (/^https?:\/\//.test(what)) return { url: what }
  const file = resolve(what)
  // From here modules may be imported from beside, and from node_modules.
  const here = process.cwd()
  const root = file.startsWith(here + sep) ? here : dirname(file)
  const base = await served(root)
  const path = `/${relative(root, file).split(sep).map(encodeURIComponent).join('/')}`
  return extname(file) === '.html' ? { url: base + path } : { url: base + emptyPath, module: path }
}

async function opened(browser: Browser, { url }: Place): Promise<Page> {
  const page = await browser.newPage()
  const unloaded = 'Failed to load resource'
  page.on('console', (message) => {
    if (!message.text().startsWith(unloaded)) process.stderr.write(`${message.text()}\n`)
  })
  // With what it is: a module that imports what is not there says nothing of it.
  page.on('response', (response) => {
    if (response.status() >= 400) process.stderr.write(`${response.url()}: got status ${response.status()}\n`)
  })
  // A page of somebody else's server has our modules from here.
  await page.route(`**${ownPrefix}**`, async (route) => {
    const path = new URL(route.request().url()).pathname
    await route.fulfill({ path: resolve(dist, path.slice(ownPrefix.length)), contentType: types['.js']! })
  })
  const response = await page.goto(url)
  if (response !== null && !response.ok()) throw new Error(`${url}: expected a page, got status ${response.status()}`)
  return page
}

async function serve(what: string): Promise<void> {
  let driver: JSHandle<typeof Driver> | undefined
  const channel = openChannel(
    new Socket({ fd: channelFd, readable: true, writable: true }).on('close', () => process.exit()),
    // Only the host has the other end.
    (question) => void answer(question as Question),
    () => process.exit(1),
  )
  const lastWord = (error: string): void => {
    channel.send({ ask: -1, error } satisfies Answer, () => process.exit(1))
  }
  const answer = async (question: Question): Promise<void> => {
    try {
      const text = await driver!.evaluate((own, asked) => own.answer(asked), toText(question))
      channel.send({ value: undefined, ...(fromText(text) as Answer) })
    } catch (error) {
      channel.send({ ask: question.ask, error: messageOf(error) } satisfies Answer)
    }
  }
  try {
    const [browser, place] = await Promise.all([openBrowser(), placeOf(what)])
    const page = await opened(browser, place)
    // Of what is thrown where nobody awaits it nothing can be known any more.
    page.on('pageerror', (error) => lastWord(messageOf(error)))
    page.on('crash', () => lastWord('the page has crashed'))
    browser.on('disconnected', () => lastWord('the browser has ended'))
    // As text: what a compiler makes of an import is of its module alone.
    driver = await page.evaluateHandle<typeof Driver>(`import(${JSON.stringify(driverPath)})`)
    channel.send(await driver.evaluate((own, module) => own.load(module), place.module))
  } catch (error) {
    channel.send({ ask: 0, error: messageOf(error) } satisfies Answer)
  }
}

const [, , what, parent] = process.argv
if (what !== undefined) {
  endWithParent(Number(parent))
  await serve(what)
}

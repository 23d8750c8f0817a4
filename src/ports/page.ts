import { mkdtempSync, rmSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { ParityError } from '../format/errors.ts'
import type { Way } from './conversation.ts'
import { channelWay } from './module.ts'

/**
 * An engine in a page of a real browser: a module that exports one, a page that has one in `torchParityEngine`, or its address.
 * @throws ParityError FILE_MISSING
 */
export async function pageWay(page: string): Promise<Way> {
  const isAddress = /^https?:\/\//.test(page)
  if (!isAddress) {
    await access(page).catch((cause: unknown) => {
      throw new ParityError('FILE_MISSING', `${page}: expected a page or a module, got nothing of that name`, { cause })
    })
  }
  const way = channelWay(page, 'page-worker.js', page)
  return {
    ...way,
    start() {
      // What a browser keeps goes with it, however it ends; one that is ending may still write.
      const folder = mkdtempSync(join(tmpdir(), 'torch-parity-page-'))
      const own = channelWay(page, 'page-worker.js', page, { ...process.env, TMPDIR: folder })
      return own.start().on('exit', () => {
        try {
          rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
        } catch {
          // It has not ended yet: what is left is of nobody's concern but the system's.
        }
      })
    },
    end: ({ stdio }) => (stdio[3] as Duplex).end(),
  }
}

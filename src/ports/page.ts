import { access } from 'node:fs/promises'
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
  return channelWay(page, 'page-worker.js', page)
}

import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The fixtures that come with this package, beside dist/ in a checkout and in the npm package alike. */
const folder = fileURLToPath(new URL('../../fixtures', import.meta.url))

/**
 * A path as people name it: `@` is the folder of the fixtures that come with this package, wherever it is installed, `@rnn_cell` and
 * `@rnn_cell/default` what is in it, with or without .msgpack. What is there under its own name is itself.
 */
export function located(path: string): string {
  if (!path.startsWith('@') || existsSync(path)) return path
  const inside = join(folder, path.slice(1))
  const named = !existsSync(inside) && existsSync(`${inside}.msgpack`) ? `${inside}.msgpack` : inside
  const below = relative('.', named)
  return below.length < named.length ? below : named
}

/** What is taken where nothing is named: the folder fixtures of the working directory, or else what comes with this package. */
export function unnamed(): readonly string[] {
  return existsSync('fixtures') ? ['fixtures'] : ['@']
}

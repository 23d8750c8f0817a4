// torch-parity.config.json, .js, .mjs or .ts of the working directory: options of the command line that need not be typed.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import * as z from 'zod'
import { parse } from '../format/case/wording.ts'
import { messageOf, ParityError } from '../format/errors.ts'
import { parseTolerance } from './arguments.ts'

const names = ['ts', 'mjs', 'js', 'json'].map((ending) => `torch-parity.config.${ending}`)

/** What a config file may say: the names of options, without their dashes. */
const Config = z.strictObject({
  /** Fixture files, folders, globs or @names, of what judges fixtures. */
  paths: z.array(z.string()).optional(),
  engine: z.string().optional(),
  engineCommand: z.string().optional(),
  enginePage: z.string().optional(),
  tolerance: z
    .union([z.literal(['budget', 'torch']), z.strictObject({ rtol: z.number(), atol: z.number() })])
    .optional(),
  target: z.string().optional(),
  equalNan: z.boolean().optional(),
  filter: z.array(z.string()).optional(),
  knownFailures: z.string().optional(),
  maxMismatches: z.int().min(0).optional(),
  repeat: z.int().min(1).optional(),
  order: z.int().min(0).optional(),
  timeout: z.number().positive().optional(),
  quiet: z.boolean().optional(),
})

/** What a config file may say. */
export type Config = z.infer<typeof Config>

/**
 * Gives a command what the config file says and the command line does not, as far as the command has such an option. → the paths that it names
 * @throws ParityError USAGE where there are two such files, one cannot be loaded, or it says something else.
 */
export async function configure(command: Command): Promise<readonly string[]> {
  const found = names.filter((name) => existsSync(name))
  const [file] = found
  if (file === undefined) return []
  if (found.length > 1) throw new ParityError('USAGE', `expected one config file, got ${found.join(' and ')}`)
  const { paths = [], tolerance, ...options } = parse(Config, await load(file), file, 'USAGE')
  const policy = typeof tolerance === 'object' ? `${tolerance.rtol},${tolerance.atol}` : tolerance
  const said = { ...options, ...(policy !== undefined && { tolerance: parseTolerance(policy) }) }
  const given = (option: string): boolean => command.getOptionValueSource(option) === 'cli'
  // One way to ask an engine is instead of another.
  const ways = ['engine', 'engineCommand', 'enginePage', 'answers', 'actual']
  const hasWay = ways.some((way) => given(way))
  const taken = Object.keys(said).filter((option) => {
    const isKnown = command.options.some((own) => own.attributeName() === option)
    return isKnown && !given(option) && !(hasWay && ways.includes(option))
  })
  for (const option of taken) {
    command.setOptionValueWithSource(option, said[option as keyof typeof said], 'config')
  }
  // What makes a run weaker is not to be silent.
  if (taken.length > 0) process.stderr.write(`note: ${file} says ${taken.join(', ')}\n`)
  return paths
}

async function load(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(await readFile(file, 'utf8'))
    if (!file.endsWith('.ts'))
      return ((await import(pathToFileURL(resolve(file)).href)) as { default?: unknown }).default
    const { createJiti } = await import('jiti')
    return await createJiti(import.meta.url).import(resolve(file), { default: true })
  } catch (cause) {
    throw new ParityError('USAGE', `${file}: expected a config file, got ${messageOf(cause)}`, { cause })
  }
}

import { createHash, type Hash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encode } from '@msgpack/msgpack'
import pc from 'picocolors'
import { encodeSafetensors } from '../format/actual/safetensors.ts'
import { type Case, type Outputs, type ExportedRequest, isExported } from '../format/case.ts'
import { requestRecord } from '../format/case/write.ts'
import { logLine, messageOf, ParityError } from '../format/errors.ts'
import type { Tensor } from '../format/tensor.ts'
import { requestFormat } from '../ports/answers.ts'
import { fileNameOf } from '../ports/answers/names.ts'
import { plural } from '../report/text.ts'
import { requestOf } from '../verify.ts'
import { findFixtures, openFile, writeAside } from './files.ts'
import { type Filter, filterOf, wordsOf } from './filter.ts'
import { type Interruption, onInterrupt } from './interrupt.ts'
import { write } from './terminal.ts'

/** How requests are written: a file of messages for each fixture, or a file of tensors for each case. */
export const requestFormats = ['fixture', 'safetensors'] as const

export interface AskOptions {
  /** A folder that is not there yet, or is empty. */
  readonly out: string
  readonly format: (typeof requestFormats)[number]
  /** Which cases are meant, as `filterOf` reads it; none: all. */
  readonly filter: readonly string[]
}

/** What one run of `ask` has come to so far. */
interface Asking {
  readonly options: AskOptions
  readonly isMeant: Filter
  readonly interruption: Interruption
  readonly errors: ParityError[]
  cases: number
  files: number
}

/** Writes what an engine is asked in every case behind the paths, and nothing that says what it is to give. → the exit code */
export async function ask(paths: readonly string[], options: AskOptions): Promise<number> {
  await expectEmpty(options.out)
  const { files, names, errors } = await findFixtures(paths)
  expectOwnNames(names)
  const interruption = onInterrupt()
  const asking: Asking = {
    options,
    isMeant: filterOf(options.filter),
    interruption,
    errors: [...errors],
    cases: 0,
    files: 0,
  }
  const { out, format } = options
  try {
    if (format === 'safetensors') await writeAside(join(out, 'index.json'), indexOf(asking, files, names))
    else for (const file of files) await writeMessages(asking, file, names.get(file)!)
  } catch (error) {
    if (!interruption.signal.aborted) throw error
  } finally {
    interruption.stop()
  }
  for (const { message } of asking.errors) process.stderr.write(`${pc.red('error')} ${message}\n`)
  if (interruption.signal.aborted) {
    process.stderr.write('interrupted: some requests are missing\n')
    return interruption.exitCode
  }
  if (asking.cases === 0) {
    const none = options.filter.length === 0 ? 'no cases' : `no case that contains ${wordsOf(options.filter)}`
    process.stderr.write(`${pc.red('error')} expected at least one case to ask for, got ${none}\n`)
    return 2
  }
  const where = format === 'safetensors' ? join(out, 'index.json') : out
  write(
    `${plural(asking.cases, 'request')} of ${plural(asking.files, 'fixture')}: ${logLine(where)}\n` +
      'answers go into a folder of their own, which `torch-parity verify … --answers DIR` judges (fixtures/README.md, "Answers")\n',
  )
  return asking.errors.length > 0 ? 2 : 0
}

/** Requests of another run must not be taken for those of this one. */
async function expectEmpty(out: string): Promise<void> {
  let entries: string[]
  try {
    entries = await readdir(out)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return
    throw new ParityError('USAGE', `--out: ${out}: expected a folder, got ${messageOf(cause)}`, { cause })
  }
  if (entries.length === 0) return
  throw new ParityError(
    'USAGE',
    `--out: ${out}: expected a new or an empty folder, got one that holds ${plural(entries.length, 'thing')}\n` +
      'name another, or take away what is there',
  )
}

/** Two files of one name would be written as one. */
function expectOwnNames(names: ReadonlyMap<string, string>): void {
  const files = new Map<string, string>()
  for (const [file, name] of names) {
    // Some file systems make no difference.
    const own = name.toLowerCase()
    const before = files.get(own)
    if (before !== undefined) {
      throw new ParityError(
        'USAGE',
        `expected fixtures of different names, got ${before} and ${file}\nname the folder that both are in`,
      )
    }
    files.set(own, file)
  }
}

/** The cases of a file that are asked for; what cannot be read is an error, and the others are asked for all the same. */
async function* chosen({ isMeant, interruption, errors }: Asking, file: string): AsyncGenerator<Case> {
  try {
    for await (const read of (await openFile(file)).cases()) {
      // What was begun is not to look whole.
      if (interruption.signal.aborted) throw new Error('interrupted')
      if ('error' in read) errors.push(read.error)
      else if (isMeant(`${file}#${read.case.id}`)) yield read.case
      await interruption.breathe()
    }
  } catch (error) {
    if (!(error instanceof ParityError)) throw error
    errors.push(error)
  }
}

async function writeMessages(asking: Asking, file: string, name: string): Promise<void> {
  const cases = chosen(asking, file)
  const first = await cases.next()
  if (first.done === true) return
  await writeAside(`${join(asking.options.out, name)}.msgpack`, messagesOf(asking, name, first.value, cases))
  asking.files++
}

/** A header, a message for each case, and an end, as in a fixture. */
async function* messagesOf(
  asking: Asking,
  name: string,
  first: Case,
  rest: AsyncIterable<Case>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  yield hashed(hash, { format: requestFormat, version: 1, name })
  let cases = 1
  yield hashed(hash, { id: first.id, ...requestRecord(requestOf(first)) })
  for await (const recorded of rest) {
    cases++
    yield hashed(hash, { id: recorded.id, ...requestRecord(requestOf(recorded)) })
  }
  asking.cases += cases
  yield encode({ cases, sha256: new Uint8Array(hash.digest()) })
}

function hashed(hash: Hash, message: object): Uint8Array {
  const bytes = encode(message)
  hash.update(bytes)
  return bytes
}

/** Writes the tensors of each case into a file of its own. → the text of the list of them, which is whole when all are there */
async function* indexOf(
  asking: Asking,
  files: readonly string[],
  names: ReadonlyMap<string, string>,
): AsyncGenerator<string> {
  const { options, errors } = asking
  yield `{"format":${JSON.stringify(requestFormat)},"version":1,"cases":[`
  for (const file of files) {
    const taken = new Set<string>()
    for await (const recorded of chosen(asking, file)) {
      const name = names.get(file)!
      const path = `${name}/${fileNameOf(recorded.id)}.safetensors`
      if (taken.has(path.toLowerCase())) {
        const message = `${file}: case ${recorded.id}: expected an id that differs in more than upper and lower case, got one that does not`
        errors.push(new ParityError('CASE_INVALID', `${message}\n\`--format fixture\` has no need of that`))
        continue
      }
      taken.add(path.toLowerCase())
      await writeAside(join(options.out, path), encodeSafetensors(tensorsOf(recorded)))
      yield `${asking.cases === 0 ? '' : ','}\n${JSON.stringify(entryOf(recorded, name, path))}`
      asking.cases++
    }
    if (taken.size > 0) asking.files++
  }
  yield '\n]}\n'
}

/** What goes in, by the names of its groups: `params.weight_ih_l0`, `inputs.input`, `cotangents.output`. */
function tensorsOf({ params, inputs, cotangents = {} }: Case): Record<string, Tensor> {
  const all: Record<string, Tensor> = {}
  for (const [group, tensors] of Object.entries({ params, inputs: inputs as Outputs, cotangents })) {
    for (const [name, tensor] of Object.entries(tensors)) all[`${group}.${name}`] = tensor
  }
  return all
}

/** What an answer may leave out. */
function isTap({ config }: ExportedRequest, name: string): boolean {
  return config.taps.some((tap) => tap.name === name && !tap.output)
}

function entryOf(recorded: Case, fixture: string, file: string): object {
  const { id, module, config, dtype, training, expected } = recorded
  const outputs = Object.entries(expected).map(([name, tensor]) => ({
    name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    ...(isExported(recorded) && isTap(recorded, name) && { tap: true }),
  }))
  return { fixture, id, file, module, config, dtype, ...(training && { training }), outputs, answer: file }
}

import pc from 'picocolors'
import { parseMap } from '../format/actual/rules.ts'
import { logLine, ParityError } from '../format/errors.ts'
import type { FloatTensor } from '../format/tensor.ts'
import { type Finding, type Layout, layoutOf } from '../layout.ts'
import type { Found } from '../layout/matches.ts'
import { readWeights } from '../ports/weights.ts'
import { toJSON } from '../report/json.ts'
import { findingWords, renderLayout } from '../report/layout.ts'
import { plural } from '../report/text.ts'
import { openFile, writeAside } from './files.ts'
import { namedCase } from './named.ts'
import type { MapFlags } from './flags.ts'
import { say } from './terminal.ts'

/**
 * Says what each tensor of a port is of a state_dict, and writes it as rules. → the exit code: 0 where each is one thing and all of the
 * state_dict is used
 */
export async function mapCommand(stateDict: string, weights: string, options: MapFlags): Promise<number> {
  const own = numbersOf(await stateDictOf(stateDict, options.case), stateDict)
  const port = numbersOf(await readWeights(weights), weights)
  const layout = layoutOf(own, port)
  say(renderLayout(layout, pc))
  const rules = layout.findings.flatMap((each) => (each.status === 'matched' && each.rule ? [each.rule] : []))
  for (const each of layout.findings) {
    if (each.status === 'matched' && each.rule === undefined) {
      say(`note: ${logLine(each.name)}: no rule of --map says what is both joined and summed`)
    }
  }
  const isAll = layout.unused.length === 0 && layout.findings.every(({ status }) => status === 'matched')
  if (options.out !== undefined) await writeRules(options.out, rules)
  const exitCode = isAll ? 0 : 1
  if (options.json !== undefined) {
    const head = { format: 'torch-parity-layout', version: 1, state_dict: stateDict, weights }
    const tensors = layout.findings.map((finding) => recordOf(finding, layout))
    await writeAside(options.json, [`${toJSON({ ...head, tensors, unused: layout.unused, rules, exitCode })}\n`])
  }
  return exitCode
}

async function writeRules(out: string, rules: readonly object[]): Promise<void> {
  if (rules.length === 0) {
    say(`not written: ${logLine(out)}: a map has at least one rule`)
    return
  }
  const text = `[\n${rules.map((rule) => `  ${JSON.stringify(rule)}`).join(',\n')}\n]\n`
  // What is written must be what --map takes.
  parseMap(text, out)
  await writeAside(out, [text])
  say(`written: ${logLine(out)}: ${plural(rules.length, 'rule')}`)
}

/** The parameters of a case of a fixture, or the tensors of a file. */
async function stateDictOf(file: string, id: string | undefined): Promise<Readonly<Record<string, FloatTensor>>> {
  if (file.endsWith('.msgpack')) return (await caseOf(file, id)).params
  if (id !== undefined) throw new ParityError('USAGE', `--case: expected it with a fixture, got ${file}`)
  return readWeights(file)
}

async function caseOf(file: string, id: string | undefined): ReturnType<typeof namedCase> {
  if (id !== undefined) return namedCase(file, id)
  const fixture = await openFile(file)
  for await (const read of fixture.length === 1 ? fixture.cases() : []) {
    if ('error' in read) throw read.error
    return read.case
  }
  throw new ParityError(
    'USAGE',
    `${file}: expected --case to name one of its ${fixture.length} cases, got none\n\`torch-parity inspect ${file}\` lists them`,
  )
}

/**
 * The tensors that have numbers.
 * @throws ParityError TENSORS_INVALID where there are none.
 */
function numbersOf(
  tensors: Readonly<Record<string, FloatTensor>>,
  file: string,
): Readonly<Record<string, FloatTensor>> {
  const own = Object.entries(tensors).filter(([, { data }]) => data.length > 0)
  if (own.length === 0) throw new ParityError('TENSORS_INVALID', `${file}: expected tensors with numbers, got none`)
  return Object.fromEntries(own)
}

/** A finding as data: names of PyTorch's and how they are laid out, and the words that are printed. */
function recordOf(finding: Finding, { conventions }: Layout): object {
  const { name, tensor, status } = finding
  const { shape, dtype } = tensor
  const own = { name, shape, dtype, status, text: findingWords(finding, conventions.orders) }
  if (finding.status === 'ambiguous') return { ...own, candidates: finding.all.map((found) => foundRecord(found)) }
  if (finding.status !== 'unmatched') return { ...own, is: foundRecord(finding.found) }
  const { nearest } = finding
  if (nearest === undefined) return own
  const { found, equal, count, apart } = nearest
  return { ...own, nearest: { ...foundRecord(found), equal, count, apart } }
}

function foundRecord({ source, reading, order, negated, level }: Found): object {
  const { how, pieces } = source
  const { gates } = pieces[0]!
  const { transposed, interleaved, misread } = reading
  return {
    of: pieces.map(({ names, gate, sum }) => ({ names, gate, sum })),
    how,
    transposed,
    interleaved,
    misread,
    gates: gates.length > 1 ? order.map((gate) => gates[gate]) : undefined,
    negated: negated ? ['z'] : undefined,
    rounding: level.words,
  }
}

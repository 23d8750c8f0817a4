// Plants bugs in ten captured models, as ports have them, and counts how often the layer is named first, how often the first explanation
// is the whole of it, and how often it says what the port gives for another input. The port is torch itself, in float32
// (captured/port.py), handed a program with the bug; --port ours: our engine. --bugs N: of each model (10); --seed N: which ones (1);
// --search SECONDS: so long an explanation may take (3); --only TEXT: of the models whose file contains it; --kind TEXT: of the kinds
// that contain it, all; --files FOLDER: other captured models than those of fixtures/captured; --json FILE: every mark.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from '../../src/engine/run.ts'
import { isExported } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { commandWay } from '../../src/ports/command.ts'
import { hostEngine } from '../../src/ports/host.ts'
import { readCases } from './cases.ts'
import { isNamedAlone, isNamedFirst, mark, type Marked } from './captured/exam.ts'
import { type Captured, drawn, plantingsOf } from './captured/plantings.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: 'torch' },
    bugs: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    search: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    kind: { type: 'string', default: '' },
    files: { type: 'string', default: 'fixtures/captured' },
    json: { type: 'string' },
  },
})

const python = process.env['TORCH_PARITY_PYTHON'] ?? 'python3'
const command = `${python} ${join(import.meta.dirname, 'captured', 'port.py')}`
const host = values.port === 'torch' ? await hostEngine(commandWay(command), 60_000) : undefined
const engine = host?.engine ?? { name: 'ours', run }

const models = new Map<string, Captured[]>()
for (const { file, case: recorded } of await readCases(values.files, isExported)) {
  if (file.includes(values.only)) models.set(file, [...(models.get(file) ?? []), recorded as Captured])
}
if (models.size === 0) throw new ParityError('USAGE', '--only: expected part of the name of a captured model')

const marks: Marked[] = []
const rows: string[] = []
const began = performance.now()
for (const [file, [first, second]] of models) {
  const all = plantingsOf(first!).filter(({ kind }) => kind.includes(values.kind))
  const own: Marked[] = []
  // What does nothing is drawn again.
  for (const planting of drawn(all, all.length, Number(values.seed))) {
    if (own.length === Number(values.bugs) && values.kind === '') break
    const marked = await mark(first!, second!, planting, engine, 1000 * Number(values.search))
    if (marked === undefined || marked.isSame) continue
    own.push(marked)
    process.stdout.write(`${line(marked)}\n`)
  }
  marks.push(...own)
  rows.push(row(file.replace(/.*\/|\.msgpack$/g, ''), own))
}
rows.push(row('all', marks))
const head = ['', 'bugs', 'seen', 'named first', 'named alone', 'explained', 'right elsewhere', 'ms'].map(cell).join('')
process.stdout.write(`\n${head}\n${rows.join('\n')}\n${((performance.now() - began) / 1000).toFixed(0)} s in all\n`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(marks, null, 1)}\n`)
await host?.close()

function line(own: Marked): string {
  const { id, planting, wanted, blamed, says, isComplete, predicts, failure } = own
  const where = isNamedFirst(own)
    ? isNamedAlone(own)
      ? ''
      : `also named: ${blamed.join(', ')}`
    : `NAMED ${blamed.join(', ') || 'nothing'} not ${wanted.join(', ')}`
  const why = failure ?? (says === undefined ? 'nothing explains it' : `${isComplete ? '' : 'in part: '}${says}`)
  const elsewhere = predicts === false ? 'WRONG ELSEWHERE' : predicts === undefined ? 'nothing elsewhere' : ''
  return [own.isSeen ? '' : 'NOT SEEN', id, planting.place, planting.kind, where, why, elsewhere]
    .filter((text) => text !== '')
    .join('; ')
}

function row(name: string, own: readonly Marked[]): string {
  const count = (is: (marked: Marked) => boolean): string => String(own.filter(is).length)
  const ms = own.reduce((sum, each) => sum + each.ms, 0) / Math.max(1, own.length)
  const right = (each: Marked): boolean => each.isComplete && each.predicts !== false
  const counts = [
    ({ isSeen }: Marked) => isSeen,
    isNamedFirst,
    (each: Marked) => isNamedFirst(each) && isNamedAlone(each),
    ({ isComplete }: Marked) => isComplete,
    right,
  ]
  return [name, String(own.length), ...counts.map(count), ms.toFixed(0)].map(cell).join('')
}

function cell(text: string): string {
  return text.padEnd(18)
}

import { expect, it } from 'vitest'
import { engine } from '../../src/engine/run.ts'
import { type Case, type ExportedRequest, isExported } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { verify } from '../../src/verify.ts'
import { changed, gone, paths } from '../mutated.ts'
import { readCases } from '../proof/cases.ts'
import { random } from '../random.ts'

/** What arguments of other operations, or of none, look like. */
const odd: readonly unknown[] = [
  gone, null, true, 0, -1, 1, 2, 3, 7, 0.5, 2 ** 24, -(2 ** 24), 1e15, Number.NaN, Infinity, '', 'mean', [], [0], [-9],
  [3, 3], [1, 2, 3, 4, 5], [null], [[]], { dtype: 'float32' }, { dtype: 'bool' },
] // prettier-ignore

/** A ParityError in words of ours, a verdict, or how it is said otherwise. */
async function said(recorded: Case): Promise<string | undefined> {
  try {
    await verify(recorded, engine)
    return undefined
  } catch (error) {
    if (!(error instanceof ParityError)) return `no ParityError: ${String(error)}`
    const isRaw = /Cannot|undefined|is not|Invalid|iterable|NaN|at \w+ \(/.test(error.message)
    return isRaw ? error.message : undefined
  }
}

it('a program whose arguments are others is judged, or refused in one clear error', async () => {
  const wrong = new Map<string, string>()
  for (const folder of ['fixtures/captured', 'fixtures/captured_forms']) {
    for (const [i, { case: own }] of (await readCases(folder, isExported)).entries()) {
      // The second case of a file has the same program.
      if (folder === 'fixtures/captured' && i % 2 === 1) continue
      const recorded = own as Case & ExportedRequest
      const numbers = random(i + 1)
      for (let time = 0; time < 40; time++) {
        const at = numbers.int(0, recorded.config.nodes.length - 1)
        const node = recorded.config.nodes[at]!
        // What names a tensor that there is not the reader refuses.
        const places = paths(node.args).filter(
          (place) => !['param', 'input', 'node', 'output'].includes(place.at(-1)!) || place.length === 1,
        )
        const [first, ...others] =
          numbers.int(0, 4) === 0 ? [['shapes', '0']] : places.map((place) => ['args', ...place])
        if (first === undefined) continue
        const path = numbers.pick([first, ...others])
        const to =
          path[0] === 'shapes' ? numbers.pick([[], [1], [2, 3], [0], [4096, 4096]]) : numbers.pick([odd[0], ...odd])
        const nodes = recorded.config.nodes.with(at, changed(node, path, to) as typeof node)
        const message = await said({ ...recorded, config: { ...recorded.config, nodes } })
        const kind = message?.replaceAll(/\d+/g, 'N').slice(0, 90)
        if (kind !== undefined && !wrong.has(kind)) {
          wrong.set(kind, `${recorded.id}: ${node.op} ${path.join('.')} = ${JSON.stringify(to)}: ${message}`)
        }
      }
    }
  }
  expect([...wrong.values()]).toStrictEqual([])
}, 300_000)

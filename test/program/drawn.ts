// npm run programs -- [--runs N] [--seed N]: engine and program, compared over random cases of every module, model and training.
import * as fc from 'fast-check'
import { parseArgs } from 'node:util'
import { isModelRequest } from '../../src/format/case.ts'
import { exactly } from '../../src/engine/run.ts'
import { fuzzedModules, specs } from '../../src/oracle/fuzz/spec.ts'
import { agreement } from './agreement.ts'
import { requestOfSpec } from '../../src/probe/requests.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
})
const [runs, seed] = [Number(values.runs), Number(values.seed)]
const chunk = 256
/** Of the cases that were compared by a measured error, by their kinds of numbers. */
const measured = new Map<string, number>()
const most = { forward: 0, gradients: 0 }
const counts = { cases: 0, gradients: 0, trainings: 0, models: 0, apart: 0, measured: 0 }
for (let at = 0; at < runs; at += chunk) {
  const numRuns = Math.min(chunk, runs - at)
  for (const spec of fc.sample(specs({ modules: fuzzedModules, maxSize: 16 }), { seed: seed + at, numRuns })) {
    const request = requestOfSpec(spec)
    const own = agreement(request)
    const engine = isModelRequest(request) ? agreement(request, exactly).wrong : []
    counts.cases++
    counts.gradients += Number(spec.gradients === true)
    counts.trainings += Number('training' in spec)
    counts.models += Number('config' in spec)
    counts.apart += Number(own.wrong.length + engine.length > 0)
    for (const kind of ['forward', 'gradients'] as const) most[kind] = Math.max(most[kind], own.most[kind])
    const wrong = [...own.wrong, ...engine]
    if (wrong.length > 0) process.stdout.write(`${JSON.stringify(spec)}\n  ${wrong.join('\n  ')}\n`)
    if (own.measured.length === 0) continue
    counts.measured++
    const kind = `${spec.module} ${'profile' in spec ? spec.profile : 'default'}`
    measured.set(kind, (measured.get(kind) ?? 0) + 1)
  }
  process.stderr.write(`${at + numRuns} of ${runs}\n`)
}
const { cases, gradients, trainings, models, apart } = counts
process.stdout.write(
  `${cases} cases (${gradients} with gradients, ${trainings} trainings, ${models} models), ${apart} apart; ` +
    `at most ${most.forward.toExponential(1)} of the largest number of a tensor, in gradients ${most.gradients.toExponential(1)}; ` +
    `${counts.measured} held to what rounding in float64 was measured to do: ` +
    `${[...measured].map(([kind, count]) => `${kind} ${count}`).join(', ')}\n`,
)
process.exitCode = apart > 0 ? 1 : 0

// npm run proof:when: ports that are wrong under a condition, probed, and how well the rule that is learnt says of requests that it has not
// seen whether the port is wrong. --fresh N: such requests (200); --experiments N (1500); --seed N: which (1); --only TEXT: ports whose name
// contains it; --ports MODULE: ports of somebody else, that exports `ports`, each of { name, can(request), run(request) }.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Outputs, Request } from '../../src/format/case.ts'
import type { Engine } from '../../src/engine/run.ts'
import { fuzzedLayers } from '../../src/oracle/fuzz/spec.ts'
import { probe } from '../../src/probe.ts'
import { drawnAround, simplest } from '../../src/probe/draw.ts'
import { experiment } from '../../src/probe/experiment.ts'
import type { History } from '../../src/probe/facts.ts'
import { says } from '../../src/probe/rule.ts'
import { whenOf } from '../../src/report/probe.ts'
import { randomOf } from '../../src/verify/random.ts'
import { conditional } from './conditional.ts'

const { values } = parseArgs({
  options: {
    fresh: { type: 'string', default: '200' },
    experiments: { type: 'string', default: '1500' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    ports: { type: 'string' },
  },
})
const [fresh, experiments, seed] = [Number(values.fresh), Number(values.experiments), Number(values.seed)]

interface Port {
  readonly name: string
  can?(request: Request): boolean
  run(request: Request): Outputs | Promise<Outputs>
}

async function portsOf(): Promise<readonly Port[]> {
  if (values.ports === undefined) return conditional
  const { ports } = (await import(pathToFileURL(resolve(values.ports)).href)) as { readonly ports: readonly Port[] }
  return ports
}

const bounds = { modules: fuzzedLayers, largest: 520 }

/** Whether the rule says of requests that it was not learnt of what they are: the part of the wrong ones, and of the right ones. */
async function judged(engine: Engine, rule: Parameters<typeof says>[0], history: History): Promise<[number, number]> {
  const random = randomOf(seed + 1_000_003)
  const counts = { wrong: 0, named: 0, right: 0, spared: 0 }
  for (let i = 0; i < fresh; i++) {
    const module = fuzzedLayers[Math.floor(random() * fuzzedLayers.length)]!
    const draw = drawnAround(simplest(module), bounds, random)
    const { facts, outcome } = (await experiment(draw, engine, history)).experiment
    if (outcome === 'wrong') {
      counts.wrong++
      counts.named += Number(says(rule, facts))
    } else if (outcome === 'right') {
      counts.right++
      counts.spared += Number(!says(rule, facts))
    }
  }
  const part = (some: number, all: number): number => (all === 0 ? 1 : some / all)
  return [part(counts.named, counts.wrong), part(counts.spared, counts.right)]
}

const percent = (part: number): string => `${(100 * part).toFixed(0)} %`
/** A rule is right that names nearly all that is wrong, and spares nearly all that is right: in some of it a mistake does not show. */
const enough = { wrong: 0.97, right: 0.9 }
let right = 0
let told = 0
for (const port of await portsOf()) {
  if (!port.name.includes(values.only)) continue
  const { name } = port
  const engine: Engine = {
    name,
    run: (request) => port.run(request),
    supports: (own) => port.can?.(own) !== false || 'not its',
  }
  const began = performance.now()
  const probed = await probe(engine, { ...bounds, seed, experiments, limitMs: 120_000 })
  const [when = 'never wrong'] = whenOf(probed)
  const { learnt } = probed
  const [named, spared] = learnt === undefined ? [0, 0] : await judged(engine, learnt.rule, probed.history)
  const isRight = named >= enough.wrong && spared >= enough.right
  right += Number(isRight)
  told++
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  process.stdout.write(
    `${isRight ? 'right' : 'WRONG'} ${name} (${seconds} s)\n  ${when}\n` +
      `  of fresh requests it names ${percent(named)} of those that are wrong, and spares ${percent(spared)} of those that are right\n`,
  )
}
process.stdout.write(`${right} of ${told} rules are right\n`)

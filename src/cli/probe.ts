import { join } from 'node:path'
import pc from 'picocolors'
import { isModelRequest, type RecurrentRequest } from '../format/case.ts'
import { recordOf } from '../format/case/write.ts'
import { logLine, ParityError } from '../format/errors.ts'
import { encodeFixture } from '../format/fixture/encode.ts'
import { fuzzedLayers } from '../oracle/fuzz/spec.ts'
import { chosenEngine, type EngineOptions } from '../ports/engine.ts'
import type { Host } from '../ports/host.ts'
import { type Experiment, probe, type Probed } from '../probe.ts'
import { drawOf } from '../probe/draw.ts'
import { caseOfSpec } from '../probe/experiment.ts'
import { ruleText } from '../probe/rule.ts'
import { renderProbed } from '../report/probe.ts'
import { fails } from '../verify/conduct.ts'
import { modulesOf } from './arguments.ts'
import { writeAside } from './files.ts'
import { onInterrupt } from './interrupt.ts'
import { namedCase } from './named.ts'
import { startProgress } from './progress.ts'
import { say } from './terminal.ts'

export interface ProbeCommand extends EngineOptions {
  readonly module: readonly string[]
  /** A fixture and a case of it, around which experiments are drawn. */
  readonly around?: string
  readonly case?: string
  readonly experiments: number
  readonly timeMs: number
  readonly seed: number
  readonly maxSize: number
  /** The folder for the smallest that is wrong and the largest that is right; absent when they are not written. */
  readonly save?: string
  /** Where every experiment is written as JSON. */
  readonly json?: string
  readonly timeoutMs: number
  readonly quiet: boolean
}

/** Learns by experiments when an engine is wrong. → the exit code */
export async function probeCommand(options: ProbeCommand): Promise<number> {
  const around = await aroundOf(options)
  const modules = around === undefined ? modulesOf(options.module, fuzzedLayers) : [around.module]
  const interruption = onInterrupt()
  const progress = await startProgress(options.quiet)
  let host: Host | undefined
  try {
    const { engine, ...chosen } = await chosenEngine(options, options.timeoutMs, interruption.signal)
    host = chosen.host
    const began = performance.now()
    progress.expect(options.experiments)
    const probed = await probe(engine, {
      modules,
      largest: options.maxSize,
      seed: options.seed,
      experiments: options.experiments,
      limitMs: options.timeMs,
      around: around && drawOf(around),
      signal: interruption.signal,
      take: () => host?.take() ?? [],
      onExperiment: ({ spec }) => progress.advance(() => spec.module),
      breathe: () => interruption.breathe(),
    })
    progress.stop()
    if (interruption.signal.aborted) process.stderr.write('interrupted: what was found until then follows\n')
    say(renderProbed(logLine(engine.name), probed, (performance.now() - began) / 1000, pc))
    if (options.save !== undefined) await save(options.save, probed, options.seed)
    if (options.json !== undefined) await writeAside(options.json, [`${JSON.stringify(asJson(engine.name, probed))}\n`])
    if (interruption.signal.aborted) return interruption.exitCode
    return exitCodeOf(probed)
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode
    throw error
  } finally {
    progress.stop()
    interruption.stop()
    await host?.close()
  }
}

function exitCodeOf({ experiments, conduct }: Probed): number {
  const has = (outcome: Experiment['outcome']): boolean => experiments.some((own) => own.outcome === outcome)
  if (has('wrong') || conduct.some((each) => fails(each))) return 1
  if (has('failed')) return 2
  if (has('right')) return 0
  throw new ParityError(
    'NOTHING_JUDGED',
    `expected at least one experiment to judge, got ${experiments.length} and none`,
  )
}

async function aroundOf({ around, case: id, module }: ProbeCommand): Promise<RecurrentRequest | undefined> {
  if (around === undefined && id === undefined) return undefined
  if (around === undefined || id === undefined) {
    throw new ParityError(
      'USAGE',
      `--around FILE --case ID: expected both, got ${around === undefined ? '--case' : '--around'} alone`,
    )
  }
  if (module.length > 0) throw new ParityError('USAGE', '--around: expected it without --module, got both')
  const recorded = await namedCase(around, id)
  if (!isModelRequest(recorded)) return recorded
  throw new ParityError('USAGE', `--around: expected a layer or a cell, got ${recorded.module}`)
}

const unasked = 'not asked'

/** What is expected in them is our own engine's, and they say so. */
async function save(folder: string, { smallestWrong, largestRight }: Probed, seed: number): Promise<void> {
  const producer = {
    torch: unasked,
    numpy: unasked,
    python: unasked,
    platform: process.platform,
    cpu_capability: unasked,
    num_threads: 1,
  }
  for (const [name, own] of Object.entries({ 'smallest-wrong': smallestWrong, 'largest-right': largestRight })) {
    if (own === undefined) continue
    const path = join(folder, `${name}.msgpack`)
    const header = { format: 'torch-parity', version: 1, name: `probe/${name}`, seed, producer } as const
    const source = 'torch-parity, its own engine in float64'
    await writeAside(path, [encodeFixture(header, [recordOf({ ...caseOfSpec(own.spec), source })])])
    say(`saved: ${logLine(path)}`)
  }
}

/** Every experiment, and what was learnt of them. */
function asJson(engine: string, { experiments, learnt, failing, places, conduct }: Probed): object {
  return {
    engine,
    ...(learnt && { wrong: { ...learnt, text: ruleText(learnt.rule) } }),
    ...(failing && { fails: { ...failing, text: ruleText(failing.rule) } }),
    where: places,
    conduct,
    experiments: experiments.map(({ spec, outcome, isRepeatable, error }) => ({
      spec,
      outcome,
      ...(isRepeatable !== undefined && { isRepeatable }),
      ...(error && { error: error.message }),
    })),
  }
}

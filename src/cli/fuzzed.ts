// What a run of `fuzz` says of itself in a file, and what part of the runs is made here.
import type { Fuzzed } from '../oracle/fuzz.ts'
import type { RayOptions, RecordSpec } from '../oracle.ts'
import type { FuzzResults } from '../report/fuzzed.ts'
import type { EngineOptions } from '../ports/engine.ts'
import { mostParts, type Part } from './shard.ts'
import { version } from './version.ts'

export interface FuzzCommand extends EngineOptions {
  /** What engines may do otherwise than a CPU, by name. */
  readonly target?: string
  readonly module: readonly string[]
  readonly runs: number
  readonly timeMs?: number
  readonly seed: number
  readonly maxSize: number
  readonly maxBatch: number
  readonly oracles: number
  /** The actors that record, in the place of as many processes. */
  readonly ray?: RayOptions | undefined
  /** The folder for what is found; absent when it is not written. */
  readonly save?: string
  /** One case to judge instead: a specification in JSON. */
  readonly case?: string
  readonly python?: string
  readonly timeoutMs: number
  readonly quiet: boolean
  /** The part of the runs that is made here, with draws of its own. */
  readonly shard?: Part
  readonly json?: string
}

/** Draws of a part: no two parts of a run, and no runs of other seeds, have one in common. */
export function seedOf({ seed, shard }: FuzzCommand): number {
  return shard === undefined ? seed : (seed + 1) * mostParts + shard.index
}

/** How many runs are made here. */
export function runsOf({ runs, shard }: FuzzCommand): number {
  if (shard === undefined || !Number.isFinite(runs)) return runs
  return Math.floor(runs / shard.of) + (shard.index <= runs % shard.of ? 1 : 0)
}

/** What is known of a run beside what it came to. */
interface About {
  readonly modules: readonly string[]
  readonly torch: string
  readonly engine: string
  readonly toRun: number
  readonly seconds: number
  readonly cause: string | undefined
  /** The command that judges the finding again. */
  readonly again: (spec: RecordSpec) => string
  readonly exitCode: number
}

/** What `--json` writes. */
export function resultsOf(fuzzed: Fuzzed, options: FuzzCommand, about: About): FuzzResults {
  const { runs, matched, undecided, unsupported, refused, lost, most, finding } = fuzzed
  const { seed, shard, maxSize, maxBatch, target } = options
  const { modules, torch, engine, toRun, seconds, cause, again, exitCode } = about
  const failed = finding?.outcome.kind === 'failed' ? finding.outcome.error.message : undefined
  return {
    format: 'torch-parity-fuzz',
    version: 1,
    engine,
    torch,
    asked: {
      version: version(),
      modules: modules.join(' '),
      maxSize,
      maxBatch,
      ...(target !== undefined && { target }),
    },
    seed,
    ...(shard !== undefined && { shard }),
    ...(Number.isFinite(toRun) && { toRun }),
    runs,
    matched,
    undecided,
    unsupported,
    refused,
    lost: lost.length,
    ...(most !== undefined && { most }),
    ...(finding !== undefined && {
      finding: {
        run: finding.run,
        drawn: finding.drawn,
        minimal: finding.minimal,
        ...(cause !== undefined && { cause }),
        ...(failed !== undefined && { failed }),
        again: again(finding.minimal),
      },
    }),
    seconds,
    exitCode,
  }
}

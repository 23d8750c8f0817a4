// Actors of a Ray cluster that record: what Python is told of them, and how long they may take.

export interface RayOptions {
  /** `local` for a cluster of one's own, which ends with what it is asked for; `auto`, HOST:PORT or ray://HOST:PORT. */
  readonly address: string
  /** How many record at a time; each takes one CPU. */
  readonly actors: number
  /** Ray's `runtime_env` in JSON: the environment that they run in. */
  readonly runtimeEnv?: string | undefined
}

/** Seconds until all actors are there: a machine may have to be started, or an environment to be installed. */
const startSeconds = 300
/** An actor is tried so often over one case. */
const attempts = 3

/** What `python -m torch_parity dump` is told of Ray. */
export function dumpArguments(ray: RayOptions): string[] {
  return ['--ray', ...common(ray)]
}

function common({ address, actors, runtimeEnv }: RayOptions): string[] {
  const environment = runtimeEnv === undefined ? [] : ['--runtime-env', runtimeEnv]
  return [address, '--actors', String(actors), '--start-timeout', String(startSeconds), ...environment]
}

interface Limits {
  readonly timeoutMs: number
  readonly startTimeoutMs: number
  readonly maxInFlight: number
  readonly ray: RayOptions | undefined
}

/** How an oracle is started, and what is expected of it: with Ray it is Python that sees to the time of one case. */
export function conduct({ timeoutMs, startTimeoutMs, maxInFlight, ray }: Limits): {
  readonly args: readonly string[]
  readonly answerMs: number
  readonly helloMs: number
  readonly inFlight: number
} {
  if (ray === undefined) {
    return { args: ['oracle'], answerMs: timeoutMs, helloMs: startTimeoutMs, inFlight: maxInFlight }
  }
  const startMs = startTimeoutMs + 1000 * startSeconds
  return {
    args: ['ray', '--timeout', String(timeoutMs / 1000), '--address', ...common(ray)],
    answerMs: attempts * (timeoutMs + startMs),
    helloMs: startMs,
    inFlight: maxInFlight * ray.actors,
  }
}

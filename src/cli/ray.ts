import { ParityError } from '../format/errors.ts'
import type { RayOptions } from '../oracle.ts'

/** What the commands that record are told of Ray. */
export interface RayFlags {
  ray?: string | undefined
  oracles?: number | undefined
  runtimeEnv?: string | undefined
}

/**
 * Of options: the actors that are to record; undefined where Ray is not asked for.
 * @throws ParityError USAGE where something is said of actors and there are none.
 */
export function rayOf({ ray, oracles, runtimeEnv }: RayFlags): RayOptions | undefined {
  if (ray !== undefined) return { address: ray, actors: oracles ?? 1, runtimeEnv }
  const flag = runtimeEnv === undefined ? '--oracles' : '--runtime-env'
  if (oracles === undefined && runtimeEnv === undefined) return undefined
  throw new ParityError('USAGE', `${flag}: expected --ray as well, got none`)
}

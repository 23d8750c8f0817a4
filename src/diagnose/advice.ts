import { gateAdvice } from './advice/gates.ts'
import { gradientAdvice } from './advice/gradients.ts'
import { layerAdvice } from './advice/layers.ts'
import { modelAdvice } from './advice/models.ts'
import { parameterAdvice } from './advice/parameters.ts'
import { searchedAdvice } from './advice/searched.ts'

/** What to change in a port that has a fault, and which part of torch's documentation says so. */
export interface Advice {
  /** As one would look it up; of models that torch does not have, the part of ours. */
  readonly term: string
  readonly change: string
}

const byName: Readonly<Record<string, Advice>> = {
  ...parameterAdvice,
  ...gateAdvice,
  ...layerAdvice,
  ...gradientAdvice,
  ...modelAdvice,
}

/** name: of a fault, or of a cause that has been searched. */
export function adviceOf(name: string): Advice | undefined {
  const everywhere = name.replace(/ in (layer \d+( forward| reverse)?|[a-z]+\.\d+) alone$/, '')
  if (Object.hasOwn(byName, everywhere)) return byName[everywhere]
  return searchedAdvice.find(([pattern]) => pattern.test(everywhere))?.[1]
}

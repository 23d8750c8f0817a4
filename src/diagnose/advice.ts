import type { Advice } from './advice/advice.ts'
import { gateAdvice } from './advice/gates.ts'
import { gradientAdvice } from './advice/gradients.ts'
import { layerAdvice } from './advice/layers.ts'
import { modelAdvice } from './advice/models.ts'
import { parameterAdvice } from './advice/parameters.ts'
import { searchedAdvice } from './advice/searched.ts'

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

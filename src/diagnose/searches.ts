import { isModelRequest, type Request } from '../format/case.ts'
import { among, type Fault, faults, inOneRun, isRecurrent } from '../faults.ts'
import { layerConfig, numDirections, suffix } from '../format/module.ts'
import { activationsOfOthers } from './searches/activations.ts'
import { axisOrders } from './searches/axes.ts'
import { faultsOfLayers } from './searches/models.ts'
import { gateLayouts, gateOrders } from './searches/gates.ts'
import { onlyIn } from './searches/part.ts'
import { precisions } from './searches/precisions.ts'

/** Every cause that belongs to a family; what the catalogue has by the same name has been tried before. */
const inFamilies: readonly Fault[] = [
  ...gateOrders,
  ...gateLayouts,
  ...precisions,
  ...activationsOfOthers,
  ...axisOrders,
].map((fault) => among(inOneRun(fault), isRecurrent))

const known = new Set(faults.map(({ name }) => name))
const families = inFamilies.filter(({ name }) => !known.has(name))

/**
 * Causes that are not in the catalogue but near to it, for a request: other orders of gates and axes, precisions, activations, and
 * faults of parameters in one layer and direction alone.
 */
export function searched(request: Request, ofParameters: readonly Fault[]): readonly Fault[] {
  if (isModelRequest(request)) {
    const ofLayers = faultsOfLayers(request).map((fault) => among(fault, isModelRequest))
    return ofLayers.filter((fault) => fault.appliesTo(request))
  }
  const found = families.filter((fault) => fault.appliesTo(request))
  const config = layerConfig(request.config)
  const D = config === undefined ? 1 : numDirections(config)
  const states = (config?.num_layers ?? 1) * D
  if (states === 1) return found
  for (let state = 0; state < states; state++) {
    const own = suffix(Math.floor(state / D), state % D)
    const direction = D === 1 ? '' : state % D === 0 ? ' forward' : ' reverse'
    for (const fault of ofParameters) found.push(onlyIn(fault, own, `layer ${Math.floor(state / D)}${direction}`))
  }
  return found
}

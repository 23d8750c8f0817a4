import { isModelRequest, type RecurrentRequest, type Request } from './format/case.ts'
import { type Fault, faulted, type Run } from './faults/fault.ts'
import { gateFaults } from './faults/gates.ts'
import { gradientFaults } from './faults/gradients.ts'
import { layerFaults } from './faults/layers.ts'
import { modelFaults } from './faults/models.ts'
import { parameterFaults } from './faults/parameters.ts'

/** A fault that is about some requests, as one about all. */
export function among<R extends Request>(fault: Fault<R>, is: (request: Request) => request is R): Fault {
  return {
    ...fault,
    appliesTo: (request) => is(request) && fault.appliesTo(request),
    plant: (right) => {
      const wrong = fault.plant(right)
      return (request, departures) => (is(request) ? wrong(request, departures) : right(request, departures))
    },
  }
}

export const isRecurrent = (request: Request): request is RecurrentRequest => !isModelRequest(request)

/** A training is planted with the faults that are about it: every other one shows more clearly in a single run. */
export function inOneRun(fault: Fault<RecurrentRequest>): Fault<RecurrentRequest> {
  return { ...fault, appliesTo: (request) => request.training === undefined && fault.appliesTo(request) }
}

const runFaults = [...parameterFaults, ...gateFaults, ...layerFaults].map(inOneRun)

/** Every known fault. Source: public issues of ports; FACTS and DESIGN name most of them. */
export const faults: readonly Fault[] = [
  ...[...runFaults, ...gradientFaults].map((fault) => among(fault, isRecurrent)),
  ...modelFaults.map((fault) => among(fault, isModelRequest)),
]

export { type Fault, faulted, type Run }

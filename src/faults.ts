import { type Fault, faulted, type Run } from './faults/fault.ts'
import { gateFaults } from './faults/gates.ts'
import { gradientFaults } from './faults/gradients.ts'
import { layerFaults } from './faults/layers.ts'
import { parameterFaults } from './faults/parameters.ts'

/** A training is planted with the faults that are about it: every other one shows more clearly in a single run. */
const runFaults = [...parameterFaults, ...gateFaults, ...layerFaults].map((fault): Fault => ({
  ...fault,
  appliesTo: (request) => request.training === undefined && fault.appliesTo(request),
}))

/** Every known fault. Source: public issues of ports; FACTS and DESIGN name most of them. */
export const faults: readonly Fault[] = [...runFaults, ...gradientFaults]
export { type Fault, faulted, type Run }

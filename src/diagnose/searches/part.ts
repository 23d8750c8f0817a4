import type { Outputs } from '../../format/case.ts'
import type { Fault } from '../../faults.ts'

/** A fault in how parameters are read, in one layer and direction alone. */
export function onlyIn(fault: Fault, own: string, where: string): Fault {
  return {
    ...fault,
    name: `${fault.name} in ${where} alone`,
    sentence: `${fault.sentence}, in ${where} alone`,
    plant: (right) => (request, departures) => {
      let inner: Outputs = {}
      const wrong = fault.plant((asked, others) => {
        const params = Object.fromEntries(
          Object.entries(request.params).map(([name, tensor]) => [
            name,
            name.endsWith(own) ? asked.params[name]! : tensor,
          ]),
        )
        return (inner = right({ ...asked, params }, others))
      })
      const outputs = wrong(request, departures)
      return Object.fromEntries(
        Object.entries(inner).map(([name, tensor]) => [name, name.endsWith(own) ? outputs[name]! : tensor]),
      )
    },
  }
}

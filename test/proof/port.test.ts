import { beforeAll, describe, expect, it } from 'vitest'
import type { RecurrentRequest } from '../../src/case.ts'
import { faults } from '../../src/faults.ts'
import { type FloatTensor, floatTensor } from '../../src/tensor.ts'
import { random } from '../random.ts'
import { isSeen } from './attempt.ts'
import { applies, type Bug, bugNames, bugs } from './bugs.ts'
import { readCases, type Recorded } from './cases.ts'
import { runPort } from './port.ts'

let recorded: readonly Recorded[]

beforeAll(async () => {
  recorded = await readCases('fixtures')
})

const isEquivalent = (bug: Bug): boolean => 'equivalent' in bugs[bug]

describe('a port without bugs', () => {
  it('computes what PyTorch computes, in every case of a recurrent module', () => {
    const wrong = recorded.filter(({ case: own }) => isSeen(own, runPort(own, { bugs: [] })))
    expect(wrong.map(({ file, case: { id } }) => `${file}#${id}`)).toEqual([])
    expect(recorded.length).toBeGreaterThan(1000)
  })
})

describe('a port with', () => {
  it.each(bugNames.filter((bug) => !isEquivalent(bug)))('%s is seen', (bug) => {
    const seen = recorded.some(({ case: own }) => applies(bug, own) && isSeen(own, runPort(own, { bugs: [bug] })))
    expect(seen).toBe(true)
  })

  it.each(bugNames.filter(isEquivalent))('%s is not seen in any case', (bug) => {
    const about = recorded.filter(({ case: own }) => applies(bug, own))
    expect(about.length).toBeGreaterThan(100)
    expect(about.some(({ case: own }) => isSeen(own, runPort(own, { bugs: [bug] })))).toBe(false)
  })

  it('every fault of the catalogue can be made, and no other', () => {
    const recurrent = faults.filter((fault) => recorded.some(({ case: own }) => fault.appliesTo(own)))
    expect(bugNames.toSorted()).toEqual(recurrent.map(({ name }) => name).toSorted())
  })
})

type Tensors = Readonly<Record<string, FloatTensor>>

function moved(tensors: Tensors, directions: Readonly<Record<string, readonly number[]>>, by: number): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
      name,
      floatTensor(
        dtype,
        shape,
        Array.from(data, (x, i) => x + by * (directions[name]?.[i] ?? 0)),
      ),
    ]),
  )
}

/** A request with everything that has a gradient moved. */
function movedRequest(request: RecurrentRequest, directions: Record<string, number[]>, by: number): RecurrentRequest {
  const params = moved(request.params, directions, by)
  const { input, h_0, c_0 } = request.inputs
  const states = { ...(h_0 && { h_0 }), ...(c_0 && { c_0 }) }
  return { ...request, params, inputs: { ...request.inputs, ...moved({ input, ...states }, directions, by) } }
}

/** The loss whose gradients are asked for. */
function lossOf(request: RecurrentRequest, bug: Bug): number {
  const outputs = runPort(request, { bugs: [bug] })
  let loss = 0
  for (const [name, { data }] of Object.entries(request.cotangents!)) {
    for (const [i, x] of data.entries()) loss += x * outputs[name]!.data[i]!
  }
  return loss
}

const isOfOutputsOnly = (bug: Bug): boolean => /batch_first|carried|Adam|nesterov|momentum|weight_decay/.test(bug)
const isOfBackward = (bug: Bug): boolean => /gradient|cotangent|1 − h²/.test(bug)
/** Rounding has no slope, and a wrong number is what it is: the gradient is that by what was read. */
const isOfReading = (bug: Bug): boolean => bugs[bug].place === 'reading'

describe('the gradients of a port with', () => {
  const ofForward = bugNames.filter((bug) => !isOfBackward(bug) && !isOfReading(bug) && !isOfOutputsOnly(bug))
  it.each(ofForward)('%s are those of what it computes', (bug) => {
    const about = recorded.filter(
      ({ case: own }) => own.dtype === 'float64' && own.cotangents !== undefined && applies(bug, own),
    )
    expect(about.length).toBeGreaterThan(0)
    for (const { case: own } of about.slice(0, 5)) {
      const numbers = random(1)
      const gradients = runPort(own, { bugs: [bug] })
      const directions: Record<string, number[]> = {}
      let slope = 0
      for (const [name, { data }] of Object.entries(gradients).filter(([name]) => name.startsWith('grad_'))) {
        const direction = Array.from(data, () => numbers.around(1))
        directions[name.slice('grad_'.length)] = direction
        slope += direction.reduce((sum, x, i) => sum + x * data[i]!, 0)
      }
      const step = 1e-6
      const [more, less] = [step, -step].map((by) => lossOf(movedRequest(own, directions, by), bug))
      expect(Math.abs((more! - less!) / (2 * step) - slope)).toBeLessThan(1e-6 * (1 + Math.abs(slope)))
    }
  })
})

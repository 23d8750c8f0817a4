import { beforeAll, describe, expect, it } from 'vitest'
import type { Request } from '../../src/format/case.ts'
import { faults } from '../../src/edits/faults.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
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
  it('computes what PyTorch computes, in every case', () => {
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
    expect(bugNames.toSorted()).toEqual(faults.map(({ name }) => name).toSorted())
  })
})

type Tensors = Readonly<Record<string, FloatTensor>>

function moved(tensors: Tensors, directions: Readonly<Record<string, readonly number[]>>, by: number): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      floatTensor(
        'float64',
        shape,
        Array.from(data, (x, i) => x + by * (directions[name]?.[i] ?? 0)),
      ),
    ]),
  )
}

/** The tensors that have a gradient. */
function leavesOf({ params, inputs }: Request): Tensors {
  const { input } = inputs
  const states =
    'h_0' in inputs ? { ...(inputs.h_0 && { h_0: inputs.h_0 }), ...(inputs.c_0 && { c_0: inputs.c_0 }) } : {}
  return { ...params, ...(input && { input: input as FloatTensor }), ...(states as Tensors) }
}

/** The same request in float64, with everything that has a gradient moved. */
function movedRequest(request: Request, directions: Record<string, number[]>, by: number): Request {
  const leaves = moved(leavesOf(request), directions, by)
  const params = Object.fromEntries(Object.keys(request.params).map((name) => [name, leaves[name]!]))
  const inputs = Object.fromEntries(
    Object.entries(request.inputs).map(([name, tensor]) => [name, leaves[name] ?? tensor]),
  )
  // The same request with other numbers; TypeScript cannot follow that.
  return { ...request, dtype: 'float64', params, inputs } as Request
}

/** The loss whose gradients are asked for. */
function lossOf(request: Request, bug: Bug): number {
  const outputs = runPort(request, { bugs: [bug] })
  let loss = 0
  for (const [name, { data }] of Object.entries(request.cotangents!)) {
    for (const [i, x] of data.entries()) loss += x * outputs[name]!.data[i]!
  }
  return loss
}

const isOfOutputsOnly = (bug: Bug): boolean =>
  /batch_first|carried|Adam|nesterov|momentum|weight_decay|end symbol/.test(bug)
const isOfBackward = (bug: Bug): boolean => /gradient|cotangent|1 − h²/.test(bug)
/** Rounding has no slope, and a wrong number is what it is: the gradient is that by what was read. */
const isOfReading = (bug: Bug): boolean => bugs[bug].place === 'reading'

describe('the gradients of a port with', () => {
  const ofForward = bugNames.filter((bug) => !isOfBackward(bug) && !isOfReading(bug) && !isOfOutputsOnly(bug))
  it.each(ofForward)('%s are those of what it computes', (bug) => {
    const about = recorded.filter(({ case: own }) => own.cotangents !== undefined && applies(bug, own))
    expect(about.length).toBeGreaterThan(0)
    for (const { case: own } of about.slice(0, 5)) {
      const numbers = random(1)
      const gradients = runPort(movedRequest(own, {}, 0), { bugs: [bug] })
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

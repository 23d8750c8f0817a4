// What PyTorch computes, spelled out: the program of every module and model, and what it gives.
import { isExported, isModelRequest, type ModelRequest, type Request } from './format/case.ts'
import { computed, exportedProgram, givenTo, inputName } from './program/exported.ts'
import { type Given, interpret, type Numbers, type Options } from './program/interpret.ts'
import { recurrentProgram } from './program/layers.ts'
import { encoderDecoder } from './program/models/encoder-decoder.ts'
import { languageModel } from './program/models/language-model.ts'
import { manyToMany } from './program/models/many-to-many.ts'
import { manyToOne } from './program/models/many-to-one.ts'
import { oneToMany } from './program/models/one-to-many.ts'
import type { Program } from './program/operation.ts'
import type { Seen } from './program/scope.ts'
import type { FloatTensor } from './format/tensor.ts'
import { type Stepped, train, trainingProgram } from './program/training.ts'

/** The program of what a request asks for. It depends on the module, its arguments and the shapes of what goes in, not on numbers. */
export function programOf(request: Request): Program {
  if (isModelRequest(request)) return modelProgram(request)
  return request.training === undefined ? recurrentProgram(request) : trainingProgram(request, request.training)
}

function modelProgram(request: ModelRequest): Program {
  switch (request.module) {
    case 'ExportedProgram':
      return exportedProgram(request)
    case 'ManyToMany':
      return manyToMany(request)
    case 'ManyToOne':
      return manyToOne(request)
    case 'OneToMany':
      return oneToMany(request)
    case 'LanguageModel':
      return languageModel(request)
    default:
      return encoderDecoder(request)
  }
}

/**
 * What a request asks for, by torch's names, in float64.
 * program: its own, or one that is made of it. whole: computes layers that are torch's own. seen, stepped: are told of every value
 * and of every step of a training.
 */
export function runProgram(
  request: Request,
  program: Program = programOf(request),
  { whole, seen, known, stepped }: Pick<Options, 'whole' | 'seen' | 'known'> & { readonly stepped?: Stepped } = {},
): Numbers {
  const { params, inputs, cotangents, training } = request
  if (training !== undefined) return train(request, training, program, { seen, stepped })
  const compute = (told?: Seen): ReturnType<typeof interpret> =>
    interpret(program, givenOf(request), { gradients: cotangents !== undefined, whole, seen: told, known })
  const { outputs, backward } = isExported(request) ? computed(program, seen, compute) : compute(seen)
  const numbers: Record<string, Float64Array> = Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, data]),
  )
  if (cotangents === undefined) return numbers
  const by = throughOwn(program.cotangents, cotangents)
  const gradients = backward(
    Object.fromEntries(Object.entries(by).map(([name, { data }]) => [name, data as Float64Array])),
  )
  if (isExported(request)) {
    for (const { name, value } of request.config.gradients ?? []) {
      const [own, { data }] =
        'param' in value
          ? [value.param, request.params[value.param]!]
          : [inputName(value.input), request.inputs[value.input]!]
      numbers[name] = gradients[own] ?? new Float64Array(data.length)
    }
    return numbers
  }
  const add = (name: string, { data }: { readonly data: ArrayLike<number> }): void => {
    // What a program does not read has a gradient, too.
    numbers[`grad_${name}`] = gradients[name] ?? new Float64Array(data.length)
  }
  for (const [name, tensor] of Object.entries(inputs)) if (differentiated.has(name)) add(name, tensor as FloatTensor)
  for (const [name, tensor] of Object.entries(params)) add(name, tensor)
  if (program.gradients !== undefined) {
    const shapes: Readonly<Record<string, { readonly shape: readonly number[] }>> = { ...inputs, ...params }
    const given = Object.entries(numbers).flatMap(([name, data]) => {
      const shape = shapes[name.replace(/^grad_/, '')]?.shape
      return name.startsWith('grad_') && shape !== undefined ? [[name, { shape, data }] as const] : []
    })
    for (const [name, { data }] of Object.entries(throughOwn(program.gradients, Object.fromEntries(given)))) {
      numbers[name] = data as Float64Array
    }
  }
  return numbers
}

/** What goes into the program of a request, by the names that it reads. */
export function givenOf(request: Request): Given {
  return isExported(request) ? givenTo(request) : { ...request.params, ...request.inputs }
}

function throughOwn(program: Program | undefined, given: Given): Given {
  return program === undefined ? given : { ...given, ...interpret(program, given, { gradients: false }).outputs }
}

/** The inputs by which torch gives gradients. */
export const differentiated: ReadonlySet<string> = new Set(['input', 'h_0', 'c_0'])

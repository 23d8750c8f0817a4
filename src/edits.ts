// Ways to be other than PyTorch, as a language: operator × operand × scope on the program of a module or model.
import { type ExportedRequest, expectedAxes, isExported, type Outputs, type Request } from './format/case.ts'
import { type Context, contextOf } from './edits/context.ts'
import type { Edit } from './edits/edit.ts'
import { isSuch } from './edits/given.ts'
import { operators } from './edits/operators.ts'
import { forPart, partsWith } from './edits/parts.ts'
import { type Engine, rounded, run } from './engine/run.ts'
import { sizes } from './format/module.ts'
import { elementCount } from './format/tensor.ts'
import { runProgram } from './program.ts'
import type { Numbers } from './program/interpret.ts'
import type { Program } from './program/operation.ts'

/** What a port that has some edits asks itself, and the program by which it answers. */
interface Edited {
  readonly request: Request
  readonly program: Program
  /** Whether an edit has something to change there. */
  readonly isEdited: boolean
}

/** contextOf: of what is asked; one for each request is enough. */
export function edited(all: readonly Edit[], asked: Request, context?: Context): Edited {
  const edits = all.filter(({ given }) => isSuch(asked, given))
  let request = asked
  for (const edit of edits) request = askedInstead(edit, request)
  const own = request === asked ? (context ?? contextOf(asked)) : contextOfAsked(request)
  let { program } = own
  for (const edit of edits) program = operators[edit.operator]!.edit?.(edit, own, program) ?? program
  return { request, program, isEdited: request !== asked || program !== own.program || !isInside(edits) }
}

/** A program with more edits; undefined where one of them is about more than the program, or has nothing to change. */
export function editedFurther(program: Program, edits: readonly Edit[], context: Context): Program | undefined {
  let own = program
  for (const edit of edits) {
    const operator = operators[edit.operator]!
    if (operator.ask !== undefined || operator.around !== undefined) return undefined
    own = operator.edit?.(edit, context, own) ?? own
  }
  return own === program ? undefined : own
}

const instead = new WeakMap<Request, Map<string, Request>>()
const contexts = new WeakMap<Request, Context>()

/** What a port asks itself that has an edit: the same for the same edit, so that its context is made once. */
function askedInstead(edit: Edit, request: Request): Request {
  const operator = operators[edit.operator]!
  if (operator.ask === undefined) return request
  let own = instead.get(request)
  if (own === undefined) instead.set(request, (own = new Map()))
  const key = JSON.stringify([edit.operator, edit.operand, edit.value])
  let made = own.get(key)
  if (made === undefined) own.set(key, (made = operator.ask(edit, request) ?? request))
  return made
}

function contextOfAsked(request: Request): Context {
  let own = contexts.get(request)
  if (own === undefined) contexts.set(request, (own = contextOf(request)))
  return own
}

/** The engine of a port that has these edits and is right otherwise: float64 throughout, outputs in the request's dtype. */
export function engineOf(edits: readonly Edit[]): Engine {
  return { name: 'edited', run: (request) => runEdited(edits, request) }
}

export function runEdited(all: readonly Edit[], asked: Request, context?: Context): Outputs {
  const such = all.filter(({ given }) => isSuch(asked, given))
  if (isExported(asked) && asked.config.part === undefined && such.some(({ at }) => at !== undefined)) {
    return asAsked(asked, runByParts(such, asked))
  }
  const edits = such.some(({ at }) => at !== undefined) ? forPart(such, asked) : such
  const around = edits.filter(({ operator }) => operators[operator]!.around !== undefined)
  const inside = edits.filter((edit) => !around.includes(edit))
  const runInside = (request: Request): Outputs => {
    if (inside.length === 0) return run(request)
    const made = edited(inside, request, request === asked ? context : undefined)
    return asAsked(request, runProgram(made.request, made.program))
  }
  return around.reduce((own, edit) => operators[edit.operator]!.around!(edit, own) ?? own, runInside)(asked)
}

/** A captured model tap after tap, each by its own program with the edits that it has. */
function runByParts(edits: readonly Edit[], asked: ExportedRequest): Numbers {
  const numbers: Record<string, ArrayLike<number>> = {}
  for (const part of partsWith(edits, asked)) {
    const request = part.request(numbers)
    if (request === undefined) Object.assign(numbers, part.given)
    else {
      const { request: own, program } = edited(part.edits, request)
      Object.assign(numbers, runProgram(own, program))
    }
  }
  return numbers as Numbers
}

/** Whether edits are all in the program, so that what it computes on the way says something. */
export function isInside(edits: readonly Edit[]): boolean {
  return edits.every(({ operator }) => operators[operator]!.around === undefined)
}

/** A port that took the request for another has other shapes: the numbers as they lie, again from the first where they are too few. */
function asMany(asked: Request, numbers: Numbers): Numbers {
  const counts = Object.entries(expectedAxes(asked)).map(([name, axes]) => [name, elementCount(sizes(axes))] as const)
  const others = counts.filter(([name, count]) => {
    const given = numbers[name]?.length ?? count
    return given !== count && given > 0
  })
  if (others.length === 0) return numbers
  const made = others.map(([name, count]) => {
    const own = numbers[name]!
    return [name, Float64Array.from({ length: count }, (_, i) => own[i % own.length]!)]
  })
  return { ...numbers, ...(Object.fromEntries(made) as Numbers) }
}

/** In the shapes that were asked for, whatever the port took the request for. */
export function asAsked(asked: Request, numbers: Numbers): Outputs {
  const { cotangents, inputs, params } = asked
  if (cotangents === undefined) return rounded(asked, asMany(asked, numbers))
  // By what such a port does not read it has no gradient.
  const all: Record<string, Float64Array> = { ...numbers }
  for (const [name, tensor] of Object.entries({ ...inputs, ...params })) {
    all[`grad_${name}`] ??= new Float64Array((tensor as { readonly data: ArrayLike<number> }).data.length)
  }
  return rounded(asked, all)
}

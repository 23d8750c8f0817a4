import type { Activation, Attributes, Id, Op, Operation, Program, Site } from './operation.ts'

/** Values under way in a loop, by the names of their states. */
export type Ids = Readonly<Record<string, Id>>

interface LoopOptions<S extends Ids> {
  readonly steps: number
  readonly reverse?: boolean
  readonly lengths?: Id | undefined
  /** What each state is before the first step. */
  readonly states: S
}

/** What a body gives: each state after the step, and what is to be stacked over all steps. */
interface Body<S extends Ids, O extends Ids> {
  readonly next: { readonly [K in keyof S]: Id }
  readonly outputs: O
}

type Unary = (x: Id) => Id
type Binary = (x: Id, y: Id) => Id

/** Writes operations down one after the other, each under the site that is set at the time. */
export interface Writer {
  readonly write: <O extends Op>(op: O, operands: readonly Id[], attributes: Attributes[O]) => Id
  /** Under this site, beside what is set already. */
  readonly at: <T>(site: Site, body: () => T) => T
  readonly parameter: (name: string) => Id
  /** requires_grad: whether gradients by it are asked for; by symbols, lengths and masks there are none. */
  readonly input: (name: string, options?: { readonly requires_grad: boolean }) => Id
  readonly full: (shape: readonly number[], value: number) => Id
  readonly full_like: (x: Id, value: number) => Id
  readonly arange: (end: number) => Id
  readonly linear: (x: Id, weight: Id) => Id
  readonly add: Binary
  readonly sub: Binary
  readonly mul: Binary
  readonly div: Binary
  readonly where: (condition: Id, x: Id, y: Id) => Id
  readonly activation: (name: Activation, x: Id) => Id
  readonly sigmoid: Unary
  readonly tanh: Unary
  readonly reshape: (x: Id, shape: readonly number[]) => Id
  readonly transpose: (x: Id, dim0: number, dim1: number) => Id
  readonly select: (x: Id, dim: number, index: number) => Id
  readonly narrow: (x: Id, dim: number, start: number, length: number) => Id
  readonly chunk: (x: Id, chunks: number, dim: number, index: number) => Id
  readonly cat: (parts: readonly Id[], dim: number) => Id
  readonly stack: (parts: readonly Id[], dim: number) => Id
  readonly sum: (x: Id, dim?: number) => Id
  /** In the body of a loop: a sequence at the step that it is at. */
  readonly step: Unary
  /** → each state after the last step, and the outputs of all steps. */
  readonly loop: <S extends Ids, O extends Ids>(
    options: LoopOptions<S>,
    body: (states: { readonly [K in keyof S]: Id }) => Body<S, O>,
  ) => { readonly last: { readonly [K in keyof S]: Id }; readonly stacked: { readonly [K in keyof O]: Id } }
}

/** The program that is written down, whose outputs are what is given back, by name. */
export function program(body: (writer: Writer) => Ids): Program {
  let operations: Operation[] = []
  let site: Site = {}
  let count = 0

  const write: Writer['write'] = (op, operands, attributes) => {
    const id = `${op}${++count}`
    operations.push({ id, op, operands, attributes, site } as Operation)
    return id
  }
  const writer: Writer = {
    write,
    at(more, body) {
      const before = site
      site = { ...site, ...more }
      const given = body()
      site = before
      return given
    },
    parameter: (name) => write('parameter', [], { name }),
    input: (name, { requires_grad } = { requires_grad: true }) => write('input', [], { name, requires_grad }),
    full: (shape, value) => write('full', [], { shape, value }),
    full_like: (x, value) => write('full_like', [x], { value }),
    arange: (end) => write('arange', [], { end }),
    linear: (x, weight) => write('linear', [x, weight], {}),
    add: (x, y) => write('add', [x, y], {}),
    sub: (x, y) => write('sub', [x, y], {}),
    mul: (x, y) => write('mul', [x, y], {}),
    div: (x, y) => write('div', [x, y], {}),
    where: (condition, x, y) => write('where', [condition, x, y], {}),
    activation: (name, x) => write('activation', [x], { function: name }),
    sigmoid: (x) => write('activation', [x], { function: 'sigmoid' }),
    tanh: (x) => write('activation', [x], { function: 'tanh' }),
    reshape: (x, shape) => write('reshape', [x], { shape }),
    transpose: (x, dim0, dim1) => write('transpose', [x], { dim0, dim1 }),
    select: (x, dim, index) => write('select', [x], { dim, index }),
    narrow: (x, dim, start, length) => write('narrow', [x], { dim, start, length }),
    chunk: (x, chunks, dim, index) => write('chunk', [x], { dim, chunks, index }),
    cat: (parts, dim) => write('cat', parts, { dim }),
    stack: (parts, dim) => write('stack', parts, { dim }),
    sum: (x, dim) => write('sum', [x], dim === undefined ? {} : { dim }),
    step: (sequence) => write('step', [sequence], {}),
    loop({ steps, reverse = false, lengths, states }, body) {
      const outer = operations
      operations = []
      // Each under the name that it has as a state.
      const inside = each(states, (initial, name) => writer.at({ tensor: name }, () => write('state', [initial], {})))
      const { next, outputs } = body(inside)
      const written = operations
      operations = outer
      const byState = Object.fromEntries(Object.entries(inside).map(([name, id]) => [id, next[name]!]))
      const loop = write('loop', lengths === undefined ? [] : [lengths], {
        steps,
        reverse,
        body: written,
        next: byState,
      })
      return {
        last: each(inside, (state, name) => writer.at({ tensor: name }, () => write('last', [loop], { state }))),
        stacked: each(outputs, (of, name) => writer.at({ tensor: name }, () => write('stacked', [loop], { of }))),
      }
    },
  }
  const outputs = body(writer)
  return { operations, outputs }
}

function each<K extends Ids>(ids: K, make: (id: Id, name: string) => Id): { readonly [N in keyof K]: Id } {
  return Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, make(id, name)])) as { [N in keyof K]: Id }
}

// What is handed on to the next step: zeros, or something rounded, cut off or scaled.
import type { Operation, Program } from '../../program/operation.ts'
import { editLoops, handingOn, loopsOf, placesOf } from './loop.ts'
import type { Operator } from './operator.ts'

const intervals = [1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100, 128, 256]

/** Zeros, or the state of before the first step, taken on every n steps. value: [n, what] */
export const reset: Operator = {
  *candidates(context) {
    const most = Math.max(0, ...loopsOf(context).map(({ attributes: { steps } }) => steps))
    for (const n of intervals) {
      if (n >= most) continue
      for (const what of n === 1 ? ['h', 'c', 'all'] : ['all'])
        yield { operator: 'reset', operand: { op: 'loop' }, value: [n, what] }
    }
  },
  edit: (edit, context, program) =>
    editLoops(edit, context, program, (loop) => {
      const [n, what] = edit.value as [number, string]
      return handingOn(
        loop,
        'reset',
        (s, steps) => Number((s + 1) % n === 0 && s + 1 < steps),
        (state, write) =>
          write({
            id: `${state.id}.zeros`,
            op: 'full_like',
            operands: [state.id],
            attributes: { value: 0 },
            site: state.site,
          }),
        ({ site }) => what === 'all' || site.tensor === what,
      )
    }),
  says({ value }) {
    const [n, what] = value as [number, string]
    const states = what === 'all' ? 'the state' : what
    return n === 1 ? `forgets ${states} between steps` : `resets the state to zeros every ${n} steps`
  },
}

/** What is handed on to the next step is rounded, cut off, … while what is put out is not. value: what, how, which state */
export const carried: Operator = {
  *candidates({ request, nodes }) {
    const states = nodes.some(({ operand: { op, tensor } }) => op === 'state' && tensor === 'c')
      ? ['h', 'c', 'all']
      : ['h']
    const dtypes = ['float16', 'bfloat16', 'int8'].filter((dtype) => dtype !== request.dtype)
    for (const state of states) {
      for (const dtype of dtypes) {
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['round', dtype, state, 'and at last'] }
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['round', dtype, state] }
      }
      for (const limit of [0.5, 1, 2, 3, 5, 10])
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['clip', limit, state] }
      for (const by of [0.5, 0.9, 0.99, -1])
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['scale', by, state] }
    }
  },
  edit(edit, context, program) {
    const [how, by, which, last] = edit.value as [string, string | number, string, string?]
    // A cell has one step, after which its states are handed on.
    if (last !== undefined && 'h_1' in program.outputs) return carriedOut(program, how, by, which)
    return editLoops(edit, context, program, (loop) => {
      const { next } = loop.attributes
      return handingOn(
        loop,
        'carried',
        (s, steps) => Number(s < steps - 1 || last !== undefined),
        (state, write) => {
          const id = `${state.id}.as carried`
          const { site } = state
          const operands = [next[state.id]!]
          if (how === 'round') return write({ id, op: 'round', operands, attributes: { dtype: by as 'float16' }, site })
          if (how === 'clip')
            return write({ id, op: 'clamp', operands, attributes: { min: -(by as number), max: by as number }, site })
          const factor = write({
            id: `${id}.by`,
            op: 'full',
            operands: [],
            attributes: { shape: [], value: by as number },
            site,
          })
          return write({ id, op: 'mul', operands: [...operands, factor], attributes: {}, site })
        },
        ({ site }) => which === 'all' || site.tensor === which,
      )
    })
  },
  says({ value }) {
    const [how, by, which] = value as [string, string | number, string]
    const what = which === 'all' ? 'the states' : which
    if (how === 'round') return `rounds ${what} to ${by} between steps`
    return how === 'clip' ? `cuts ${what} off at ±${by} between steps` : `multiplies ${what} by ${by} between steps`
  },
}

function carriedOut(program: Program, how: string, by: string | number, which: string): Program | undefined {
  if (how !== 'round') return undefined
  const states = ['h_1', 'c_1'].filter((name) => name in program.outputs && (which === 'all' || name.startsWith(which)))
  const rounded = states.map((name): Operation => {
    const operands = [program.outputs[name]!]
    return { id: `${name}.as carried`, op: 'round', operands, attributes: { dtype: by as 'float16' }, site: {} }
  })
  const outputs = Object.fromEntries(states.map((name) => [name, `${name}.as carried`]))
  return { ...program, operations: [...program.operations, ...rounded], outputs: { ...program.outputs, ...outputs } }
}

/** A decoder or a writer that forgets between steps: of a part alone. value: which state */
export const forget: Operator = {
  *candidates(context) {
    for (const operand of placesOf(context)) {
      if (operand.part === undefined) continue
      for (const which of ['c', 'h', 'all']) yield { operator: 'forget', operand, value: which }
    }
  },
  edit: (edit, context, program) => reset.edit!({ ...edit, value: [1, edit.value!] }, context, program),
  says: ({ value, operand }) =>
    `forgets ${value === 'all' ? 'the state' : (value as string)} of the ${operand.part} between steps`,
}

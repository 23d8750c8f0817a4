import type { BuiltRequest } from '../../src/format/case.ts'
import { type FloatTensor } from '../../src/format/tensor.ts'
import type { Has } from './cells.ts'
import { times } from './layers.ts'
import { type Named, type Row, runRow, softmax } from './models.ts'
import { joined, newTape, type Numbers, sumOf, type Tape, type Vector } from './tape.ts'

/** Named numbers and the shape that they have. */
export type Shaped = Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>

/** Runs a model row by row, and back where gradients are asked for. */
export function runModel(request: BuiltRequest, has: Has, arithmetic: 'float32' | 'float64'): Shaped {
  const { inputs, cotangents } = request
  const tape = newTape(arithmetic, cotangents !== undefined)
  const parameters = Object.fromEntries(
    Object.entries(request.params).map(([name, { data }]) => [name, tape.vector(data)]),
  )
  const { seq_len, batch } = extentOf(request)
  const input = inputs.input && vectorsOf(tape, inputs.input)
  const rows = times(batch, (at): Row => {
    const symbols = (name: 'source' | 'target'): number[] =>
      Array.from(inputs[name]?.data ?? [], Number).filter((_, i) => i % batch === at)
    return {
      tape,
      has,
      parameters,
      input: input?.filter((_, i) => i % batch === at) ?? [],
      source: symbols('source'),
      target: inputs.target && symbols('target'),
      seq_len,
      length: Number(inputs.lengths?.data[at] ?? seq_len),
    }
  })
  const named = rows.map((row) => runRow(request, row))
  const shaped: Shaped = Object.fromEntries(
    Object.keys(named[0]!).map((name) => {
      const vectors = named.map((each) => each[name]!)
      return [
        name,
        name === 'symbols'
          ? { shape: stacked(vectors).shape.slice(0, 2), values: stacked(vectors).values }
          : stacked(vectors),
      ]
    }),
  )
  if ('symbols' in shaped) return shaped
  const loss = classify(tape, has, request, rows, named, shaped)
  if (cotangents === undefined || loss === undefined) return shaped
  loss.grad[0] = cotangents['loss']!.data[0]!
  tape.backward()
  const leaves: Record<string, { shape: readonly number[]; grad: readonly Numbers[] }> = {
    ...(input && inputs.input && { input: { shape: inputs.input.shape, grad: input.map(({ grad }) => grad) } }),
  }
  for (const [name, { shape }] of Object.entries(request.params))
    leaves[name] = { shape, grad: [parameters[name]!.grad] }
  for (const [name, { shape, grad }] of Object.entries(leaves)) shaped[`grad_${name}`] = { shape, values: joined(grad) }
  return shaped
}

function extentOf({ module, config, inputs }: BuiltRequest): { seq_len: number; batch: number } {
  const [first = 1, second = 1] = (inputs.source ?? inputs.input!).shape
  return module === 'OneToMany' ? { seq_len: config.seq_len, batch: first } : { seq_len: first, batch: second }
}

function vectorsOf(tape: Tape, { shape, data }: FloatTensor): Vector[] {
  const size = shape.at(-1)!
  return times(data.length / size, (i) => tape.vector(data.subarray(i * size, (i + 1) * size)))
}

/** (steps, batch, size), or (batch, size) of what has no steps. */
function stacked(rows: readonly (readonly Vector[] | Vector)[]): { shape: number[]; values: number[] } {
  const steps = rows.map((own) => ('value' in own ? [own] : own))
  const count = steps[0]!.length
  const ordered = times(count, (t) => steps.map((own) => own[t]!.value)).flat()
  const outer = 'value' in rows[0]! ? [rows.length] : [count, rows.length]
  return { shape: [...outer, ordered[0]!.length], values: joined(ordered) }
}

/** Adds what softmax makes of the logits, and the loss where there is a target. → the loss */
function classify(
  tape: Tape,
  has: Has,
  { module }: BuiltRequest,
  rows: readonly Row[],
  named: readonly Named[],
  shaped: Shaped,
): Vector | undefined {
  const logits = named.map(({ logits }) => ('value' in logits! ? [logits] : logits!))
  const logarithms = logits.map((own) =>
    own.map((x) => logSoftmax(tape, x, has('log of softmax without the stable form'))),
  )
  const { shape, values } = shaped['logits']!
  if (has('softmax over the wrong axis')) {
    const probabilities = overFirstAxis(values, shape[0]!)
    shaped['probabilities'] = { shape, values: probabilities }
    shaped['log_probabilities'] = { shape, values: probabilities.map(Math.log) }
  } else {
    const isOne = shape.length === 2
    const same = (vectors: readonly Vector[][]): readonly (readonly Vector[] | Vector)[] =>
      vectors.map((own) => (isOne ? own[0]! : own))
    shaped['probabilities'] = stacked(same(logits.map((own) => own.map((x) => softmax(tape, x)))))
    shaped['log_probabilities'] = stacked(same(logarithms))
  }
  if (rows[0]!.target === undefined) return undefined
  // Of many outputs those within the row's length count.
  const terms = rows.flatMap(({ target, source, length }, row) =>
    target!.slice(0, module === 'ManyToMany' ? length : target!.length).map((symbol, t) => ({
      logarithm: logarithms[row]![t]!,
      symbol: has('target shifted by one') && module === 'LanguageModel' ? source[t]! : symbol,
    })),
  )
  const loss = tape.custom(
    1,
    (y) => (y[0] = -terms.reduce((sum, { logarithm, symbol }) => sum + logarithm.value[symbol]!, 0) / terms.length),
    (_, dy) => {
      for (const { logarithm, symbol } of terms) {
        logarithm.grad[symbol] = logarithm.grad[symbol]! - dy[0]! / terms.length
      }
    },
  )
  shaped['loss'] = { shape: [], values: [loss.value[0]!] }
  return loss
}

function logSoftmax(tape: Tape, x: Vector, naive: boolean): Vector {
  const shift = naive ? 0 : Math.max(...x.value)
  const powers = Array.from(x.value, (own) => tape.round(Math.exp(own - shift)))
  const sum = powers.reduce((one, other) => tape.round(one + other), 0)
  return tape.custom(
    x.value.length,
    (y) =>
      y.forEach(
        (_, i) => (y[i] = naive ? Math.log(tape.round(powers[i]! / sum)) : x.value[i]! - shift - Math.log(sum)),
      ),
    (_, dy) => {
      const total = sumOf(dy)
      dy.forEach((d, i) => (x.grad[i] = x.grad[i]! + d - (powers[i]! / sum) * total))
    },
  )
}

function overFirstAxis(values: readonly number[], first: number): number[] {
  const inner = values.length / first
  const result: number[] = []
  for (const [i] of values.entries()) {
    const column = times(first, (t) => values[t * inner + (i % inner)]!)
    const most = Math.max(...column)
    const sum = column.reduce((all, own) => all + Math.exp(own - most), 0)
    result.push(Math.exp(values[i]! - most) / sum)
  }
  return result
}

// Each operation is its equation and, beside it, its gradient.
import { elementCount } from '../format/tensor.ts'
import { runLayers } from './layers.ts'
import { addProduct, linear, productOfColumns, sumRows, transpose } from './linear.ts'
import type { Weights } from './scan.ts'
import type { Tape, TapeInexactness, Variable } from './variable.ts'

export function newTape(inexactness: TapeInexactness = {}): Tape {
  const { product = addProduct, tanh = Math.tanh, exp = Math.exp, log = Math.log, rounded } = inexactness
  const { quotient = (x: number, y: number): number => x / y } = inexactness
  const undo: (() => void)[] = []

  const variable = (shape: readonly number[], data: Float64Array): Variable => {
    return { shape, data, grad: new Float64Array(data.length) }
  }
  /** A variable and what its gradient adds to those of others. */
  const result = (shape: readonly number[], data: Float64Array, back: (grad: Float64Array) => void): Variable => {
    const y = variable(shape, rounded === undefined ? data : data.map((x) => rounded(x)))
    undo.push(() => back(rounded === undefined ? y.grad : y.grad.map((x) => rounded(x))))
    return y
  }
  const add = (to: Variable, grad: Float64Array): void => {
    for (let i = 0; i < grad.length; i++) to.grad[i]! += grad[i]!
  }
  const rowsOf = ({ shape, data }: Variable): { rows: number; width: number } => {
    const width = shape.at(-1) ?? 1
    return { rows: width === 0 ? 0 : data.length / width, width }
  }

  return {
    variable,
    linear(x, weight, bias) {
      const [outputs = 0, inputs = 0] = weight.shape
      const rows = elementCount(x.shape.slice(0, -1))
      const y = linear(x.data, weight.data, bias?.data, rows, inputs, outputs, product)
      return result([...x.shape.slice(0, -1), outputs], y, (dy) => {
        add(x, linear(dy, transpose(weight.data, outputs, inputs), undefined, rows, outputs, inputs, product))
        add(weight, productOfColumns(dy, x.data, rows, outputs, inputs, product))
        if (bias !== undefined) add(bias, sumRows(dy, rows, outputs, product))
      })
    },
    embedding(weight, symbols, shape) {
      const size = weight.shape[1] ?? 0
      const y = new Float64Array(symbols.length * size)
      for (const [i, symbol] of symbols.entries())
        y.set(weight.data.subarray(symbol * size, (symbol + 1) * size), i * size)
      return result([...shape, size], y, (dy) => {
        for (const [i, symbol] of symbols.entries()) {
          for (let j = 0; j < size; j++) weight.grad[symbol * size + j]! += dy[i * size + j]!
        }
      })
    },
    tanh(x) {
      const y = x.data.map((value) => tanh(value))
      return result(x.shape, y, (dy) =>
        add(
          x,
          dy.map((d, i) => d * (1 - y[i]!) * (1 + y[i]!)),
        ),
      )
    },
    addToEach(x, y) {
      const size = y.data.length
      return result(
        x.shape,
        x.data.map((value, i) => value + y.data[i % size]!),
        (d) => {
          add(x, d)
          for (let i = 0; i < d.length; i++) y.grad[i % size]! += d[i]!
        },
      )
    },
    concatenate(x, y) {
      const one = rowsOf(x)
      const other = rowsOf(y)
      const width = one.width + other.width
      const joined = new Float64Array(one.rows * width)
      for (let row = 0; row < one.rows; row++) {
        joined.set(x.data.subarray(row * one.width, (row + 1) * one.width), row * width)
        joined.set(y.data.subarray(row * other.width, (row + 1) * other.width), row * width + one.width)
      }
      return result([...x.shape.slice(0, -1), width], joined, (d) => {
        for (let row = 0; row < one.rows; row++) {
          for (let i = 0; i < one.width; i++) x.grad[row * one.width + i]! += d[row * width + i]!
          for (let i = 0; i < other.width; i++) y.grad[row * other.width + i]! += d[row * width + one.width + i]!
        }
      })
    },
    step(x, i) {
      const shape = x.shape.slice(1)
      const size = elementCount(shape)
      return result(shape, x.data.slice(i * size, (i + 1) * size), (d) => {
        for (let j = 0; j < size; j++) x.grad[i * size + j]! += d[j]!
      })
    },
    stack(steps) {
      const shape = steps[0]?.shape ?? []
      const size = elementCount(shape)
      const y = new Float64Array(steps.length * size)
      for (const [i, step] of steps.entries()) y.set(step.data, i * size)
      return result([steps.length, ...shape], y, (d) => {
        for (const [i, step] of steps.entries()) add(step, d.subarray(i * size, (i + 1) * size))
      })
    },
    keep(x, kept) {
      const size = x.data.length / Math.max(1, kept.length)
      const only = (from: Float64Array): Float64Array =>
        from.map((value, i) => (kept[Math.floor(i / size)]! ? value : 0))
      return result(x.shape, only(x.data), (d) => add(x, only(d)))
    },
    meanOverTime(x, lengths) {
      const [seq_len = 0, batch = 0, size = 0] = x.shape
      const y = new Float64Array(batch * size)
      const share = (i: number): number => {
        const row = Math.floor(i / size) % batch
        const length = lengths?.[row] ?? seq_len
        return Math.floor(i / (batch * size)) < length ? 1 / length : 0
      }
      for (let i = 0; i < x.data.length; i++) if (share(i) > 0) y[i % (batch * size)]! += x.data[i]!
      for (let i = 0; i < y.length; i++) y[i]! *= share(i)
      return result([batch, size], y, (d) =>
        add(
          x,
          x.data.map((_, i) => share(i) * d[i % (batch * size)]!),
        ),
      )
    },
    softmax(x, lengths) {
      const { rows, width } = rowsOf(x)
      const y = new Float64Array(x.data.length)
      for (let row = 0; row < rows; row++) {
        const own = y.subarray(row * width, (row + 1) * width)
        const scores = x.data.subarray(row * width, row * width + (lengths?.[row] ?? width))
        const largest = scores.reduce((one, other) => Math.max(one, other), -Infinity)
        let sum = 0
        for (const [i, score] of scores.entries()) sum += own[i] = exp(score - largest)
        for (let i = 0; i < width; i++) own[i] = quotient(own[i]!, sum)
      }
      return result(x.shape, y, (d) => {
        for (let row = 0; row < rows; row++) {
          let dot = 0
          for (let i = row * width; i < (row + 1) * width; i++) dot += d[i]! * y[i]!
          // What does not count gets no gradient: 0 · NaN would be NaN.
          const counted = row * width + (lengths?.[row] ?? width)
          for (let i = row * width; i < counted; i++) x.grad[i]! += y[i]! * (d[i]! - dot)
        }
      })
    },
    logSoftmax(x) {
      const { rows, width } = rowsOf(x)
      const y = logSoftmaxOf(x.data, rows, width, exp, log)
      return result(x.shape, y, (d) => {
        for (let row = 0; row < rows; row++) {
          let sum = 0
          for (let i = row * width; i < (row + 1) * width; i++) sum += d[i]!
          for (let i = row * width; i < (row + 1) * width; i++) x.grad[i]! += d[i]! - exp(y[i]!) * sum
        }
      })
    },
    crossEntropy(logits, target) {
      const { rows, width } = rowsOf(logits)
      const logarithms = logSoftmaxOf(logits.data, rows, width, exp, log)
      const count = target.filter((symbol) => symbol !== undefined).length
      let sum = 0
      for (const [row, symbol] of target.entries()) if (symbol !== undefined) sum -= logarithms[row * width + symbol]!
      return result([], Float64Array.of(sum / count), ([d = 0]) => {
        for (const [row, symbol] of target.entries()) {
          if (symbol === undefined) continue
          for (let i = 0; i < width; i++) {
            const probability = exp(logarithms[row * width + i]!)
            logits.grad[row * width + i]! += (d * (probability - (i === symbol ? 1 : 0))) / count
          }
        }
      })
    },
    dotOverUnits(h, states) {
      const [seq_len = 0, batch = 0, size = 0] = states.shape
      const y = new Float64Array(batch * seq_len)
      forEach(seq_len, batch, size, (place, state, own) => (y[place]! += h.data[own]! * states.data[state]!))
      return result([batch, seq_len], y, (d) => {
        forEach(seq_len, batch, size, (place, state, own) => {
          h.grad[own]! += d[place]! * states.data[state]!
          states.grad[state]! += d[place]! * h.data[own]!
        })
      })
    },
    rowsFirst(x) {
      const [seq_len = 0, batch = 0] = x.shape
      return result([batch, seq_len], transpose(x.data, seq_len, batch), (d) => add(x, transpose(d, batch, seq_len)))
    },
    weightedSum(weights, states) {
      const [seq_len = 0, batch = 0, size = 0] = states.shape
      const y = new Float64Array(batch * size)
      forEach(seq_len, batch, size, (place, state, own) => (y[own]! += weights.data[place]! * states.data[state]!))
      return result([batch, size], y, (d) => {
        forEach(seq_len, batch, size, (place, state, own) => {
          weights.grad[place]! += d[own]! * states.data[state]!
          states.grad[state]! += d[own]! * weights.data[place]!
        })
      })
    },
    layer(cell, x, params, hidden_size, hasCellState, state, lengths) {
      const [seq_len = 1, batch = 1, input_size = 1] = x.shape
      const size = batch * hidden_size
      const weights = Object.fromEntries(parameterNames.map((name) => [name, params[`${name}_l0`]?.data]))
      const run = runLayers({
        cell,
        inexactness: inexactness.scan ?? {},
        input: x.data,
        seq_len,
        batch,
        input_size,
        hidden_size,
        lengths,
        // A model is made with biases and both weights.
        weights: [[weights as unknown as Weights]],
        h_0: state?.h.data ?? new Float64Array(size),
        c_0: state?.c?.data ?? new Float64Array(hasCellState ? size : 0),
        dropout: undefined,
      })
      const output = variable([seq_len, batch, hidden_size], run.output)
      const h = variable([batch, hidden_size], run.h_n)
      const c = hasCellState ? variable([batch, hidden_size], run.c_n) : undefined
      undo.push(() => {
        const gradients = run.backward({ output: output.grad, h_n: h.grad, c_n: c?.grad ?? new Float64Array(0) })
        add(x, gradients.input)
        if (state !== undefined) add(state.h, gradients.h_0)
        if (state?.c !== undefined) add(state.c, gradients.c_0)
        const own = gradients.weights[0]![0]!
        for (const name of parameterNames) if (own[name] !== undefined) add(params[`${name}_l0`]!, own[name])
      })
      return { output, last: { h, c } }
    },
    backward() {
      for (const back of undo.toReversed()) back()
    },
  }
}

const parameterNames = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'] as const

/** x − log Σ exp x over each row, shifted by the largest value. */
function logSoftmaxOf(
  x: Float64Array,
  rows: number,
  width: number,
  exp: (x: number) => number,
  log: (x: number) => number,
): Float64Array {
  const y = new Float64Array(x.length)
  for (let row = 0; row < rows; row++) {
    const own = x.subarray(row * width, (row + 1) * width)
    const largest = own.reduce((one, other) => Math.max(one, other), -Infinity)
    let sum = 0
    for (const value of own) sum += exp(value - largest)
    // Once for the row: what it is off by is the same for every class.
    const logarithm = log(sum)
    for (const [i, value] of own.entries()) y[row * width + i] = value - largest - logarithm
  }
  return y
}

/** Visits every unit of every state: its place in (batch, seq_len), in (seq_len, batch, size) and in (batch, size). */
function forEach(
  seq_len: number,
  batch: number,
  size: number,
  visit: (place: number, state: number, own: number) => void,
): void {
  for (let t = 0; t < seq_len; t++) {
    for (let row = 0; row < batch; row++) {
      for (let i = 0; i < size; i++) visit(row * seq_len + t, (t * batch + row) * size + i, row * size + i)
    }
  }
}

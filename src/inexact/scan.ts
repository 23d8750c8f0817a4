import type { Cell, Step } from './cell.ts'
import { addProduct, fillRows, linear, type Product, productOfColumns, sumRows, transpose } from './linear.ts'

/** The parameters of one layer and direction, or the gradients by them, in float64; what a module lacks is undefined. */
export interface Weights {
  readonly weight_ih: Float64Array
  readonly weight_hh: Float64Array
  readonly bias_ih: Float64Array | undefined
  readonly bias_hh: Float64Array | undefined
  /** (proj_size, hidden_size), of an LSTM that has one. */
  readonly weight_hr: Float64Array | undefined
}

/** What is less exact on the way through time. */
export interface ScanInexactness {
  /** What becomes of each state, and cell state, before it is used. */
  readonly rounded?: (x: number) => number
  /** What becomes of the gradient by each state, and cell state, on its way back. */
  readonly gradientRounded?: (x: number) => number
  readonly product?: Product
}

/** One layer and direction over time. */
export interface Scan {
  readonly cell: Cell
  readonly weights: Weights
  /** (seq_len, batch, input_size) */
  readonly input: Float64Array
  /** (batch, state_size): proj_size where there is one, else hidden_size. */
  readonly h_0: Float64Array
  /** (batch, hidden_size), or empty without a cell state. */
  readonly c_0: Float64Array
  readonly seq_len: number
  readonly batch: number
  readonly input_size: number
  readonly hidden_size: number
  /** (batch), or undefined when every row is seq_len long. */
  readonly lengths: readonly number[] | undefined
  /** Whether time runs from each row's own last step to its first. */
  readonly reverse: boolean
  readonly inexactness?: ScanInexactness
}

/** Gradients by everything that went into a scan. */
export interface ScanGradients {
  readonly input: Float64Array
  readonly h_0: Float64Array
  readonly c_0: Float64Array
  readonly weights: Weights
}

export interface Scanned {
  /** (seq_len, batch, state_size): the state after each step, at the time of its input, 0 past a row's length. */
  readonly output: Float64Array
  readonly h_n: Float64Array
  readonly c_n: Float64Array
  /** doutput, dh_n, dc_n: gradients by output, h_n and c_n. */
  readonly backward: (doutput: Float64Array, dh_n: Float64Array, dc_n: Float64Array) => ScanGradients
}

/** Runs a cell over time, and back. */
export function scan(options: Scan): Scanned {
  const { cell, weights, h_0, c_0, seq_len, batch, input_size, hidden_size, lengths, reverse } = options
  const { rounded, gradientRounded, product = addProduct } = options.inexactness ?? {}
  const { weight_hr } = weights
  const width = cell.gates * hidden_size
  const state_size = weight_hr === undefined || hidden_size === 0 ? hidden_size : weight_hr.length / hidden_size
  const gatesSize = batch * width
  const stateSize = batch * state_size
  const hiddenSize = batch * hidden_size
  // An empty batch may have any number of steps.
  const steps = batch === 0 ? 0 : seq_len
  const timeOf = (step: number): number => (reverse ? seq_len - 1 - step : step)
  /** Calls `visit` for each row whose length is before step s. */
  const forEnded = (s: number, visit: (row: number) => void): void => {
    if (lengths === undefined) return
    const t = timeOf(s)
    for (let row = 0; row < batch; row++) if (t >= lengths[row]!) visit(row)
  }
  /**
   * Zeros where a row has ended. Whatever stands there, torch never reads it; a product with 0 would: 0 · NaN is NaN.
   * x: (seq_len, batch, size) in the order of time, or of the steps.
   */
  const clearEnded = (x: Float64Array, size: number, order: (s: number) => number): Float64Array => {
    for (let s = 0; s < steps; s++) {
      forEnded(s, (row) => {
        const at = (order(s) * batch + row) * size
        x.fill(0, at, at + size)
      })
    }
    return x
  }
  const bySteps = (s: number): number => s
  const input = lengths === undefined ? options.input : clearEnded(options.input.slice(), input_size, timeOf)

  // States stand in the order in which they are computed: each before its step, the last one at the end.
  const h = new Float64Array((steps + 1) * stateSize)
  const c = new Float64Array((steps + 1) * c_0.length)
  h.set(h_0)
  c.set(c_0)
  // Without a projection the new state goes where the next step reads it.
  const projected = weight_hr === undefined ? undefined : new Float64Array(steps * hiddenSize)
  // The input's term does not wait for the state, so it is one product over all steps.
  const gates = linear(input, weights.weight_ih, weights.bias_ih, seq_len * batch, input_size, width, product)
  const fromHidden = new Float64Array(steps * gatesSize)
  fillRows(fromHidden, weights.bias_hh, steps * batch, width)
  const output = new Float64Array(seq_len * stateSize)

  const step: Step = {
    rows: batch,
    hidden_size,
    gates,
    gatesAt: 0,
    fromHidden,
    fromHiddenAt: 0,
    h,
    hAt: 0,
    hidden: projected ?? h,
    hiddenAt: 0,
    c,
    cAt: 0,
    cAfterAt: 0,
  }
  const goTo = (s: number): void => {
    step.gatesAt = timeOf(s) * gatesSize
    step.fromHiddenAt = s * gatesSize
    step.hAt = s * stateSize
    step.hiddenAt = projected === undefined ? (s + 1) * stateSize : s * hiddenSize
    step.cAt = s * c_0.length
    step.cAfterAt = (s + 1) * c_0.length
  }

  for (let s = 0; s < steps; s++) {
    goTo(s)
    product(fromHidden, s * gatesSize, h, s * stateSize, weights.weight_hh, batch, state_size, width)
    cell.forward(step)
    const after = (s + 1) * stateSize
    if (projected !== undefined && weight_hr !== undefined) {
      product(h, after, projected, s * hiddenSize, weight_hr, batch, hidden_size, state_size)
    }
    if (rounded !== undefined) {
      for (let i = after; i < after + stateSize; i++) h[i] = rounded(h[i]!)
      for (let i = step.cAfterAt; i < step.cAfterAt + c_0.length; i++) c[i] = rounded(c[i]!)
    }
    // Past its length a row keeps its state and puts out zeros. In reverse it so starts at its own last step.
    forEnded(s, (row) => {
      const from = row * state_size
      h.copyWithin(after + from, s * stateSize + from, s * stateSize + from + state_size)
      c.copyWithin(step.cAfterAt + row * hidden_size, step.cAt + row * hidden_size, step.cAt + (row + 1) * hidden_size)
      projected?.fill(0, s * hiddenSize + row * hidden_size, s * hiddenSize + (row + 1) * hidden_size)
    })
    output.set(h.subarray(after, after + stateSize), timeOf(s) * stateSize)
  }
  clearEnded(output, state_size, timeOf)

  function backward(doutput: Float64Array, dh_n: Float64Array, dc_n: Float64Array): ScanGradients {
    const dgates = new Float64Array(seq_len * gatesSize)
    const dfromHidden = new Float64Array(steps * gatesSize)
    const dprojected = projected === undefined ? undefined : new Float64Array(steps * stateSize)
    const weightOfHidden = transpose(weights.weight_hh, width, state_size)
    const weightOfProjection = weight_hr && transpose(weight_hr, state_size, hidden_size)
    let dh: Float64Array = Float64Array.from(dh_n)
    const byOutput = lengths === undefined ? doutput : clearEnded(doutput.slice(), state_size, timeOf)
    const dc = Float64Array.from(dc_n)
    for (let s = steps - 1; s >= 0; s--) {
      goTo(s)
      const { gatesAt, fromHiddenAt } = step
      const at = timeOf(s) * stateSize
      for (let i = 0; i < stateSize; i++) dh[i]! += byOutput[at + i]!
      const ended: { row: number; h: Float64Array; c: Float64Array }[] = []
      forEnded(s, (row) => {
        const [from, to] = [row * state_size, (row + 1) * state_size]
        const c = dc.slice(row * hidden_size, (row + 1) * hidden_size)
        ended.push({ row, h: dh.slice(from, to), c })
        dh.fill(0, from, to)
        dc.fill(0, row * hidden_size, (row + 1) * hidden_size)
      })
      let dhidden = dh
      if (dprojected !== undefined && weightOfProjection !== undefined) {
        dprojected.set(dh, s * stateSize)
        dhidden = linear(dh, weightOfProjection, undefined, batch, state_size, hidden_size, product)
      }
      cell.backward(step, { dgates, dfromHidden, dh: dhidden, dc })
      // A row that has ended changes nothing and passes everything on.
      for (const { row } of ended) {
        dgates.fill(0, gatesAt + row * width, gatesAt + (row + 1) * width)
        dfromHidden.fill(0, fromHiddenAt + row * width, fromHiddenAt + (row + 1) * width)
      }
      dh = projected === undefined ? dhidden : new Float64Array(stateSize)
      product(dh, 0, dfromHidden, fromHiddenAt, weightOfHidden, batch, width, state_size)
      if (gradientRounded !== undefined) {
        for (let i = 0; i < dh.length; i++) dh[i] = gradientRounded(dh[i]!)
        for (let i = 0; i < dc.length; i++) dc[i] = gradientRounded(dc[i]!)
      }
      for (const { row, h, c } of ended) {
        dh.set(h, row * state_size)
        if (c.length > 0) dc.set(c, row * hidden_size)
      }
    }
    const dinput = linear(
      dgates,
      transpose(weights.weight_ih, width, input_size),
      undefined,
      seq_len * batch,
      width,
      input_size,
      product,
    )
    clearEnded(dinput, input_size, timeOf)
    // What a row keeps when it has ended is used no more.
    const used = lengths === undefined ? h : clearEnded(h.slice(), state_size, bySteps)
    return {
      input: dinput,
      h_0: dh,
      c_0: dc,
      weights: {
        weight_ih: productOfColumns(dgates, input, seq_len * batch, width, input_size, product),
        weight_hh: productOfColumns(dfromHidden, used, steps * batch, width, state_size, product),
        bias_ih: weights.bias_ih && sumRows(dgates, seq_len * batch, width, product),
        bias_hh: weights.bias_hh && sumRows(dfromHidden, steps * batch, width, product),
        weight_hr:
          dprojected &&
          projected &&
          productOfColumns(dprojected, projected, steps * batch, state_size, hidden_size, product),
      },
    }
  }
  const last = steps * stateSize
  return { output, h_n: h.slice(last, last + stateSize), c_n: c.slice(steps * c_0.length), backward }
}

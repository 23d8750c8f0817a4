import { gruForward } from './gru'
import { lstmForward } from './lstm'
import { giveBack, mark, take } from './memory'
import { packedColumns, packWeight } from './pack'
import { BLOCK, linear } from './product'
import { rnnForward } from './rnn'
import { GRU, RELU, Scan } from './scan'
import { at, clear, copy } from './vector'

/** A weight of torch, (gates * hidden_size, inputs), as packed columns, each gate from a whole vector on. */
function packGates(scan: Scan, weight: usize, inputs: i32): usize {
  const H = scan.hidden_size
  const size = packedColumns(scan.width, inputs)
  const packed = take(size)
  if (scan.width > scan.gateCount * H) clear(packed, size)
  for (let gate = 0; gate < scan.gateCount; gate++) {
    packWeight(packed, at(weight, gate * H * inputs), H, inputs, gate * scan.hiddenWidth)
  }
  return packed
}

/** The same of a bias, or zeros. */
function spreadBias(scan: Scan, bias: usize): usize {
  const H = scan.hidden_size
  const row = take(scan.width)
  clear(row, scan.width)
  if (bias == 0) return row
  for (let gate = 0; gate < scan.gateCount; gate++) copy(at(row, gate * scan.hiddenWidth), at(bias, gate * H), H)
  return row
}

/** Rows of so many numbers, between strides. */
function copyRows(to: usize, toStride: i32, from: usize, fromStride: i32, rows: i32, count: i32): void {
  for (let row = 0; row < rows; row++) copy(at(to, row * toStride), at(from, row * fromStride), count)
}

/** Runs a cell over time. */
export function forward(scan: Scan): void {
  const T = scan.seq_len
  const B = scan.batch
  const H = scan.hidden_size
  const S = scan.state_size
  const I = scan.input_size
  const width = scan.width
  const hiddenWidth = scan.hiddenWidth
  const stateWidth = scan.stateWidth
  const stepSize = B * width
  const isLSTM = scan.isLSTM
  const isProjected = scan.weight_hr != 0
  const kept = scan.kept != 0
  // As many steps of the input at a time as packed rows fit the cache.
  const chunk = min(T, max(1, BLOCK / max(1, B)))

  if (kept) {
    scan.gates = take(T * stepSize)
    scan.fromHidden = take(scan.cell == GRU ? T * stepSize : stepSize)
    scan.before = take(T * B * stateWidth)
    if (isProjected) scan.hidden = take(T * B * hiddenWidth)
    if (isLSTM) scan.cells = take((T + 1) * B * hiddenWidth)
  }
  const top = mark()
  if (!kept) {
    scan.gates = take(chunk * stepSize)
    scan.fromHidden = take(stepSize)
    if (isProjected) scan.hidden = take(B * hiddenWidth)
    if (isLSTM) scan.cells = take(2 * B * hiddenWidth)
  }
  const fromInput = packGates(scan, scan.weight_ih, I)
  const fromState = packGates(scan, scan.weight_hh, S)
  const bias_ih = spreadBias(scan, scan.bias_ih)
  const bias_hh = spreadBias(scan, scan.bias_hh)
  let toState: usize = 0
  let none: usize = 0
  if (isProjected) {
    toState = take(packedColumns(S, H))
    clear(toState, packedColumns(S, H))
    packWeight(toState, scan.weight_hr, S, H, 0)
    none = take(packedColumns(S, 1))
    clear(none, packedColumns(S, 1))
  }
  const packed = take(min(BLOCK, max(B, chunk * B)) * max(I, max(S, H)))
  let h = take(B * stateWidth)
  let after = take(B * stateWidth)
  clear(h, B * stateWidth)
  clear(after, B * stateWidth)
  copyRows(h, stateWidth, scan.h, S, B, S)
  let c: usize = 0
  let cAfter: usize = 0
  if (isLSTM) {
    c = at(scan.cells, kept && scan.reverse ? T * B * hiddenWidth : 0)
    if (H < hiddenWidth) clear(c, B * hiddenWidth)
    copyRows(c, hiddenWidth, scan.c, H, B, H)
    cAfter = at(scan.cells, B * hiddenWidth)
  }

  for (let first = 0; first < T; first += chunk) {
    const steps = min(chunk, T - first)
    const time = scan.reverse ? T - first - steps : first
    const gatesOfChunk = kept ? at(scan.gates, time * stepSize) : scan.gates
    // The input's term does not wait for the state.
    linear(
      gatesOfChunk,
      width,
      bias_ih,
      0,
      at(scan.input, time * B * I),
      I,
      1,
      I,
      0,
      fromInput,
      steps * B,
      width,
      packed,
    )
    for (let step = first; step < first + steps; step++) {
      const t = scan.timeOf(step)
      const gates = at(gatesOfChunk, (t - time) * stepSize)
      const fromHidden = kept && scan.cell == GRU ? at(scan.fromHidden, t * stepSize) : scan.fromHidden
      const hidden = isProjected ? at(scan.hidden, kept ? t * B * hiddenWidth : 0) : after
      if (kept) {
        const before = at(scan.before, t * B * stateWidth)
        copy(before, h, B * stateWidth)
        if (isLSTM) cAfter = at(scan.cells, (scan.reverse ? t : t + 1) * B * hiddenWidth)
      }
      linear(fromHidden, width, bias_hh, 0, h, stateWidth, 1, S, 0, fromState, B, width, packed)
      const bytes = at(0, hiddenWidth)
      for (let row = 0; row < B; row++) {
        const own = at(gates, row * width)
        const other = at(fromHidden, row * width)
        const to = at(hidden, row * hiddenWidth)
        if (isLSTM) lstmForward(own, other, at(c, row * hiddenWidth), at(cAfter, row * hiddenWidth), to, bytes)
        else if (scan.cell == GRU) gruForward(own, other, at(h, row * stateWidth), to, bytes)
        else rnnForward(scan.cell == RELU, own, other, to, bytes)
      }
      if (isProjected) {
        linear(after, stateWidth, none, 0, hidden, hiddenWidth, 1, H, 0, toState, B, S, packed)
      }
      putOut(scan, t, h, after, c, cAfter, hidden)
      const old = h
      h = after
      after = old
      const oldC = c
      c = cAfter
      cAfter = oldC
    }
  }
  copyRows(scan.h, S, h, stateWidth, B, S)
  if (isLSTM) copyRows(scan.c, H, c, hiddenWidth, B, H)
  giveBack(top)
}

/** Past its length a row keeps its state and puts out zeros. In reverse it so starts at its own last step. */
function putOut(scan: Scan, t: i32, h: usize, after: usize, c: usize, cAfter: usize, hidden: usize): void {
  const S = scan.state_size
  const stride = scan.outputStride
  const out = scan.output == 0 ? <usize>0 : at(scan.output, t * scan.batch * stride)
  for (let row = 0; row < scan.batch; row++) {
    const own = row * scan.stateWidth
    if (scan.hasEnded(row, t)) {
      copy(at(after, own), at(h, own), scan.stateWidth)
      const ofC = row * scan.hiddenWidth
      if (scan.isLSTM) copy(at(cAfter, ofC), at(c, ofC), scan.hiddenWidth)
      if (out != 0) clear(at(out, row * stride), S)
      if (!scan.kept) continue
      // Backward multiplies these by gradients of 0: 0 · NaN would be NaN.
      clear(at(scan.before, t * scan.batch * scan.stateWidth + own), scan.stateWidth)
      if (scan.weight_hr != 0) clear(at(hidden, ofC), scan.hiddenWidth)
    } else if (out != 0) copy(at(out, row * stride), at(after, own), S)
  }
}

import { gruBackward } from './gru'
import { lstmBackward } from './lstm'
import { giveBack, mark, take } from './memory'
import { packColumns, packedColumns } from './pack'
import { addOuter, BLOCK, linear } from './product'
import { rnnBackward } from './rnn'
import { GRU, RELU, Scan } from './scan'
import { add, at, clear, copy } from './vector'

/** A weight of torch, (inputs, columns), packed for the gradient by what it was multiplied with. */
function pack(weight: usize, inputs: i32, columns: i32): usize {
  const packed = take(packedColumns(columns, inputs))
  packColumns(packed, weight, inputs, columns, columns)
  return packed
}

/** to += from, so many numbers. */
function addTo(to: usize, from: usize, count: i32): void {
  const end = at(from, count)
  for (; from + 16 <= end; from += 16, to += 16) v128.store(to, add(v128.load(to), v128.load(from)))
  for (; from < end; from += sizeof<Real>(), to += sizeof<Real>()) store<Real>(to, load<Real>(to) + load<Real>(from))
}

/** Takes the gradients by what a scan has put out back to all that went into it. */
export function backward(scan: Scan): void {
  const T = scan.seq_len
  const B = scan.batch
  const H = scan.hidden_size
  const S = scan.state_size
  const I = scan.input_size
  const G = scan.gateCount
  const width = scan.width
  const hiddenWidth = scan.hiddenWidth
  const stateWidth = scan.stateWidth
  const stepSize = B * width
  const isLSTM = scan.isLSTM
  const isGRU = scan.cell == GRU
  const isProjected = scan.weight_hr != 0
  const top = mark()
  const toState = pack(scan.weight_hh, G * H, S)
  const packed = take(min(BLOCK, T * B) * max(G * H, S))
  const none = take(packedColumns(max(H, S), 1))
  clear(none, packedColumns(max(H, S), 1))
  let toHidden: usize = 0
  let dhidden: usize = 0
  let dprojected: usize = 0
  if (isProjected) {
    toHidden = pack(scan.weight_hr, S, H)
    dhidden = take(B * hiddenWidth)
    clear(dhidden, B * hiddenWidth)
    dprojected = take(T * B * S)
  }
  // Each has the gradient by the state after a step, and then by the one before it; a row that has ended passes on what it had.
  const dh = take(B * stateWidth)
  const dc = take(B * hiddenWidth)
  clear(dh, B * stateWidth)
  clear(dc, B * hiddenWidth)
  const dhAfter = scan.lengths == 0 ? <usize>0 : take(B * stateWidth)
  const dcAfter = scan.lengths == 0 ? <usize>0 : take(B * hiddenWidth)
  for (let row = 0; row < B; row++) {
    copy(at(dh, row * stateWidth), at(scan.dh, row * S), S)
    if (isLSTM) copy(at(dc, row * hiddenWidth), at(scan.dc, row * H), H)
  }

  const bytes = at(0, hiddenWidth)
  for (let step = T - 1; step >= 0; step--) {
    const t = scan.timeOf(step)
    const gates = at(scan.gates, t * stepSize)
    const fromHidden = isGRU ? at(scan.fromHidden, t * stepSize) : gates
    const before = at(scan.before, t * B * stateWidth)
    const c = isLSTM ? at(scan.cells, (scan.reverse ? t + 1 : t) * B * hiddenWidth) : <usize>0
    const cAfter = isLSTM ? at(scan.cells, (scan.reverse ? t : t + 1) * B * hiddenWidth) : <usize>0
    if (scan.lengths != 0) {
      copy(dhAfter, dh, B * stateWidth)
      copy(dcAfter, dc, B * hiddenWidth)
    }
    for (let row = 0; row < B; row++) {
      const isOver = scan.hasEnded(row, t)
      const own = at(dh, row * stateWidth)
      if (isOver) clear(own, S)
      else if (scan.doutput != 0) addTo(own, at(scan.doutput, (t * B + row) * scan.outputStride), S)
      if (isProjected) copy(at(dprojected, (t * B + row) * S), own, S)
    }
    if (isProjected) linear(dhidden, hiddenWidth, none, 0, dh, stateWidth, 1, S, 0, toHidden, B, H, packed)
    else dhidden = dh
    for (let row = 0; row < B; row++) {
      const own = at(gates, row * width)
      const other = at(fromHidden, row * width)
      const by = at(dhidden, row * hiddenWidth)
      const ofC = row * hiddenWidth
      if (isLSTM) lstmBackward(own, at(c, ofC), at(cAfter, ofC), by, at(dc, ofC), bytes)
      else if (isGRU) gruBackward(own, other, at(before, row * stateWidth), by, bytes)
      else rnnBackward(scan.cell == RELU, own, by, bytes)
      if (!scan.hasEnded(row, t)) continue
      clear(own, width)
      if (isGRU) clear(other, width)
    }
    const start = isProjected ? none : dh
    linear(
      dh,
      stateWidth,
      start,
      isProjected ? 0 : stateWidth,
      fromHidden,
      width,
      G,
      H,
      hiddenWidth,
      toState,
      B,
      S,
      packed,
    )
    if (scan.lengths == 0) continue
    for (let row = 0; row < B; row++) {
      if (!scan.hasEnded(row, t)) continue
      copy(at(dh, row * stateWidth), at(dhAfter, row * stateWidth), S)
      copy(at(dc, row * hiddenWidth), at(dcAfter, row * hiddenWidth), H)
    }
  }
  for (let row = 0; row < B; row++) {
    copy(at(scan.dh, row * S), at(dh, row * stateWidth), S)
    if (isLSTM) copy(at(scan.dc, row * H), at(dc, row * hiddenWidth), H)
  }
  byInput(scan, packed)
  byWeights(scan, isGRU ? scan.fromHidden : scan.gates, dprojected)
  giveBack(top)
}

/** Adds the gradient by the input. packed: room for a block of gates */
function byInput(scan: Scan, packed: usize): void {
  const rows = scan.seq_len * scan.batch
  const I = scan.input_size
  const H = scan.hidden_size
  const G = scan.gateCount
  const toInput = pack(scan.weight_ih, G * H, I)
  linear(scan.dinput, I, scan.dinput, I, scan.gates, scan.width, G, H, scan.hiddenWidth, toInput, rows, I, packed)
  if (scan.lengths != 0) clearEnded(scan, scan.dinput)
}

/** Zeros where a row has ended. x: (seq_len, batch, input_size) */
function clearEnded(scan: Scan, x: usize): void {
  for (let t = 0; t < scan.seq_len; t++) {
    for (let row = 0; row < scan.batch; row++) {
      if (scan.hasEnded(row, t)) clear(at(x, (t * scan.batch + row) * scan.input_size), scan.input_size)
    }
  }
}

/** Adds the gradients by the parameters, each a product over all rows and steps. */
function byWeights(scan: Scan, dfromHidden: usize, dprojected: usize): void {
  const rows = scan.seq_len * scan.batch
  const H = scan.hidden_size
  const S = scan.state_size
  const I = scan.input_size
  const width = scan.width
  const block = min(BLOCK, rows)
  const packedY = take(max(H, S) * block)
  const packedX = take(packedColumns(max(I, max(H, S)), block))
  let input = scan.input
  if (scan.lengths != 0) {
    // Whatever stands past a row's length, torch never reads it; a product with 0 would: 0 · NaN is NaN.
    input = take(rows * I)
    copy(input, scan.input, rows * I)
    clearEnded(scan, input)
  }
  for (let gate = 0; gate < scan.gateCount; gate++) {
    const own = gate * scan.hiddenWidth
    const byGate = at(scan.gates, own)
    const byHidden = at(dfromHidden, own)
    addOuter(at(scan.dweight_ih, gate * H * I), byGate, width, H, input, I, I, rows, packedY, packedX)
    addOuter(
      at(scan.dweight_hh, gate * H * S),
      byHidden,
      width,
      H,
      scan.before,
      scan.stateWidth,
      S,
      rows,
      packedY,
      packedX,
    )
    if (scan.dbias_ih == 0) continue
    for (let row = 0; row < rows; row++) {
      addTo(at(scan.dbias_ih, gate * H), at(byGate, row * width), H)
      addTo(at(scan.dbias_hh, gate * H), at(byHidden, row * width), H)
    }
  }
  if (dprojected == 0) return
  addOuter(scan.dweight_hr, dprojected, S, S, scan.hidden, scan.hiddenWidth, H, rows, packedY, packedX)
}

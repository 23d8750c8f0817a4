// Other requests than a case, in which what explains it may be held against a port.
import { type Case, isModelRequest, type RecurrentRequest } from '../format/case.ts'
import { isLayer } from '../format/module.ts'
import { specOf, type Draw } from '../oracle/fuzz/spec.ts'
import { renderSpec } from '../oracle/fuzz/words.ts'
import { decoyOf } from '../verify/again.ts'
import { randomOf } from '../verify/random.ts'
import { affordable, drawnAround, drawOf, simplerOf, variationsOf } from './draw.ts'
import { caseOf, caseOfSpec } from './experiment.ts'
import { othersForModel } from './models.ts'
import type { Other } from './other.ts'

const mostDrawn = 200
/** The smaller ones are as telling, and sooner computed. */
const largest = 9

/** The case with its parameters' numbers in another order, which are as large; then those that are drawn. */
export function* othersFor(recorded: Case, seed: number): Generator<Other> {
  if (isModelRequest(recorded)) {
    yield* othersForModel(recorded, seed)
    return
  }
  const decoy = caseOf(decoyOf(recorded), 'decoy')
  yield { other: decoy, text: 'the case with its parameters’ numbers in another order', isFirst: true }
  for (const { draw, isFirst } of drawnFor(recorded, seed)) {
    const spec = specOf(draw)
    yield { other: caseOfSpec(spec), text: renderSpec(spec), isFirst }
  }
}

/** Other numbers of the same sizes and options; then simpler ones, what is one thing away, and any. */
function* drawnFor(recorded: RecurrentRequest, seed: number): Generator<{ draw: Draw; isFirst: boolean }> {
  const random = randomOf(seed)
  const base = drawOf(recorded)
  const again = (draw: Draw): Draw => ({ ...draw, seed: Math.floor(random() * 2 ** 31) })
  yield { draw: again(base), isFirst: true }
  for (const draw of othersOf(base)) yield { draw: again(draw), isFirst: true }
  const bounds = { modules: [base.module], largest }
  const near = [...simplerOf(base), ...variationsOf(base, bounds)].filter(({ profile }) => profile === 'default')
  for (let i = 0; i < mostDrawn; i++) {
    const own = random() < 0.5 ? near[Math.floor(random() * near.length)] : undefined
    const profile = random() < 0.3 ? ('large' as const) : ('default' as const)
    const drawn = { ...(own ?? drawnAround(base, bounds, random)), profile }
    // What is asked for stays: an explanation of outputs says nothing of gradients.
    yield { draw: again({ ...drawn, asked: base.asked, optimizer: base.optimizer }), isFirst: false }
  }
}

/** What a port may be otherwise in, so that an explanation is of more than the case: each option the other way, deeper, and larger. */
function* othersOf(base: Draw): Generator<Draw> {
  const { module, hidden_size, input_size, batch, shortened, state, bias, dropout, dtype, nonlinearity } = base
  yield { ...base, hidden_size: hidden_size > 17 ? 4 : 36 }
  if (isLayer(module)) {
    yield affordable({ ...base, num_layers: base.num_layers === 3 ? 1 : 3 })
    yield { ...base, shortened: shortened.length > 0 ? [] : [1, 0, 2] }
    // The longest row is not the first.
    if (shortened.length > 0) yield { ...base, shortened: [2, 0, 1], batch: Math.max(3, batch) }
    yield { ...base, bidirectional: !base.bidirectional }
    yield { ...base, batch_first: !base.batch_first }
    yield dropout > 0 ? { ...base, dropout: 0 } : { ...base, dropout: 4, num_layers: Math.max(2, base.num_layers) }
    yield affordable({ ...base, seq_len: base.seq_len > 17 ? 4 : 36 })
  }
  yield { ...base, batch: batch === 0 ? 3 : 0, shortened: [] }
  if (module.startsWith('LSTM') && isLayer(module)) yield { ...base, proj_size: base.proj_size > 0 ? 0 : 2 }
  yield { ...base, state: !state }
  yield { ...base, bias: !bias }
  if (module.startsWith('RNN')) yield { ...base, nonlinearity: nonlinearity === 'relu' ? 'tanh' : 'relu' }
  const ofKind = (['RNN', 'LSTM', 'GRU'] as const).map((name) => (isLayer(module) ? name : (`${name}Cell` as const)))
  for (const other of ofKind) if (other !== module) yield { ...base, module: other }
  yield { ...base, dtype: dtype === 'float64' ? 'float32' : 'float64' }
  yield { ...base, dtype: dtype === 'float16' ? 'float32' : 'float16' }
  yield { ...base, input_size: input_size > 17 ? 4 : 37 }
  yield { ...base, batch: batch === 5 ? 3 : 5 }
}

/** Requests far from a case, in more than one thing: what is said to be so in some requests alone is not to be so in these. */
export function* farFrom(recorded: RecurrentRequest, seed: number): Generator<Other> {
  const random = randomOf(seed)
  const base = drawOf(recorded)
  const bounds = { modules: [base.module], largest }
  for (let i = 0; i < mostDrawn; i++) {
    let drawn = base
    for (let step = 0; step < 3; step++) drawn = drawnAround(drawn, bounds, random)
    const spec = specOf({ ...drawn, profile: 'default', asked: base.asked, optimizer: base.optimizer })
    yield { other: caseOfSpec(spec), text: renderSpec(spec), isFirst: false }
  }
}

/** The same sizes and options with gradients asked for, and others near them: what is asked of a port whose way forth is explained. */
export function* withGradients(recorded: RecurrentRequest, seed: number): Generator<Other> {
  for (const { draw } of drawnFor(recorded, seed)) {
    const spec = specOf({ ...draw, profile: 'default', asked: 'gradients' })
    if ('gradients' in spec) yield { other: caseOfSpec(spec), text: renderSpec(spec), isFirst: false }
  }
}

import { describe, expect, it } from 'vitest'
import { renamed } from '../src/format/actual/map.ts'
import { parseMap } from '../src/format/actual/rules.ts'
import { type FloatTensor, floatTensor } from '../src/format/tensor.ts'
import { layoutOf } from '../src/layout.ts'
import { findingWords } from '../src/report/layout.ts'
import {
  add,
  both,
  d,
  e,
  gate,
  gru,
  layouts,
  lstm,
  matrix,
  order,
  rnn,
  type Rows,
  shaped,
  type Tensors,
  turn,
  U,
  V,
  V0,
  vector,
  W,
  weights,
} from './layouts.ts'

/** What is said of each tensor of a port. */
function said(stateDict: Tensors, port: Tensors): Record<string, string> {
  const { findings, conventions } = layoutOf(stateDict, port)
  return Object.fromEntries(
    findings.map((each) => [each.name, `${each.status}: ${findingWords(each, conventions.orders)}`]),
  )
}

describe('layoutOf', () => {
  it.each(layouts.filter(([name]) => name !== 'z for 1 − z'))(
    'knows the layout of %s, and rules undo it',
    (_, { recorded }, port) => {
      const { findings, unused } = layoutOf(recorded.params, port)
      expect(findings.filter(({ status }) => status !== 'matched').map(({ name }) => name)).toEqual([])
      expect(unused).toEqual([])
      // Gradients are laid out as weights are: here they are the same numbers.
      const rules = findings.map((each) => (each.status === 'matched' ? each.rule : undefined))
      const expected = Object.fromEntries(Object.entries(recorded.params).map(([name, own]) => [`grad_${name}`, own]))
      const asked = { ...recorded, expected: { ...recorded.expected, ...expected } }
      const given = Object.fromEntries(Object.entries(port).map(([name, own]) => [`grad_${name}`, own]))
      const isSummed = rules.some((rule) => rule?.sum)
      const read = renamed(given, parseMap(JSON.stringify(rules), 'map.json'), asked, 'port')
      expect(Object.keys(read).toSorted()).toEqual(Object.keys(expected).toSorted())
      for (const [name, own] of Object.entries(read)) {
        expect(own.shape).toEqual(expected[name]!.shape)
        // The gradient of a sum is that of each of its biases.
        if (!(isSummed && name.includes('bias'))) expect([...own.data]).toEqual([...expected[name]!.data])
      }
    },
  )

  it('knows 1 − z in the place of z, and says what is transposed otherwise than the others', () => {
    const [, , port] = layouts.find(([name]) => name === 'z for 1 − z')!
    expect(said(gru.recorded.params, port)).toEqual({
      w: 'at odds: = weight_ih_l0, gates r z n, z negated, for 1 − z, 45 of 45 numbers, but some of the port’s weights are transposed and some are not',
      r: 'at odds: = weight_hh_l0 transposed, gates r z n, z negated, for 1 − z, 27 of 27 numbers, but some of the port’s weights are transposed and some are not',
      b: 'matched: = bias_ih_l0, gates r z n, z negated, for 1 − z',
      c: 'matched: = bias_hh_l0, gates r z n, z negated, for 1 − z',
    })
  })

  it('says the same of a square matrix that was not transposed', () => {
    const { params } = rnn.recorded
    const [w, r, one, other] = weights(rnn)
    const port = { w: matrix(turn(w)), r: matrix(r), b: vector(add(one, other)) }
    expect(said(params, port)).toMatchObject({
      w: 'matched: = weight_ih_l0 transposed',
      r: 'at odds: = weight_hh_l0, 9 of 9 numbers, but the port’s weights are transposed elsewhere',
    })
  })

  it('names the gates that are exchanged, and how many numbers are equal', () => {
    const kernel = matrix(turn(order(V, [1, 0, 2])))
    const bias = shaped(vector([...order(d, [1, 0, 2]), ...order(e, [1, 0, 2])]), 2, 9)
    const swapped = matrix(turn(U))
    expect(said(gru.recorded.params, { kernel, bias, recurrent_kernel: swapped })).toEqual({
      kernel: 'matched: = weight_ih_l0 transposed, gates r z n → z r n (Keras, ONNX: z r h)',
      bias: 'matched: = bias_ih_l0 and bias_hh_l0 one after the other, gates r z n → z r n (Keras, ONNX: z r h)',
      recurrent_kernel:
        'at odds: = weight_hh_l0 transposed, gates r z n, 27 of 27 numbers, but with gates z and r exchanged against the others, which have z r n',
    })
    const off = floatTensor(
      'float32',
      swapped.shape,
      swapped.data.map((x, i) => (i < 2 ? x + 1 : x)),
    )
    const { findings, conventions, unused } = layoutOf(gru.recorded.params, { kernel, bias, recurrent_kernel: off })
    expect(findingWords(findings[2]!, conventions.orders)).toBe(
      'no match, nearest weight_hh_l0 transposed with gates z and r exchanged (25 of 27 numbers equal)',
    )
    expect(unused).toEqual(['weight_hh_l0'])
  })

  it('does not choose between two orders when there is nothing else', () => {
    const port = { w: matrix(order(V, [1, 0, 2])), r: matrix(U), b: vector(add(d, d)) }
    const words = said(gru.recorded.params, port)
    expect(words['w']).toContain('but the port has its gates in more than one order, here z r n')
    expect(words['r']).toContain('but the port has its gates in more than one order, here r z n')
  })

  it('calls what may be several things ambiguous', () => {
    const zeros = (count: number): FloatTensor =>
      floatTensor(
        'float32',
        [count],
        Array.from({ length: count }, () => 0),
      )
    const symmetric = floatTensor('float32', [3, 3], [1, 2, 3, 2, 4, 5, 3, 5, 6])
    const params = { ...rnn.recorded.params, weight_hh_l0: symmetric, bias_ih_l0: zeros(3), bias_hh_l0: zeros(3) }
    expect(said(params, { w: rnn.recorded.params['weight_ih_l0']!, r: symmetric, b: zeros(3) })).toEqual({
      w: 'matched: = weight_ih_l0',
      r: 'ambiguous: may be weight_hh_l0, or weight_hh_l0 transposed: numbers that differ would tell',
      b: 'ambiguous: may be bias_ih_l0, or bias_hh_l0, or bias_ih_l0 + bias_hh_l0 (all its 3 numbers are 0): numbers that differ would tell',
    })
    // One bias of zeros: whether it was added cannot be told either.
    const half: Tensors = { ...rnn.recorded.params, bias_hh_l0: zeros(3) }
    expect(said(half, { b: half['bias_ih_l0']! })['b']).toBe(
      'ambiguous: may be bias_ih_l0, or bias_ih_l0 + bias_hh_l0: numbers that differ would tell',
    )
  })

  it('calls gates of equal numbers ambiguous, as biases begin in Keras', () => {
    const first = floatTensor(
      'float32',
      [12],
      Array.from({ length: 12 }, (_, i) => Number(i >= 3 && i < 6)),
    )
    const { bias_ih_l0: _, bias_hh_l0: __, ...params } = lstm.recorded.params
    expect(said({ ...params, bias_ih_l0: first }, { first })['first']).toMatch(
      /^ambiguous: may be bias_ih_l0, gates i f g o \(Keras: i f c o\), or .*, or 3 more: numbers that differ would tell$/,
    )
  })

  it('says when one parameter is in two tensors, and which is in none', () => {
    const port = { forward: matrix(turn(V0)), backward: matrix(turn(V0)) }
    const { findings, unused } = layoutOf(both.recorded.params, port)
    expect(findings.map(({ status }) => status)).toEqual(['at odds', 'at odds'])
    expect(said(both.recorded.params, port)['backward']).toMatch(/but forward is that, too$/)
    expect(unused).toContain('weight_ih_l0_reverse')
    const alone = layoutOf(lstm.recorded.params, { i: matrix(gate(W, 0, 4)) })
    expect(alone.unused[0]).toBe('weight_ih_l0: gates f g o')
  })

  it('refuses what has the numbers but computes something else', () => {
    expect(said(gru.recorded.params, { b: vector(add(d, e)) })['b']).toMatch(
      /^at odds: = bias_ih_l0 \+ bias_hh_l0, .* but the two biases of gate n have r between them in PyTorch, so that they are no sum$/,
    )
    expect(said(gru.recorded.params, { w: shaped(matrix(V), 5, 9) })['w']).toMatch(
      /but its numbers stand in another order than its shape says: reshaped, where it was to be transposed$/,
    )
  })

  it('says what was rounded, and takes one number that is rounded for no other', () => {
    const { weight_ih_l0, bias_ih_l0 } = lstm.recorded.params as Tensors
    const port = {
      half: floatTensor('float16', [12, 5], weight_ih_l0!.data),
      brain: floatTensor('float32', [12], floatTensor('bfloat16', [12], bias_ih_l0!.data).data),
    }
    expect(said(lstm.recorded.params, port)).toEqual({
      half: 'matched: = weight_ih_l0, gates i f g o (Keras: i f c o), rounded to float16',
      brain: 'matched: = bias_ih_l0, gates i f g o (Keras: i f c o), rounded to bfloat16, in float32',
    })
    // Cut instead of rounded, as the upper half of a float32; and one in a hundred more than that.
    const halves = new Uint32Array(Float32Array.from(bias_ih_l0!.data).buffer).map((bits) => bits & 0xffff_0000)
    const cut = floatTensor('bfloat16', [12], new Float32Array(halves.buffer))
    expect(said(lstm.recorded.params, { cut })['cut']).toBe(
      'matched: = bias_ih_l0, gates i f g o (Keras: i f c o), within 2 roundings of bfloat16',
    )
    const more = floatTensor(
      'bfloat16',
      [12],
      bias_ih_l0!.data.map((x) => x * 1.02),
    )
    expect(said(lstm.recorded.params, { more })['more']).toMatch(/^unmatched: no match, nearest bias_ih_l0 \(\d+ of 12/)
    const small = { 'fc.bias': floatTensor('float32', [3], [1e-9, -2e-9, 3e-9]) }
    expect(said(small, { b: floatTensor('float16', [3], [0, 0, 0]) })['b']).toMatch(/^unmatched: no match/)
    const other = floatTensor(
      'float32',
      [3],
      small['fc.bias'].data.map((x) => x * (1 + 2 ** -20)),
    )
    expect(said(small, { b: other })['b']).toMatch(/^unmatched: no match, nearest fc\.bias \(0 of 3 numbers equal/)
  })

  it('takes the other sign for nothing but 1 − z', () => {
    const other = (rows: Rows): FloatTensor => matrix(rows.map((row) => row.map((x) => -x)))
    expect(said(lstm.recorded.params, { w: other(W) })['w']).toBe('unmatched: no match, nor is anything near it')
    expect(said(gru.recorded.params, { w: other(V) })['w']).toMatch(
      /^unmatched: no match, nearest weight_ih_l0 .*\(15 of 45 numbers equal\)$/,
    )
  })

  it('lets a sum be off by what its parts are rounded by, and no more where they cancel', () => {
    const bias = rnn.recorded.params['bias_ih_l0']!.data.map((x) => x / 8)
    // A bias that was parted: what is left of it is rounded as 0.5 is.
    const params = {
      ...rnn.recorded.params,
      bias_ih_l0: floatTensor(
        'float32',
        [3],
        bias.map((x) => x - 0.5),
      ),
      bias_hh_l0: floatTensor('float32', [3], [0.5, 0.5, 0.5]),
    }
    const whole = floatTensor('float32', [3], bias)
    expect(said(params, { whole })['whole']).toBe('matched: = bias_ih_l0 + bias_hh_l0, within 4 roundings of float32')
    const far = floatTensor(
      'float32',
      [3],
      bias.map((x) => x + 2 ** -21),
    )
    expect(said(params, { far })['far']).toMatch(/^unmatched: no match, nearest bias_ih_l0 \+ bias_hh_l0 \(0 of 3/)
    const huge = {
      ...params,
      bias_ih_l0: floatTensor('float32', [3], [1e8, 2e8, 3e8]),
      bias_hh_l0: floatTensor('float32', [3], [8 - 1e8, -2e8, -3e8]),
    }
    expect(said(huge, { whole })['whole']).toMatch(/^unmatched/)
  })

  it('lets NaN equal nothing', () => {
    const own = floatTensor('float32', [3], [1, Number.NaN, 2])
    expect(said({ 'fc.bias': own }, { b: own })['b']).toBe(
      'unmatched: no match, nearest fc.bias (2 of 3 numbers equal), and it holds NaN, which equals nothing',
    )
  })

  it('knows a kernel of several axes for what it is', () => {
    const kernel = {
      'conv.weight': floatTensor(
        'float32',
        [4, 3, 2, 2],
        Array.from({ length: 48 }, (_, i) => Math.sin(i + 1)),
      ),
    }
    expect(said(kernel, kernel)).toStrictEqual({ 'conv.weight': 'matched: = conv.weight' })
  })

  it('is at odds with a name of the state_dict that has the numbers of another', () => {
    const [one, other] = [1, 2].map((by) =>
      floatTensor(
        'float32',
        [3, 2],
        Array.from({ length: 6 }, (_, i) => Math.cos(by * i + by)),
      ),
    )
    const swapped = said({ 'fc1.weight': one!, 'fc2.weight': other! }, { 'fc1.weight': other!, 'fc2.weight': one! })
    expect(swapped['fc1.weight']).toMatch(/^at odds: .*its name is that of another parameter/)
    expect(swapped['fc2.weight']).toMatch(/^at odds: .*its name is that of another parameter/)
  })

  it('says so where nothing has as many numbers', () => {
    expect(said(rnn.recorded.params, { b: floatTensor('float32', [7], [1, 2, 3, 4, 5, 6, 7]) })['b']).toBe(
      'unmatched: no match: nothing of the state_dict, alone, joined or summed, has 7 numbers, (7)',
    )
  })
})

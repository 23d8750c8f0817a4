// Where the frameworks depart from PyTorch, and why: README.md, "What other frameworks compute".

/** The cases by file and id, by what they come from. */
export interface Known {
  readonly [reason: string]: readonly string[]
}

/** An RNN's tanh is 2σ(2x) − 1, whose last place is that of 1: rnn_activation_functors.h. */
const tanhBySigmoid = 'tanh is 2σ(2x) − 1'
/** A quotient of polynomials, whose coefficients round subnormal numbers: mlas/lib/tanh.cpp. */
const tanhByPolynomial = 'tanh is a quotient of polynomials'
/** std::max(0, x) is 0 for NaN: rnn_activation_functors.h. */
const reluByMax = 'relu is max(0, x)'
/** Numbers are first clamped, four at a time, which makes ±9 or ±18 of NaN: mlas/lib/tanh.cpp, logistic.cpp. */
const clamped = 'NaN is clamped'

/** Those of onnxruntime-web and -node. */
export const onnxruntime: Readonly<Record<string, Known>> = {
  rnn_cell: {
    [tanhBySigmoid]: [
      'meetings_forward/008-unbatched-input-2-hidden-3-no_state-tiny',
      'meetings_forward/012-batch-3-input-2-hidden-3-subnormal',
      'special_values/batch-4-input-5-hidden-6-subnormal',
      'special_values/batch-4-input-5-hidden-6-tiny',
    ],
    [reluByMax]: [
      'special_values/batch-4-input-5-hidden-6-nonlinearity-relu-nan',
      'special_values/batch-4-input-5-hidden-6-nonlinearity-relu-nan_state',
    ],
  },
  lstm_cell: {
    [tanhByPolynomial]: [
      'meetings_forward/011-unbatched-input-2-hidden-3-no_state-subnormal',
      'special_values/batch-4-input-5-hidden-6-subnormal',
    ],
    [clamped]: [
      'meetings_forward/016-batch-3-input-2-hidden-3-nan_state',
      'meetings_forward/037-batch-3-input-2-hidden-3-float16-nan',
      'meetings_forward/040-batch-3-input-2-hidden-3-float16-nan_state',
      'special_values/batch-4-input-5-hidden-6-nan',
      'special_values/batch-4-input-5-hidden-6-nan_state',
    ],
  },
  gru_cell: {
    [tanhByPolynomial]: [
      'meetings_forward/011-unbatched-input-2-hidden-3-no_state-subnormal',
      'special_values/batch-4-input-5-hidden-6-subnormal',
    ],
    [clamped]: [
      'meetings_forward/016-batch-3-input-2-hidden-3-nan_state',
      'meetings_forward/037-batch-3-input-2-hidden-3-float16-nan',
      'meetings_forward/040-batch-3-input-2-hidden-3-float16-nan_state',
      'special_values/batch-4-input-5-hidden-6-nan',
      'special_values/batch-4-input-5-hidden-6-nan_state',
    ],
  },
  rnn: {
    [tanhBySigmoid]: [
      'meetings_forward/008-seq_len-3-batch-3-input-2-hidden-3-layers-3-batch_first-no_state-lengths-tiny',
      'meetings_forward/012-seq_len-3-unbatched-input-2-hidden-3-bidirectional-subnormal',
      'meetings_forward/067-seq_len-3-batch-3-input-2-hidden-3-bidirectional-lengths-tiny',
      'meetings_forward/068-seq_len-3-unbatched-input-2-hidden-3-bidirectional-tiny',
      'meetings_forward/077-seq_len-3-batch-3-input-2-hidden-3-bidirectional-subnormal',
      'meetings_forward/078-seq_len-3-batch-3-input-2-hidden-3-bidirectional-lengths-subnormal',
      'meetings_forward/079-seq_len-3-unbatched-input-2-hidden-3-subnormal',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-subnormal',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-tiny',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-subnormal',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-tiny',
    ],
    [reluByMax]: [
      'meetings_forward/014-seq_len-3-batch-3-input-2-hidden-3-bidirectional-nonlinearity-relu-float16-infinite',
      'meetings_forward/028-seq_len-3-batch-3-input-2-hidden-3-bias-off-layers-2-batch_first-nonlinearity-relu-dropout-0.4-masked-nan_state',
      'meetings_forward/031-seq_len-3-batch-3-input-2-hidden-3-bias-off-layers-3-batch_first-bidirectional-nonlinearity-relu-dropout-0.4-no_state-masked-infinite_last',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nonlinearity-relu-nan',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nonlinearity-relu-infinite',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nonlinearity-relu-nan_state',
    ],
  },
  lstm: {
    [tanhByPolynomial]: [
      'meetings_forward/011-seq_len-3-unbatched-input-2-hidden-3-batch_first-no_state-subnormal',
      'meetings_forward/063-seq_len-3-batch-3-input-2-hidden-3-layers-3-bidirectional-subnormal',
      'meetings_forward/078-seq_len-3-batch-3-input-2-hidden-3-lengths-subnormal',
      'meetings_forward/079-seq_len-3-unbatched-input-2-hidden-3-bidirectional-subnormal',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-subnormal',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-subnormal',
    ],
    [clamped]: [
      'meetings_forward/013-seq_len-3-batch-3-input-2-hidden-3-layers-2-bidirectional-dropout-0.4-masked-nan',
      'meetings_forward/016-seq_len-3-batch-3-input-2-hidden-3-layers-3-bidirectional-lengths-float16-nan_state',
      'meetings_forward/082-seq_len-3-batch-3-input-2-hidden-3-bidirectional-lengths-nan',
      'meetings_forward/083-seq_len-3-unbatched-input-2-hidden-3-bidirectional-nan',
      'meetings_forward/088-seq_len-3-batch-3-input-2-hidden-3-lengths-nan_state',
      'meetings_forward/089-seq_len-3-unbatched-input-2-hidden-3-bidirectional-nan_state',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nan',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nan_state',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-nan',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-nan_state',
    ],
  },
  gru: {
    [tanhByPolynomial]: [
      'meetings_forward/011-seq_len-3-unbatched-input-2-hidden-3-layers-2-batch_first-bidirectional-dropout-0.4-no_state-masked-subnormal',
      'meetings_forward/062-seq_len-3-batch-3-input-2-hidden-3-layers-3-subnormal',
      'meetings_forward/077-seq_len-3-batch-3-input-2-hidden-3-bidirectional-subnormal',
      'meetings_forward/078-seq_len-3-batch-3-input-2-hidden-3-bidirectional-lengths-subnormal',
      'meetings_forward/079-seq_len-3-unbatched-input-2-hidden-3-subnormal',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-subnormal',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-subnormal',
    ],
    [clamped]: [
      'meetings_forward/035-seq_len-3-unbatched-input-2-hidden-3-layers-3-nan',
      'meetings_forward/048-seq_len-3-unbatched-input-2-hidden-3-float16-nan_state',
      'meetings_forward/082-seq_len-3-batch-3-input-2-hidden-3-bidirectional-lengths-nan',
      'meetings_forward/083-seq_len-3-unbatched-input-2-hidden-3-bidirectional-nan',
      'meetings_forward/088-seq_len-3-batch-3-input-2-hidden-3-lengths-nan_state',
      'meetings_forward/089-seq_len-3-unbatched-input-2-hidden-3-bidirectional-nan_state',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nan',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nan_state',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-nan',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-bidirectional-layers-2-nan_state',
    ],
  },
  seq2seq: {
    [clamped]: ['computes layers and cells, no models'],
  },
}

/** A masked step is mixed in with a factor of 0, which keeps NaN and infinities: tfjs-layers, layers/recurrent.ts, rnn. */
const mixed = 'what is masked is multiplied by 0'
/** A NaN whose sign bit is set, as that of ∞ − ∞ is on x86, is less than 0: 0 comes of it. */
const reluBySign = 'relu looks at the sign bit of NaN'

const leaks = [
  'meetings_forward/017-seq_len-3-batch-3-input-2-hidden-3-lengths-nan_padding',
  'meetings_forward/018-seq_len-3-batch-3-input-2-hidden-3-lengths-infinite_padding',
  'padding/seq_len-6-batch-4-input-3-hidden-4-lengths-nan_padding',
  'padding/seq_len-6-batch-4-input-3-hidden-4-bidirectional-layers-2-lengths-nan_padding',
  'padding/seq_len-6-batch-4-input-3-hidden-4-lengths-infinite_padding',
  'padding/seq_len-6-batch-4-input-3-hidden-4-bidirectional-layers-2-lengths-infinite_padding',
]

/** Those of tfjs on its backend `cpu`. */
export const tfjs: Readonly<Record<string, Known>> = {
  rnn: { [mixed]: leaks },
  lstm: { [mixed]: leaks },
}

/** Those of tfjs on its backend `wasm`. */
export const tfjsWasm: Readonly<Record<string, Known>> = {
  ...tfjs,
  rnn: {
    [mixed]: leaks,
    [reluBySign]: [
      'meetings_forward/031-seq_len-3-batch-3-input-2-hidden-3-bias-off-layers-3-batch_first-bidirectional-nonlinearity-relu-dropout-0.4-no_state-masked-infinite_last',
      'special_values/seq_len-6-batch-4-input-5-hidden-6-nonlinearity-relu-infinite',
    ],
  },
}

/** Those of onnxruntime in Python, which is asked for float32 alone. */
export const onnxruntimePython: Readonly<Record<string, Known>> = Object.fromEntries(
  Object.entries(onnxruntime).map(([module, known]) => [
    module,
    Object.fromEntries(
      Object.entries(known).map(([reason, cases]) => [reason, cases.filter((name) => !name.includes('float16'))]),
    ),
  ]),
)

/** The gradient of relu at NaN is 0, where PyTorch hands on what comes: mlx.nn.relu is max(x, 0). */
const reluGradient = 'the gradient of relu at NaN is 0'

/** Those of MLX. */
export const mlx: Readonly<Record<string, Known>> = {
  rnn: {
    [reluGradient]: [
      'meetings_gradients/010-seq_len-3-unbatched-input-2-hidden-3-layers-2-batch_first-nonlinearity-relu-dropout-0.4-masked-gradients-nan_state',
    ],
  },
}

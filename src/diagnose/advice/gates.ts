import type { Advice } from './advice.ts'

const lstmOrder = 'torch stacks the rows of weight_ih, weight_hh and both biases as i f g o'
const gruOrder = 'torch stacks the rows of weight_ih, weight_hh and both biases as r z n'

export const gateAdvice: Readonly<Record<string, Advice>> = {
  'relu for tanh, tanh for relu': {
    term: 'torch.nn.RNN, nonlinearity',
    change:
      "apply the nonlinearity that the module was made with: nn.RNN(10, 20, 2, 'relu') is relu, but nn.RNNCell(10, 20, 'relu') stays tanh, for its third argument is bias",
  },
  'no nonlinearity': {
    term: 'torch.nn.RNN, nonlinearity',
    change: 'apply tanh, or relu, to the sum of both products and biases',
  },
  'crude tanh': {
    term: 'torch.tanh',
    change:
      'use a tanh that is right to the last digits, as Math.tanh is: a rational approximation is off by up to 0.02',
  },
  'hard sigmoid': {
    term: 'torch.sigmoid',
    change:
      'use 1 / (1 + exp(−x)) for the gates: hardSigmoid is the default recurrent activation of TensorFlow.js and of Keras 2; ask for sigmoid',
  },
  'gates in the order i o f g': {
    term: 'torch.nn.LSTM, weight_ih_l[k]',
    change: `${lstmOrder}: take its blocks 0, 3, 1, 2 on the way to ONNX or WebNN, whose order is i o f c`,
  },
  'gates in the order i f o g': {
    term: 'torch.nn.LSTM, weight_ih_l[k]',
    change: `${lstmOrder}: exchange the last two blocks on the way to Core ML, whose order is i f o z`,
  },
  'gates in the order f i g o': {
    term: 'torch.nn.LSTM, weight_ih_l[k]',
    change: `${lstmOrder}: exchange the first two blocks on the way to OpenVINO, whose order is f i c o`,
  },
  'gates in the order z r n': {
    term: 'torch.nn.GRU, weight_ih_l[k]',
    change: `${gruOrder}: exchange the first two blocks on the way to ONNX, Keras or Core ML, whose order is z r h`,
  },
  'forget bias + 1': {
    term: 'torch.nn.LSTM, bias_ih_l[k]',
    change:
      'add nothing to the bias of f: unit_forget_bias of Keras is a way to initialise it, and torch’s numbers are final',
  },
  'no tanh on c': { term: 'torch.nn.LSTM, h_t', change: 'compute h = o ∘ tanh(c), with c after the step' },
  'peephole added': {
    term: 'torch.nn.LSTM, i_t',
    change: 'take the gates of x and h alone: torch’s LSTM has no peepholes',
  },
  'proj_size ignored in the recurrence': {
    term: 'torch.nn.LSTM, proj_size',
    change: 'feed back the projected state W_hr (o ∘ tanh(c)): with proj_size, h has proj_size units in every step',
  },
  'c_0 ignored': { term: 'torch.nn.LSTM, Inputs: c_0', change: 'start c from c_0, not from zeros' },
  'h_0 and c_0 exchanged': {
    term: 'torch.nn.LSTM, Inputs: (h_0, c_0)',
    change: 'take the pair in torch’s order (h_0, c_0): Flax has its carry as (c, h)',
  },
  'reset before the product': {
    term: 'torch.nn.GRU, n_t',
    change:
      'multiply the product by r, not the state: n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn)); that is linear_before_reset=1 of ONNX, reset_after=True of Keras',
  },
  'b_hn outside the reset': {
    term: 'torch.nn.GRU, n_t',
    change: 'add b_hn before the reset: n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))',
  },
  'one summed bias': {
    term: 'torch.nn.GRU, n_t',
    change: 'keep b_in and b_hn apart, for r multiplies b_hn alone; only for r and z may the two biases be added up',
  },
  'z and 1 − z exchanged': {
    term: 'torch.nn.GRU, h_t',
    change: 'compute h′ = (1 − z) ∘ n + z ∘ h: z keeps the old state',
  },
}

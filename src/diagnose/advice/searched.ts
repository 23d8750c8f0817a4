import type { Advice } from './advice.ts'

/** Of causes that come in families, by what their names have in common. */
export const searchedAdvice: readonly (readonly [name: RegExp, Advice])[] = [
  [
    /^gates in the order /,
    {
      term: 'torch.nn.LSTM and torch.nn.GRU, weight_ih_l[k]',
      change:
        'take the blocks of rows in torch’s order, i f g o of an LSTM and r z n of a GRU, in weights and biases alike',
    },
  ],
  [
    /^gates interleaved/,
    {
      term: 'torch.nn.LSTM, weight_ih_l[k]',
      change: 'read the rows gate by gate: row g * hidden_size + unit, not unit * gates + g',
    },
  ],
  [
    / (for tanh|for sigmoid|for the nonlinearity)$/,
    {
      term: 'torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU: equations',
      change: 'apply tanh and the sigmoid where torch’s equations have them',
    },
  ],
  [
    /^weights in int8/,
    {
      term: 'torch.ao.quantization.quantize_dynamic',
      change: 'keep the weights as they are, or judge with a tolerance that is meant for int8',
    },
  ],
  [
    /^weights in float32/,
    { term: 'torch.Tensor.double', change: 'keep the weights in float64: a Float32Array rounds them' },
  ],
  [/^states in /, { term: 'torch.Tensor.to', change: 'keep h and c in the dtype of the module between steps' }],
  [
    /^batch_first assumed/,
    {
      term: 'torch.nn.RNN, batch_first',
      change: 'read input, and return output, as (seq_len, batch, …) without batch_first',
    },
  ],
  [
    /reversed|transposed$/,
    {
      term: 'torch.nn.RNN, Inputs and Outputs',
      change: 'keep every axis in the order and direction in which torch has it',
    },
  ],
  [
    /^one element of /,
    {
      term: 'torch.nn.Module.state_dict',
      change: 'look at how this one element is loaded or stored: every other one is right',
    },
  ],
]

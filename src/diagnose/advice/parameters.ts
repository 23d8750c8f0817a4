import type { Advice } from './advice.ts'

export const parameterAdvice: Readonly<Record<string, Advice>> = {
  'weight_hh transposed': {
    term: 'torch.nn.RNN, weight_hh_l[k]',
    change:
      'torch stores weight_hh_l[k] as (gates * hidden_size, hidden_size), a row for each number that comes out: compute h W_hhᵀ, and do not turn it once more when loading',
  },
  'weight_ih transposed': {
    term: 'torch.nn.RNN, weight_ih_l[k]',
    change:
      'torch stores weight_ih_l[k] as (gates * hidden_size, input_size), a row for each number that comes out: compute x W_ihᵀ; a square matrix hides the exchange from every check of shapes',
  },
  'weight_ih misread': {
    term: 'torch.nn.RNN, weight_ih_l[k]',
    change:
      'read weight_ih_l[k] row by row as (gates * hidden_size, input_size): element [i, j] stands at i * input_size + j',
  },
  'weight_hr transposed': {
    term: 'torch.nn.LSTM, weight_hr_l[k]',
    change: 'read weight_hr_l[k] row by row as (proj_size, hidden_size), and compute h = W_hr (o ∘ tanh(c))',
  },
  'bias_ih dropped': {
    term: 'torch.nn.RNN, bias_ih_l[k]',
    change: 'add bias_ih_l[k] to x W_ihᵀ: torch has two biases, one beside each product',
  },
  'bias_hh dropped': {
    term: 'torch.nn.RNN, bias_hh_l[k]',
    change: 'add bias_hh_l[k] to h W_hhᵀ: torch has two biases; where a framework has one, give it b_ih + b_hh',
  },
  'bias_ih added twice': {
    term: 'torch.nn.RNN, bias_ih_l[k]',
    change: 'add bias_ih_l[k] once: look for it in the product and again in the cell, or in both places of a mapping',
  },
  'bias_hh added twice': {
    term: 'torch.nn.RNN, bias_hh_l[k]',
    change: 'add bias_hh_l[k] once: look for it in the product and again in the cell, or in both places of a mapping',
  },
  'biases of a GRU swapped': {
    term: 'torch.nn.GRU, n_t',
    change: 'add bias_ih outside and bias_hh inside the reset: n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))',
  },
  'no recurrence': {
    term: 'torch.nn.RNN, h_t',
    change:
      'add h W_hhᵀ, of the state before the step: look for a product that is never added, or weights that were never loaded',
  },
  'reverse with forward weights': {
    term: 'torch.nn.RNN, weight_ih_l[k]_reverse',
    change: 'use the parameters whose names end in _reverse for the second direction',
  },
  'weights in float16': {
    term: 'torch.Tensor.half',
    change: 'keep the weights in the dtype of the module, or record the module with .half() if float16 is meant',
  },
  'weights in bfloat16': {
    term: 'torch.Tensor.bfloat16',
    change: 'keep the weights in the dtype of the module, or record the module with .bfloat16() if that is meant',
  },
  'one weight_hh 1 % off': {
    term: 'torch.nn.RNN, weight_hh_l[k]',
    change: 'look at how this one element is loaded or stored: every other one is right',
  },
}

import type { Advice } from './advice.ts'

export const gradientAdvice: Readonly<Record<string, Advice>> = {
  'gradient not accumulated over time': {
    term: 'torch.Tensor.backward',
    change: 'add the gradient by each parameter up over all time steps: the same parameter is used in each',
  },
  'gradient truncated after 4 steps': {
    term: 'torch.Tensor.detach',
    change:
      'pass the gradient by the state back through every step: torch truncates nothing unless a state is detached',
  },
  'bias gradient counted once': {
    term: 'torch.nn.RNN, bias_hh_l[k]',
    change:
      'give the gradient to both biases: bias_ih and bias_hh of an RNN or LSTM have the same one, neither is half of it',
  },
  '1 − h² at the step before': {
    term: 'torch.tanh',
    change: 'take 1 − h² at the state after the step, which is the value of tanh',
  },
  'cotangent of h_n ignored': {
    term: 'torch.autograd.grad, grad_outputs',
    change: 'begin the backward pass with the gradient by h_n, added to that by the last step of output',
  },
  'cotangent of c_n ignored': {
    term: 'torch.autograd.grad, grad_outputs',
    change: 'begin the backward pass of c with the gradient by c_n, or c_1 of a cell',
  },
  'gradient averaged over the batch': {
    term: 'torch.Tensor.backward',
    change:
      'add the gradients of the rows up; a mean belongs into the loss (reduction="mean"), not into the backward pass',
  },
  'dropout ignored in training mode': {
    term: 'torch.nn.RNN, dropout',
    change: 'multiply the output of each layer but the last by its dropout_mask / (1 − p) in training mode',
  },
  'dropout not scaled': {
    term: 'torch.nn.Dropout',
    change: 'divide what is kept by 1 − p in training mode; nothing is scaled in eval mode',
  },
  'dropout mask inverted': {
    term: 'torch.nn.Dropout',
    change: 'keep where dropout_mask is 1 and drop where it is 0; p is the probability of a zero',
  },
  'gradients not zeroed between steps': {
    term: 'torch.optim.Optimizer.zero_grad',
    change: 'set the gradients to zero before each backward pass',
  },
  'Adam without bias correction': {
    term: 'torch.optim.Adam',
    change: 'divide the first moment by 1 − β₁ᵗ and the second by 1 − β₂ᵗ, with t from 1',
  },
  'momentum ignored': {
    term: 'torch.optim.SGD, momentum',
    change: 'keep a buffer b = momentum * b + (1 − dampening) * g, which begins as the first g, and step by lr * b',
  },
  'nesterov ignored': { term: 'torch.optim.SGD, nesterov', change: 'step by lr * (g + momentum * b) with nesterov' },
  'weight_decay ignored': {
    term: 'torch.optim.SGD, weight_decay',
    change: 'add weight_decay * parameter to the gradient before momentum or the moments; that is no AdamW',
  },
}

import type { Advice } from './advice.ts'

export const layerAdvice: Readonly<Record<string, Advice>> = {
  'h_0 ignored': {
    term: 'torch.nn.RNN, Inputs: h_0',
    change: 'start from h_0 (num_layers * num_directions, batch, hidden_size), not from zeros',
  },
  'h_0 of layer 0 for all layers': {
    term: 'torch.nn.RNN, Inputs: h_0',
    change: 'start layer k in direction d from h_0[k * num_directions + d]',
  },
  'reverse not reversed': {
    term: 'torch.nn.RNN, bidirectional',
    change:
      'run the second direction from the last time step to the first, and with lengths from each row’s own last step',
  },
  'reverse output not flipped back': {
    term: 'torch.nn.RNN, Outputs: output',
    change: 'put the reverse direction’s state for step t at step t of output',
  },
  'directions concatenated the other way': {
    term: 'torch.nn.RNN, Outputs: output',
    change: 'concatenate the forward direction first: output[…, :hidden_size] is forward, the rest is reverse',
  },
  'h_n of reverse from the last step': {
    term: 'torch.nn.RNN, Outputs: h_n',
    change:
      'take the reverse direction’s h_n after its last step, which is time step 0: it is output[0, …, hidden_size:], not output[-1]',
  },
  'h_n by direction': {
    term: 'torch.nn.RNN, Outputs: h_n',
    change: 'order h_n and c_n by layer, then by direction: layer 0 forward, layer 0 reverse, layer 1 forward, …',
  },
  'h_n layers reversed': {
    term: 'torch.nn.RNN, Outputs: h_n',
    change: 'order h_n and c_n from layer 0 up: layer 0 forward, layer 0 reverse, layer 1 forward, …',
  },
  'h_n and c_n exchanged': {
    term: 'torch.nn.LSTM, Outputs: (h_n, c_n)',
    change: 'return (h_n, c_n) in this order: Flax has its carry as (c, h)',
  },
  'h_n from the padded end': {
    term: 'torch.nn.utils.rnn.pack_padded_sequence, lengths',
    change: 'take h_n and c_n of each row after its own last step, lengths[row] − 1',
  },
  'lengths ignored': {
    term: 'torch.nn.utils.rnn.pack_padded_sequence, lengths',
    change:
      'stop each row at its length: its state stays, its output is 0 past it, and its reverse direction starts at its own last step',
  },
  'padding not zeroed': {
    term: 'torch.nn.utils.rnn.pad_packed_sequence, padding_value',
    change: 'put zeros into output past a row’s length',
  },
  'batch_first ignored': {
    term: 'torch.nn.RNN, batch_first',
    change:
      'read input, and return output, as (batch, seq_len, …) with batch_first; h_0 and h_n keep (num_layers * num_directions, batch, …)',
  },
  'residual between layers': {
    term: 'torch.nn.RNN, num_layers',
    change: 'give a layer’s output alone to the next one: torch has no residual connections between layers',
  },
  'state carried between rows': {
    term: 'torch.nn.RNN, Inputs: h_0',
    change: 'start each batch row from its own row of h_0, or from zeros; look for state that outlives a call or a row',
  },
  'output shifted by one step': {
    term: 'torch.nn.RNN, Outputs: output',
    change: 'put the state after step t at output[t]; h_0 is no part of output',
  },
}

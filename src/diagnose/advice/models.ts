import type { Advice } from './advice.ts'

export const modelAdvice: Readonly<Record<string, Advice>> = {
  'context from the first state': {
    term: 'torch.nn.RNN, Outputs: h_n',
    change: 'take the state after the last step of each row, which is h_n, not output[0]',
  },
  'context not transformed': {
    term: 'EncoderDecoder, context transformed_last',
    change: 'apply q to h_N: context = tanh(W_q h_N + b_q), with the layer named transform',
  },
  'states averaged instead of transformed': {
    term: 'EncoderDecoder, context transformed_all',
    change: 'apply q to every state before the mean: context = mean of tanh(W_q h_t + b_q) over the steps of each row',
  },
  'context fed at the first step only': {
    term: 'EncoderDecoder, injection every_step; OneToMany, feeding every',
    change: 'concatenate the context with the embedding, or feed the one input, at every step',
  },
  'decoder state not initialised': {
    term: 'EncoderDecoder, injection initial_state',
    change: 'start the decoder from the context, or with attention from the encoder’s last state, not from zeros',
  },
  'softmax over the wrong axis': {
    term: 'torch.nn.functional.softmax, dim',
    change: 'normalise over the classes, which is the last axis: dim=-1',
  },
  'log of softmax without the stable form': {
    term: 'torch.nn.functional.log_softmax',
    change: 'compute x − max x − log Σ exp(x − max x), as log_softmax does; exp overflows in float32 beyond 88',
  },
  'target shifted by one': {
    term: 'torch.nn.functional.cross_entropy, target',
    change:
      'compare the logits of step t with the symbol after it, and feed the decoder bos and then the target up to t − 1',
  },
  'end symbol not honoured': {
    term: 'EncoderDecoder, eos',
    change: 'stop a row at its first eos: the symbols after it are eos, and everything else is 0',
  },
  'encoder and decoder weights exchanged': {
    term: 'torch.nn.Module.state_dict',
    change: 'load encoder.* into the encoder and decoder.* into the decoder: their shapes may be the same',
  },
  'embedding row off by one': {
    term: 'torch.nn.Embedding',
    change: 'take row s of the table for symbol s, from 0: no row is kept for padding unless padding_idx says so',
  },
  'attention weights not normalised': {
    term: 'torch.nn.functional.softmax, dim',
    change: 'apply softmax to the scores over the steps of the source before they weigh the states',
  },
  'padding attended to': {
    term: 'torch.Tensor.masked_fill',
    change: 'set the scores past a row’s length to −∞ before softmax, so that their weights are 0',
  },
}

import * as z from 'zod'

const size = z
  .int()
  .min(1)
  .max(2 ** 24)
const cellSize = z
  .int()
  .min(0)
  .max(2 ** 24)
const nonlinearity = z.enum(['tanh', 'relu'])

/** Constructor arguments of torch.nn.LSTMCell and GRUCell. */
const cell = { input_size: cellSize, hidden_size: cellSize, bias: z.boolean() }

/** Constructor arguments of torch.nn.GRU, which every layer has. */
const layer = {
  input_size: size,
  hidden_size: size,
  num_layers: z.int().min(1).max(1024),
  bias: z.boolean(),
  batch_first: z.boolean(),
  dropout: z.number().min(0).max(1),
  bidirectional: z.boolean(),
}

/** The constructor arguments of each module, by its torch class name. */
export const configSchemas = {
  RNNCell: z.strictObject({ ...cell, nonlinearity }),
  LSTMCell: z.strictObject(cell),
  GRUCell: z.strictObject(cell),
  RNN: z.strictObject({ ...layer, nonlinearity }),
  LSTM: z.strictObject({ ...layer, proj_size: cellSize }).superRefine(({ proj_size, hidden_size }, context) => {
    if (proj_size < hidden_size) return
    const message = `expected less than hidden_size, which is ${hidden_size}`
    context.addIssue({ code: 'custom', path: ['proj_size'], message, input: proj_size })
  }),
  GRU: z.strictObject(layer),
} as const

/** The constructor arguments of every recurrent module, with what torch takes where a module has none. */
export interface Arguments {
  readonly input_size: number
  readonly hidden_size: number
  readonly bias: boolean
  readonly nonlinearity: 'tanh' | 'relu'
  readonly num_layers: number
  readonly batch_first: boolean
  readonly dropout: number
  readonly bidirectional: boolean
  readonly proj_size: number
}

const defaults = {
  nonlinearity: 'tanh',
  num_layers: 1,
  batch_first: false,
  dropout: 0,
  bidirectional: false,
  proj_size: 0,
} as const

/** config: of a module, with what it has of them. */
export function argumentsOf(config: object): Arguments {
  return { ...defaults, ...(config as Pick<Arguments, 'input_size' | 'hidden_size' | 'bias'>) }
}

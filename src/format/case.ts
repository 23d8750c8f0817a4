// A case: what a module or model was asked, and what PyTorch gave.
import type { Training as TrainingRecord } from './case/record.ts'
import { describedIn, type ExportedConfig, plainAxes } from './exported.ts'
import type { Sampled } from './exported/samples.ts'
import { isModel, type ModelConfig, type ModelExtent, type ModelName, modelSignature } from './model.ts'
import { type Axis, axis, type Config, extentOf, type ModuleName, parameterAxes, signatureOf } from './module.ts'
import type { FloatDType, FloatTensor, Tensor } from './tensor.ts'

/** What an engine is asked: a torch module or a model, its parameters, and what goes into its `forward`. */
export type Request = RecurrentRequest | ModelRequest

/** A recurrent layer or cell of torch.nn. */
export type RecurrentRequest = {
  [M in ModuleName]: {
    /** The torch class name. */
    readonly module: M
    /** torch's constructor arguments. */
    readonly config: Config<M>
    /** The dtype of every parameter, input and output. */
    readonly dtype: FloatDType
    /** The module's state_dict. */
    readonly params: Readonly<Record<string, FloatTensor>>
    readonly inputs: Inputs
    /** The gradient of some loss by each output: the gradients by everything that went in are asked for as well. */
    readonly cotangents?: Outputs
    /** Steps of an optimizer that are asked for instead of one run. */
    readonly training?: Training
  }
}[ModuleName]

/** A model made of recurrent layers, or one that was captured. */
export type ModelRequest = BuiltRequest | ExportedRequest

/** A model as torch.export gives it: torch_parity.capture. */
export interface ExportedRequest {
  readonly module: 'ExportedProgram'
  /** What the model is called, its operations, and which of their tensors are asked for: an engine may give taps, and gives outputs. */
  readonly config: ExportedConfig
  readonly dtype: FloatDType
  /** Parameters and buffers that the program reads, whole numbers and booleans as numbers. */
  readonly params: Readonly<Record<string, FloatTensor>>
  /** By the names that the program has for them. */
  readonly inputs: Readonly<Record<string, Tensor>>
  /** By output of floats: then the gradients of the program are asked for as well. */
  readonly cotangents?: Outputs
  readonly training?: undefined
}

/** Of which python/torch_parity/models says what each computes. */
export type BuiltRequest = {
  [M in ModelName]: {
    readonly module: M
    /** The constructor arguments of the class in python/torch_parity/models. */
    readonly config: ModelConfig<M>
    readonly dtype: FloatDType
    /** The model's state_dict. */
    readonly params: Readonly<Record<string, FloatTensor>>
    readonly inputs: ModelInputs
    /** Holds `loss`, the gradient by the loss: the gradients by everything that went in are asked for as well. */
    readonly cotangents?: Outputs
    readonly training?: undefined
  }
}[ModelName]

/** Symbols are whole numbers from 0. */
export interface ModelInputs {
  /** (seq_len, batch, input_size), or (batch, input_size) where the model has one step of input. */
  readonly input?: FloatTensor
  /** (seq_len, batch): the symbols that are read. */
  readonly source?: Tensor<'int64'>
  /** (target_len, batch), or (batch) where the model has one output: the symbols that are to be predicted. */
  readonly target?: Tensor<'int64'>
  /** (batch), each from 1 to seq_len: how much of each row there is; what is past it changes nothing. */
  readonly lengths?: Tensor<'int64'>
}

export function isModelRequest(request: Request): request is ModelRequest {
  return isModel(request.module) || isExported(request)
}

export function isExported(request: Request): request is ExportedRequest {
  return request.module === 'ExportedProgram'
}

/** Shapes as in torch; an absent h_0 or c_0 means zeros. */
export interface Inputs {
  readonly input: FloatTensor
  readonly h_0?: FloatTensor
  /** Of an LSTM; there when h_0 is. */
  readonly c_0?: FloatTensor
  /** (batch), each from 1 to seq_len: a PackedSequence, padded, its rows in the caller's order. */
  readonly lengths?: Tensor<'int64'>
  /**
   * (num_layers − 1, seq_len, batch, D * hidden_size), batch 1 when unbatched, time first whatever batch_first says: 1 where
   * dropout in training mode has kept an output of a layer, 0 where not. Kept outputs are divided by 1 − dropout.
   * Absent in evaluation mode.
   */
  readonly dropout_mask?: FloatTensor
  /** Like `output` or `h_1`: what training is to come near. */
  readonly target?: FloatTensor
}

/**
 * `steps` times: the mean squared error of `output` (or `h_1`) against `target`, its gradients, and a step of the optimizer,
 * with arguments by torch's names. Source: torch.optim.SGD and Adam, torch.nn.MSELoss.
 */
export type Training = TrainingRecord

/**
 * Named tensors as torch's `forward` returns them: `output`, `h_n`, `c_n` of a layer, `h_1`, `c_1` of a cell. With cotangents
 * also `grad_input`, `grad_h_0`, `grad_c_0` and `grad_` of each parameter. Of a training `loss`, before each step, and each
 * parameter after each step, by its own name with the steps as first axis. Of a model every tensor on its way; `symbols` are whole
 * numbers in the request's dtype.
 */
export type Outputs = Readonly<Record<string, FloatTensor>>

/** A request, what PyTorch answered, and the error that a correct implementation may make. */
export type Case = Request & {
  readonly id: string
  /** Who published the expected values, where it was not PyTorch that computed them. */
  readonly source?: string
  readonly expected: Outputs
  /** For each expected tensor and each of `states`: float64, ≥ 0, broadcasts against it. */
  readonly budget: Readonly<Record<string, Tensor<'float64'>>>
  /** h_t: (seq_len, D * num_layers, batch, hidden_size), and c_t of an LSTM, as PyTorch computed them. */
  readonly states?: Outputs
  /** Of a captured model: for each tap the budget of what gives it alone, from PyTorch's own taps before it. */
  readonly alone?: Readonly<Record<string, Tensor<'float64'>>>
  /** Of a captured model: what is known of taps that are kept as samples; they are in no other of these. */
  readonly samples?: Readonly<Record<string, Sampled>>
  /**
   * What `targeted` has composed the budgets with; never in a file. In them Infinity then stands for an element that may be
   * anything. roundoff: that of its arithmetic; flushes: whether subnormal numbers may become 0.
   */
  readonly target?: { readonly name: string; readonly roundoff: number; readonly flushes: boolean }
}

/** The axes of every tensor that a request asks for, in the order of computation. */
export function expectedAxes(request: Request): Readonly<Record<string, readonly Axis[]>> {
  if (isExported(request))
    return request.cotangents === undefined ? tapAxes(request) : { ...tapAxes(request), ...gradientAxes(request) }
  if (isModelRequest(request)) {
    const { outputs, gradients } = modelSignature(request.module, request.config, modelExtentOf(request))
    return request.cotangents === undefined ? outputs : { ...outputs, ...gradients }
  }
  const { module, config, inputs, cotangents, training } = request
  const signature = signatureOf(module, config, extentOf(module, config, inputs.input.shape))
  const { outputs } = signature
  if (training !== undefined) {
    const steps = axis('step', training.steps)
    const after = Object.entries(parameterAxes(signature.params)).map(([name, axes]) => [name, [steps, ...axes]])
    return { loss: [steps], ...Object.fromEntries(after) }
  }
  if (cotangents === undefined) return outputs
  const given = Object.entries(signature.gradients).filter(([name]) => isGiven(request, name))
  return { ...outputs, ...Object.fromEntries(given) }
}

/** The sizes of a model that its inputs tell. */
export function modelExtentOf({ module, inputs: { input, source, target } }: BuiltRequest): ModelExtent {
  const [first, second = 0] = (source ?? input)?.shape ?? []
  const isOne = module === 'OneToMany'
  return { seq_len: isOne ? undefined : first, batch: isOne ? (first ?? 0) : second, target_len: target?.shape[0] }
}

/** Whether a gradient is of something that went in: torch has none by a state that was left out. */
function isGiven({ inputs }: RecurrentRequest, gradient: string): boolean {
  if (gradient === 'grad_h_0') return inputs.h_0 !== undefined
  return gradient !== 'grad_c_0' || inputs.c_0 !== undefined
}

const knownTaps = new WeakMap<ExportedConfig, Readonly<Record<string, readonly Axis[]>>>()

/** Of every tap, by its name. */
function tapAxes({ config }: ExportedRequest): Readonly<Record<string, readonly Axis[]>> {
  let axes = knownTaps.get(config)
  if (axes === undefined) {
    const nodes = new Map(config.nodes.map((node) => [node.name, node]))
    axes = Object.fromEntries(
      config.taps.map(({ name, value }) => {
        if ('node' in value) return [name, plainAxes(nodes.get(value.node)!.shapes[value.output ?? 0]!)]
        return [name, plainAxes(('param' in value ? config.params[value.param]! : config.inputs[value.input]!).shape)]
      }),
    )
    knownTaps.set(config, axes)
  }
  return axes
}

function gradientAxes({ config }: ExportedRequest): Record<string, readonly Axis[]> {
  const { gradients = [] } = config
  return Object.fromEntries(gradients.map(({ name, value }) => [name, plainAxes(describedIn(config, value).shape)]))
}

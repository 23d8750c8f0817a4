import { z } from 'zod'
import { isPlain, ParityError, type ParityErrorCode } from './errors.ts'
import { generatedTensor, maxGenerated } from './generated.ts'
import {
  isModel,
  type ModelConfig,
  type ModelExtent,
  type ModelName,
  modelSchemas,
  type ModelSignature,
  modelSignature,
} from './model.ts'
import {
  type Axis,
  axis,
  type Config,
  configSchemas,
  type Extent,
  extentOf,
  inputLayout,
  kinds,
  type ModuleName,
  parameterAxes,
  type Signature,
  shapesOf,
  signatureOf,
} from './module.ts'
import {
  broadcastStrides,
  type DType,
  elementCount,
  type FloatDType,
  type FloatTensor,
  formatShape,
  itemSize,
  sameShape,
  type Tensor,
  tensorFromBytes,
} from './tensor.ts'

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

/** A model made of recurrent layers: python/torch_parity/models says what each computes. */
export type ModelRequest = {
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
  return isModel(request.module)
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

const step = { lr: z.number().min(0), weight_decay: z.number().min(0), steps: z.int().min(1).max(10_000) }

const Training = z.discriminatedUnion('optimizer', [
  z
    .strictObject({
      optimizer: z.literal('SGD'),
      ...step,
      momentum: z.number().min(0),
      dampening: z.number(),
      nesterov: z.boolean(),
    })
    .superRefine(({ momentum, dampening, nesterov }, context) => {
      if (!nesterov || (momentum > 0 && dampening === 0)) return
      const message = 'expected momentum above 0 and a dampening of 0 with it, as torch does'
      context.addIssue({ code: 'custom', path: ['nesterov'], message, input: nesterov })
    }),
  z.strictObject({
    optimizer: z.literal('Adam'),
    ...step,
    betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]),
    eps: z.number().min(0),
  }),
])

/**
 * `steps` times: the mean squared error of `output` (or `h_1`) against `target`, its gradients, and a step of the optimizer,
 * with arguments by torch's names. Source: torch.optim.SGD and Adam, torch.nn.MSELoss.
 */
export type Training = z.infer<typeof Training>

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
  /**
   * What `targeted` has composed the budgets with; never in a file. In them Infinity then stands for an element that may be
   * anything. roundoff: that of its arithmetic; flushes: whether subnormal numbers may become 0.
   */
  readonly target?: { readonly name: string; readonly roundoff: number; readonly flushes: boolean }
}

/** Text without the characters that control somebody's terminal or turn the direction of what stands around it. */
export const plainText = z.string().refine(isPlain, 'expected no control character')

const TensorRecord = z.strictObject({
  dtype: z.enum(Object.keys(itemSize) as [DType, ...DType[]]),
  // A tensor without elements needs no bytes, so its other sizes need a limit: engines count through them.
  shape: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 24),
    )
    .max(8),
  data: z.instanceof(Uint8Array).optional(),
  /** Instead of data, in a file of version 2. */
  generated: z
    .strictObject({
      stream: plainText.min(1).max(1000),
      kind: z.enum(['uniform', 'normal']),
      bound: z.number(),
      scale: z.number(),
    })
    .optional(),
})
type TensorRecord = z.infer<typeof TensorRecord>
const TensorRecords = z.record(z.string(), TensorRecord)

type Module = ModuleName | ModelName

const CaseRecord = z.strictObject({
  id: plainText.min(1).max(200),
  module: z.enum([...Object.keys(configSchemas), ...Object.keys(modelSchemas)] as [Module, ...Module[]]),
  config: z.unknown(),
  dtype: z.enum(['float16', 'bfloat16', 'float32', 'float64']),
  source: plainText.min(1).max(1000).optional(),
  params: TensorRecords,
  inputs: TensorRecords,
  expected: TensorRecords,
  budget: TensorRecords.optional(),
  states: TensorRecords.optional(),
  cotangents: TensorRecords.optional(),
  training: Training.optional(),
})

/**
 * Checks a decoded case map against the format and against torch's own shapes, and copies its tensors out.
 * where: what stands before the message of an error, usually the file's name. version: of the format. measure: makes the budget
 * of a case that comes without one.
 * @throws ParityError CASE_INVALID that names the case and the tensor.
 */
export function parseCase(record: unknown, where: string, version: 1 | 2 = 1, measure?: Measure): Case {
  const named = `${where}: case ${caseName(record)}`
  const parsed = parse(CaseRecord, record, named)
  checkGenerated(parsed, version, named)
  const { id, source } = parsed
  const { request, stateShapes } = isModel(parsed.module)
    ? { request: readModel(parsed, parsed.module, named), stateShapes: {} }
    : readRecurrent(parsed, parsed.module, named)

  const expectedShapes = shapesOf(expectedAxes(request))
  // What others have published may be a part of what torch returns.
  const optional = source === undefined ? [] : Object.keys(expectedShapes)
  const expected = tensors(parsed.expected, expectedShapes, request.dtype, `${named}: expected`, optional)
  if (Object.keys(expected).length === 0) throw invalid(`${named}: expected: expected at least one tensor, got none`)
  const states = parsed.states && tensors(parsed.states, stateShapes, request.dtype, `${named}: states`)
  const judged = Object.fromEntries(Object.entries(expectedShapes).filter(([name]) => name in expected))
  const read = { ...request, id, ...(source === undefined ? {} : { source }), expected, ...(states && { states }) }
  if (parsed.budget === undefined) {
    if (measure === undefined || source !== undefined) throw invalid(`${named}: budget: expected a map, got none`)
    return { ...read, budget: measure(read) }
  }
  const budget = budgets(parsed.budget, { ...judged, ...(states && stateShapes) }, `${named}: budget`)
  return { ...read, budget }
}

/** The budget of a case that has none. */
export type Measure = (recorded: Request & Omit<Case, 'budget'>) => Case['budget']

type ParsedRecord = z.infer<typeof CaseRecord>

/** Numbers may be named where they went in, in a file of version 2, and as many as can be made at once: all before any is made. */
function checkGenerated(parsed: ParsedRecord, version: 1 | 2, named: string): void {
  let count = 0
  for (const group of ['params', 'inputs', 'cotangents', 'expected', 'budget', 'states'] as const) {
    const isGivenIn = group === 'params' || group === 'inputs' || group === 'cotangents'
    for (const [name, { dtype, shape, data, generated }] of Object.entries(parsed[group] ?? {})) {
      const where = `${named}: ${group}.${printable(name)}`
      if (generated === undefined) {
        if (data === undefined) throw invalid(`${where}.data: expected Uint8Array, got nothing`)
        continue
      }
      if (version === 1) throw invalid(`${where}: expected data, as version 1 has it, got what is generated`)
      if (data !== undefined) throw invalid(`${where}: expected data or what is generated, got both`)
      if (!isGivenIn || dtype === 'int64') throw invalid(`${where}: expected data, got what is generated`)
      count += elementCount(shape)
    }
  }
  if (count > maxGenerated) {
    throw invalid(`${named}: expected at most ${maxGenerated} generated numbers, got ${count}`)
  }
}

function readRecurrent(
  parsed: ParsedRecord,
  module: ModuleName,
  named: string,
): { request: RecurrentRequest; stateShapes: Record<string, number[]> } {
  const { dtype, training } = parsed
  rejectProjSize(module, parsed.config, named)
  const config = parse(configSchemas[module], parsed.config, `${named}: config`)
  const extent = readExtent(module, config, parsed.inputs['input'], named)
  const signature = signatureOf(module, config, extent)
  const params = tensors(parsed.params, signature.params, dtype, `${named}: params`)
  const inputs = readInputs(parsed, module, config, signature, extent.seq_len, named)
  const cotangents = parsed.cotangents && readCotangents(parsed, signature, `${named}: cotangents`)
  // The schema that was looked up by `module` has checked `config`; TypeScript cannot follow that.
  const request = {
    module,
    config,
    dtype,
    params,
    inputs,
    ...(cotangents && { cotangents }),
    ...(training && { training }),
  } as RecurrentRequest
  return { request, stateShapes: shapesOf(signature.states) }
}

function readModel(parsed: ParsedRecord, module: ModelName, named: string): ModelRequest {
  const { dtype, training, states } = parsed
  for (const [key, value] of Object.entries({ training, states })) {
    if (value !== undefined) throw invalid(`${named}: ${key}: expected none in a case of ${module}, got some`)
  }
  const schema: z.ZodType<ModelConfig> = modelSchemas[module]
  const config = parse(schema, parsed.config, `${named}: config`)
  const extent = readModelExtent(module, parsed.inputs, named)
  const signature = modelSignature(module, config, extent)
  const params = tensors(parsed.params, signature.params, dtype, `${named}: params`)
  const inputs = readModelInputs(parsed, signature, extent.seq_len ?? 1, `${named}: inputs`)
  if (parsed.cotangents !== undefined && !('loss' in signature.outputs)) {
    throw invalid(`${named}: cotangents: expected none without a target, of which a loss is made, got some`)
  }
  const cotangents = parsed.cotangents && tensors(parsed.cotangents, { loss: [] }, dtype, `${named}: cotangents`)
  // The schema that was looked up by `module` has checked `config`; TypeScript cannot follow that.
  return { module, config, dtype, params, inputs, ...(cotangents && { cotangents }) } as ModelRequest
}

/** Reads the sizes off what goes in; the shapes are checked against the signature that they lead to. */
function readModelExtent(module: ModelName, inputs: ParsedRecord['inputs'], named: string): ModelExtent {
  const name = module === 'LanguageModel' || module === 'EncoderDecoder' ? 'source' : 'input'
  const record = inputs[name]
  if (record === undefined) throw invalid(`${named}: inputs.${name}: expected a tensor, got none`)
  const { shape } = record
  const rank = name === 'source' || module === 'OneToMany' ? 2 : 3
  if (shape.length !== rank) {
    const words =
      name === 'source' ? '(seq_len, batch)' : rank === 2 ? '(batch, input_size)' : '(seq_len, batch, input_size)'
    throw invalid(`${named}: inputs.${name}: expected shape ${words}, got ${formatShape(shape)}`)
  }
  const [seq_len, batch = 0] = module === 'OneToMany' ? [undefined, shape[0]] : shape
  if (seq_len === 0) throw invalid(`${named}: inputs.${name}: expected seq_len of at least 1, got 0`)
  if (batch === 0) throw invalid(`${named}: inputs.${name}: expected a batch of at least 1, got 0`)
  return { seq_len, batch, target_len: inputs['target']?.shape[0] }
}

function readModelInputs(
  { module, dtype, inputs: records }: ParsedRecord,
  { floats, symbols, lengths }: ModelSignature,
  seq_len: number,
  where: string,
): ModelInputs {
  const shapes = {
    ...floats,
    ...Object.fromEntries(Object.entries(symbols).map(([name, { shape }]) => [name, shape])),
    ...(lengths === undefined ? {} : { lengths }),
  }
  rejectUnknown(records, shapes, where)
  const read: Record<string, Tensor> = tensors(
    Object.fromEntries(Object.entries(records).filter(([name]) => name in floats)),
    floats,
    dtype,
    where,
  )
  for (const [name, { shape, count }] of Object.entries(symbols)) {
    const record = records[name]
    if (record?.shape[0] === 0) throw invalid(`${where}.${name}: expected target_len of at least 1, got 0`)
    // A decoder that is taught reads its target; elsewhere it only makes a loss.
    if (record === undefined && name === 'target' && module !== 'EncoderDecoder') continue
    if (record === undefined)
      throw invalid(`${where}.${name}: expected a tensor of shape ${formatShape(shape)}, got none`)
    read[name] = readWholeNumbers(record, shape, 0, count - 1, `${where}.${name}`, 'symbols')
  }
  if (records['lengths'] !== undefined) {
    read['lengths'] = readWholeNumbers(records['lengths'], lengths!, 1, seq_len, `${where}.lengths`, 'lengths')
  }
  return read
}

/** The axes of every tensor that a request asks for, in the order of computation. */
export function expectedAxes(request: Request): Readonly<Record<string, readonly Axis[]>> {
  if (isModelRequest(request)) {
    const { outputs, gradients } = modelSignature(request.module, request.config, modelExtentOf(request))
    return request.cotangents === undefined ? outputs : { ...outputs, ...gradients }
  }
  const { module, config, inputs, cotangents, training } = request
  const signature = signatureOf(module, config, extentOf(module, config, inputs.input.shape))
  const { params, outputs } = signature
  if (training !== undefined) {
    const steps = axis('step', training.steps)
    const after = Object.entries(parameterAxes(params)).map(([name, axes]) => [name, [steps, ...axes]])
    return { loss: [steps], ...Object.fromEntries(after) }
  }
  if (cotangents === undefined) return outputs
  const given = Object.entries(signature.gradients).filter(([name]) => isGiven(request, name))
  return { ...outputs, ...Object.fromEntries(given) }
}

function modelExtentOf({ module, inputs: { input, source, target } }: ModelRequest): ModelExtent {
  const [first, second = 0] = (source ?? input)?.shape ?? []
  const isOne = module === 'OneToMany'
  return { seq_len: isOne ? undefined : first, batch: isOne ? (first ?? 0) : second, target_len: target?.shape[0] }
}

/** Whether a gradient is of something that went in: torch has none by a state that was left out. */
function isGiven({ inputs }: RecurrentRequest, gradient: string): boolean {
  if (gradient === 'grad_h_0') return inputs.h_0 !== undefined
  return gradient !== 'grad_c_0' || inputs.c_0 !== undefined
}

/** torch gives GRU and RNN a reason of its own for a proj_size. */
function rejectProjSize(module: ModuleName, config: unknown, named: string): void {
  if (module === 'LSTM' || typeof config !== 'object' || config === null || !('proj_size' in config)) return
  throw invalid(
    `${named}: config: expected no proj_size, which torch has for LSTM alone, got ${show(config.proj_size)} for ${module}`,
  )
}

function readExtent(module: ModuleName, config: Config, input: TensorRecord | undefined, named: string): Extent {
  if (input === undefined) throw invalid(`${named}: inputs.input: expected a tensor, got none`)
  const layout = inputLayout(module, config)
  if (!layout.ranks.includes(input.shape.length)) {
    throw invalid(`${named}: inputs.input: expected shape ${layout.words}, got ${formatShape(input.shape)}`)
  }
  const extent = extentOf(module, config, input.shape)
  if (extent.seq_len === 0) throw invalid(`${named}: inputs.input: expected seq_len of at least 1, got 0`)
  return extent
}

function invalid(message: string): ParityError {
  return new ParityError('CASE_INVALID', message)
}

function caseName(record: unknown): string {
  if (typeof record !== 'object' || record === null || !('id' in record)) return '(without an id)'
  return typeof record.id === 'string' ? printable(record.id.slice(0, 200)) : '(without an id)'
}

/** Parses with zod; the first issue becomes one line that says where, what was expected and what came. */
export function parse<T>(
  schema: z.ZodType<T>,
  value: unknown,
  where: string,
  code: ParityErrorCode = 'CASE_INVALID',
): T {
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const path = issue === undefined || issue.path.length === 0 ? '' : `: ${printable(issue.path.join('.'))}`
  throw new ParityError(code, `${where}${path}: ${issue === undefined ? 'expected another value' : describe(issue)}`)
}

function describe(issue: z.core.$ZodIssue): string {
  const got = `got ${show(issue.input)}`
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}, ${got}`
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => show(value)).join(', ')}, ${got}`
    case 'too_small':
      return `expected at least ${issue.minimum}, ${got}`
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}, ${got}`
    case 'unrecognized_keys':
      return `expected no key ${issue.keys.map((key) => show(key)).join(', ')}`
    case 'invalid_union':
      return `expected one of ${options(issue)}, got ${show(chosen(issue))}`
    default:
      return `${issue.message}, ${got}`
  }
}

function options(issue: z.core.$ZodIssueInvalidUnion): string {
  const known = 'options' in issue && Array.isArray(issue.options) ? (issue.options as unknown[]) : []
  return known.map((option) => show(option)).join(', ')
}

/** What stands where a union is told apart. */
function chosen({ discriminator, input }: z.core.$ZodIssueInvalidUnion): unknown {
  const isMap = typeof input === 'object' && input !== null && discriminator !== undefined
  return isMap ? (input as Record<string, unknown>)[discriminator] : input
}

/** Text from a file as a message may show it: its control characters as escapes. */
function printable(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1)
  return escaped.replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A value from a file, in a few words. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return typeof value === 'string' ? `"${printable(value.slice(0, 60))}"` : `${value as number}`
}

function readInputs(
  { dtype, inputs: records, training }: ParsedRecord,
  module: ModuleName,
  config: Config,
  signature: Signature,
  seq_len: number | undefined,
  named: string,
): Inputs {
  const where = `${named}: inputs`
  const { lengths: lengthsRecord, ...floats } = records
  const { lengths: lengthsShape, target: targetShape, ...shapes } = signature.inputs
  const wanted = { ...shapes, ...(training === undefined ? {} : { target: targetShape! }) }
  const { input, ...rest } = tensors(floats, wanted, dtype, where, ['h_0', 'c_0', 'dropout_mask'])
  if (input === undefined) throw invalid(`${where}.input: expected a tensor, got none`)
  if (kinds[module].hasCellState && (rest['h_0'] === undefined) !== (rest['c_0'] === undefined)) {
    const [has, lacks] = rest['h_0'] === undefined ? ['c_0', 'h_0'] : ['h_0', 'c_0']
    throw invalid(`${where}: expected h_0 and c_0 or neither, as torch does, got ${has} without ${lacks}`)
  }
  if (rest['dropout_mask'] !== undefined) checkMask(rest['dropout_mask'], config, `${where}.dropout_mask`)
  return {
    input,
    ...rest,
    ...(lengthsRecord === undefined
      ? {}
      : { lengths: readLengths(lengthsRecord, lengthsShape, seq_len ?? 0, `${where}.lengths`) }),
  }
}

function checkMask(mask: FloatTensor, config: Config, where: string): void {
  if (!('dropout' in config && config.dropout > 0 && config.dropout < 1)) {
    const dropout = 'dropout' in config ? config.dropout : 'none'
    throw invalid(`${where}: expected none without a dropout between 0 and 1, got one with dropout ${dropout}`)
  }
  for (const kept of mask.data) {
    if (kept !== 0 && kept !== 1) throw invalid(`${where}: expected 0 or 1, got ${kept}`)
  }
}

function readCotangents({ dtype, cotangents, training }: ParsedRecord, { outputs }: Signature, where: string): Outputs {
  if (training !== undefined) throw invalid(`${where}: expected none in a case of training, got some`)
  return tensors(cotangents ?? {}, shapesOf(outputs), dtype, where)
}

function readLengths(
  record: TensorRecord,
  shape: readonly number[] | undefined,
  seq_len: number,
  where: string,
): Tensor<'int64'> {
  if (shape === undefined) throw invalid(`${where}: expected no lengths for an unbatched input or a cell, got some`)
  return readWholeNumbers(record, shape, 1, seq_len, where, 'lengths')
}

function readWholeNumbers(
  record: TensorRecord,
  shape: readonly number[],
  lowest: number,
  highest: number,
  where: string,
  what: string,
): Tensor<'int64'> {
  const tensor = decodeTensor(record, shape, where)
  if (tensor.dtype !== 'int64') throw invalid(`${where}: expected dtype int64, got ${tensor.dtype}`)
  for (const value of tensor.data) {
    if (!(value >= BigInt(lowest) && value <= BigInt(highest))) {
      throw invalid(`${where}: expected ${what} from ${lowest} to ${highest}, got ${value}`)
    }
  }
  return tensor
}

/** Every tensor of `shapes` but the optional ones, none that is not there, each of the case's dtype. */
function tensors(
  records: Record<string, TensorRecord>,
  shapes: Readonly<Record<string, readonly number[]>>,
  dtype: FloatDType,
  where: string,
  optional: readonly string[] = [],
): Record<string, FloatTensor> {
  rejectUnknown(records, shapes, where)
  const read: Record<string, FloatTensor> = {}
  for (const [name, shape] of Object.entries(shapes)) {
    const record = records[name]
    if (record === undefined) {
      if (optional.includes(name)) continue
      throw invalid(`${where}.${name}: expected a tensor of shape ${formatShape(shape)}, got none`)
    }
    const tensor = decodeTensor(record, shape, `${where}.${name}`)
    if (tensor.dtype === 'int64' || tensor.dtype !== dtype)
      throw invalid(`${where}.${name}: expected dtype ${dtype}, got ${tensor.dtype}`)
    read[name] = tensor
  }
  return read
}

function rejectUnknown(records: object, shapes: object, where: string): void {
  for (const name of Object.keys(records)) {
    if (!Object.hasOwn(shapes, name)) {
      const names = Object.keys(shapes)
      const wanted = names.length === 0 ? 'no tensor' : `one of ${names.join(', ')}`
      throw invalid(`${where}.${printable(name)}: expected ${wanted}, got ${show(name)}`)
    }
  }
}

/** Checks the sizes before it copies, so that a shape of 10¹² elements costs nothing. */
function decodeTensor(record: TensorRecord, shape: readonly number[] | undefined, where: string): Tensor {
  if (shape !== undefined && !sameShape(record.shape, shape)) {
    throw invalid(`${where}: expected shape ${formatShape(shape)}, got ${formatShape(record.shape)}`)
  }
  const { dtype, generated, data = new Uint8Array(0) } = record
  // Reading the record has checked that there are not too many, of floats alone.
  if (generated !== undefined) return generatedTensor(dtype as FloatDType, record.shape, generated)
  const byteLength = elementCount(record.shape) * itemSize[dtype]
  if (data.length !== byteLength) {
    throw invalid(
      `${where}: expected ${byteLength} bytes for ${dtype} ${formatShape(record.shape)}, got ${data.length}`,
    )
  }
  return tensorFromBytes(dtype, record.shape, data)
}

/** So many times a budget, as it is allowed, is still finite. */
const largestBudget = 1e307

function budgets(
  records: Record<string, TensorRecord>,
  shapes: Readonly<Record<string, readonly number[]>>,
  where: string,
): Record<string, Tensor<'float64'>> {
  rejectUnknown(records, shapes, where)
  const read: Record<string, Tensor<'float64'>> = {}
  for (const [name, shape] of Object.entries(shapes)) {
    const record = records[name]
    if (record === undefined) throw invalid(`${where}.${name}: expected a tensor, got none`)
    if (broadcastStrides(record.shape, shape) === undefined) {
      throw invalid(
        `${where}.${name}: expected a shape that broadcasts against ${formatShape(shape)}, got ${formatShape(record.shape)}`,
      )
    }
    const tensor = decodeTensor(record, undefined, `${where}.${name}`)
    if (tensor.dtype !== 'float64') throw invalid(`${where}.${name}: expected dtype float64, got ${tensor.dtype}`)
    for (const value of tensor.data) {
      if (!(value >= 0 && value < largestBudget)) {
        throw invalid(`${where}.${name}: expected finite numbers of at least 0, got ${value}`)
      }
    }
    read[name] = tensor
  }
  return read
}

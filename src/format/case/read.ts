import {
  type Case,
  expectedAxes,
  type Inputs,
  type ModelInputs,
  type ModelRequest,
  type Outputs,
  type RecurrentRequest,
  type Request,
} from '../case.ts'
import { maxGenerated } from '../generated.ts'
import {
  isModel,
  type ModelConfig,
  type ModelExtent,
  type ModelName,
  type ModelSignature,
  modelSignature,
} from '../model.ts'
import {
  type Config,
  type Extent,
  extentOf,
  inputLayout,
  kinds,
  type ModuleName,
  type Signature,
  shapesOf,
  signatureOf,
} from '../module.ts'
import { elementCount, type FloatTensor, formatShape, type Tensor } from '../tensor.ts'
import type { CaseRecord, TensorRecord } from './record.ts'
import { budgets, readWholeNumbers, rejectUnknown, tensors } from './tensors.ts'
import { invalid, printable, show } from './wording.ts'

/** Gives the constructor arguments of a case once they are checked: with zod, or as they are where that is done. */
type ConfigOf = (module: ModuleName | ModelName, config: unknown, named: string) => Config | ModelConfig

/** The budget of a case that has none. */
export type Measure = (recorded: Request & Omit<Case, 'budget'>) => Case['budget']

/**
 * Checks a case map of the right form against torch's own shapes, and copies its tensors out. Where it has generated tensors,
 * `checkGenerated` comes before.
 * named: what stands before the message of an error. measure: makes the budget of a case that has none.
 * @throws ParityError CASE_INVALID that names the case and the tensor.
 */
export function readCase(parsed: CaseRecord, named: string, configOf: ConfigOf, measure?: Measure): Case {
  const { id, source } = parsed
  const { request, stateShapes } = isModel(parsed.module)
    ? { request: readModel(parsed, parsed.module, named, configOf), stateShapes: {} }
    : readRecurrent(parsed, parsed.module, named, configOf)

  const expectedShapes = shapesOf(expectedAxes(request))
  // What others have published may be a part of what torch returns.
  const optional = source === undefined ? [] : Object.keys(expectedShapes)
  const expected = tensors(parsed.expected, expectedShapes, request.dtype, `${named}: expected`, optional)
  if (Object.keys(expected).length === 0) throw invalid(`${named}: expected: expected at least one tensor, got none`)
  const states = parsed.states && tensors(parsed.states, stateShapes, request.dtype, `${named}: states`)
  const read = { ...request, id, ...(source === undefined ? {} : { source }), expected, ...(states && { states }) }
  if (parsed.budget === undefined) {
    if (measure === undefined || source !== undefined) throw invalid(`${named}: budget: expected a map, got none`)
    return { ...read, budget: measure(read) }
  }
  const judged: Record<string, number[]> = {}
  for (const name of Object.keys(expected)) judged[name] = expectedShapes[name]!
  const budget = budgets(parsed.budget, { ...judged, ...(states && stateShapes) }, `${named}: budget`)
  return { ...read, budget }
}

/** Numbers may be named where they went in, in a file of version 2, and as many as can be made at once: all before any is made. */
export function checkGenerated(parsed: CaseRecord, version: 1 | 2 | 3, named: string): void {
  let count = 0
  for (const group of ['params', 'inputs', 'cotangents', 'expected', 'budget', 'states'] as const) {
    const isGivenIn = group === 'params' || group === 'inputs' || group === 'cotangents'
    const records = parsed[group]
    if (records === undefined) continue
    for (const name of Object.keys(records)) {
      const { dtype, shape, data, generated } = records[name]!
      if (data !== undefined && generated === undefined) continue
      const where = `${named}: ${group}.${printable(name)}`
      if (generated === undefined) throw invalid(`${where}.data: expected Uint8Array, got nothing`)
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
  parsed: CaseRecord,
  module: ModuleName,
  named: string,
  configOf: ConfigOf,
): { request: RecurrentRequest; stateShapes: Record<string, number[]> } {
  const { dtype, training } = parsed
  rejectProjSize(module, parsed.config, named)
  const config = configOf(module, parsed.config, named) as Config
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

function readModel(parsed: CaseRecord, module: ModelName, named: string, configOf: ConfigOf): ModelRequest {
  const { dtype, training, states } = parsed
  for (const [key, value] of Object.entries({ training, states })) {
    if (value !== undefined) throw invalid(`${named}: ${key}: expected none in a case of ${module}, got some`)
  }
  const config = configOf(module, parsed.config, named) as ModelConfig
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
function readModelExtent(module: ModelName, inputs: CaseRecord['inputs'], named: string): ModelExtent {
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
  { module, dtype, inputs: records }: CaseRecord,
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

function readInputs(
  { dtype, inputs: records, training }: CaseRecord,
  module: ModuleName,
  config: Config,
  signature: Signature,
  seq_len: number | undefined,
  named: string,
): Inputs {
  const where = `${named}: inputs`
  const { lengths: lengthsRecord } = records
  const { lengths: lengthsShape } = signature.inputs
  const wanted = without(signature.inputs, training === undefined ? ['lengths', 'target'] : ['lengths'])
  const rest = tensors(without(records, ['lengths']), wanted, dtype, where, ['h_0', 'c_0', 'dropout_mask'])
  const input = rest['input']
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

function without<T>(record: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  const rest: Record<string, T> = {}
  for (const name of Object.keys(record)) if (!names.includes(name)) rest[name] = record[name]!
  return rest
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

function readCotangents({ dtype, cotangents, training }: CaseRecord, { outputs }: Signature, where: string): Outputs {
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

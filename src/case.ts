import { z } from 'zod'
import { ParityError, type ParityErrorCode } from './errors.ts'
import {
  type Config,
  configSchemas,
  extentOf,
  inputLayout,
  type ModuleName,
  type Signature,
  signatureOf,
  sizes,
} from './module.ts'
import {
  broadcastStrides,
  elementCount,
  type FloatDType,
  type FloatTensor,
  formatShape,
  itemSize,
  sameShape,
  type Tensor,
  tensorFromBytes,
} from './tensor.ts'

/** What an engine is asked: a torch module, its parameters, and what goes into its `forward`. */
export type Request = {
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
  }
}[ModuleName]

/** Shapes as in torch; an absent h_0 means zeros. */
export interface Inputs {
  readonly input: FloatTensor
  readonly h_0?: FloatTensor
  /** (batch), each from 1 to seq_len: a PackedSequence, padded, its rows in the caller's order. */
  readonly lengths?: Tensor<'int64'>
}

/** Named tensors as torch's `forward` returns them: `output` and `h_n`, or `h_1` from a cell. */
export type Outputs = Readonly<Record<string, FloatTensor>>

/** A request, what PyTorch answered, and the error that a correct implementation may make. */
export type Case = Request & {
  readonly id: string
  readonly expected: Outputs
  /** For each expected tensor and each of `states`: float64, ≥ 0, broadcasts against it. */
  readonly budget: Readonly<Record<string, Tensor<'float64'>>>
  /** h_t: (seq_len, D * num_layers, batch, hidden_size), as PyTorch computed it. */
  readonly states?: Outputs
}

/** Text without the control characters that would reach somebody's terminal. */
export const plainText = z.string().regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'expected no control character')

const TensorRecord = z.strictObject({
  dtype: z.enum(['float32', 'float64', 'int64']),
  // A tensor without elements needs no bytes, so its other sizes need a limit: engines count through them.
  shape: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 24),
    )
    .max(8),
  data: z.instanceof(Uint8Array),
})
type TensorRecord = z.infer<typeof TensorRecord>
const TensorRecords = z.record(z.string(), TensorRecord)

const CaseRecord = z.strictObject({
  id: plainText.min(1).max(200),
  module: z.enum(Object.keys(configSchemas) as [ModuleName, ...ModuleName[]]),
  config: z.unknown(),
  dtype: z.enum(['float32', 'float64']),
  params: TensorRecords,
  inputs: TensorRecords,
  expected: TensorRecords,
  budget: TensorRecords,
  states: TensorRecords.optional(),
})

/**
 * Checks a decoded case map against the format and against torch's own shapes, and copies its tensors out.
 * where: what stands before the message of an error, usually the file's name.
 * @throws ParityError CASE_INVALID that names the case and the tensor.
 */
export function parseCase(record: unknown, where: string): Case {
  const named = `${where}: case ${caseName(record)}`
  const parsed = parse(CaseRecord, record, named)
  const { id, module, dtype } = parsed
  const config = parse(configSchemas[module], parsed.config, `${named}: config`)

  const input = parsed.inputs['input']
  if (input === undefined) throw invalid(`${named}: inputs.input: expected a tensor, got none`)
  const layout = inputLayout(module, config)
  if (!layout.ranks.includes(input.shape.length)) {
    throw invalid(`${named}: inputs.input: expected shape ${layout.words}, got ${formatShape(input.shape)}`)
  }
  const extent = extentOf(module, config, input.shape)
  if (extent.seq_len === 0) throw invalid(`${named}: inputs.input: expected seq_len of at least 1, got 0`)
  const signature = signatureOf(module, config, extent)

  const params = tensors(parsed.params, signature.params, dtype, `${named}: params`)
  const inputs = readInputs(parsed.inputs, signature, dtype, extent.seq_len, named)
  const expectedShapes = shapesOf(signature.expected)
  const expected = tensors(parsed.expected, expectedShapes, dtype, `${named}: expected`)
  const stateShapes = shapesOf(signature.states)
  const states =
    parsed.states === undefined ? undefined : tensors(parsed.states, stateShapes, dtype, `${named}: states`)
  const budget = budgets(
    parsed.budget,
    { ...expectedShapes, ...(states === undefined ? {} : stateShapes) },
    `${named}: budget`,
  )
  // The schema that was looked up by `module` has checked `config`; TypeScript cannot follow that.
  const request = { module, config, dtype, params, inputs } as Request
  return { ...request, id, expected, budget, ...(states === undefined ? {} : { states }) }
}

function shapesOf(axes: Signature['expected']): Record<string, number[]> {
  return Object.fromEntries(Object.entries(axes).map(([name, of]) => [name, sizes(of)]))
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
      return `expected at most ${issue.maximum}, ${got}`
    case 'unrecognized_keys':
      return `expected no key ${issue.keys.map((key) => show(key)).join(', ')}`
    default:
      return `${issue.message}, ${got}`
  }
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
  records: Record<string, TensorRecord>,
  signature: Signature,
  dtype: FloatDType,
  seq_len: number | undefined,
  named: string,
): Inputs {
  const where = `${named}: inputs`
  const { lengths: lengthsRecord, ...floats } = records
  const { lengths: lengthsShape, ...shapes } = signature.inputs
  const { input, h_0 } = tensors(floats, shapes, dtype, where, ['h_0'])
  if (input === undefined) throw invalid(`${where}.input: expected a tensor, got none`)
  return {
    input,
    ...(h_0 === undefined ? {} : { h_0 }),
    ...(lengthsRecord === undefined
      ? {}
      : { lengths: readLengths(lengthsRecord, lengthsShape, seq_len ?? 0, `${where}.lengths`) }),
  }
}

function readLengths(
  record: TensorRecord,
  shape: readonly number[] | undefined,
  seq_len: number,
  where: string,
): Tensor<'int64'> {
  if (shape === undefined) throw invalid(`${where}: expected no lengths for an unbatched input or a cell, got some`)
  const lengths = decodeTensor(record, shape, where)
  if (lengths.dtype !== 'int64') throw invalid(`${where}: expected dtype int64, got ${lengths.dtype}`)
  for (const length of lengths.data) {
    if (!(length >= 1n && length <= BigInt(seq_len))) {
      throw invalid(`${where}: expected lengths from 1 to ${seq_len}, got ${length}`)
    }
  }
  return lengths
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
    if (tensor.dtype !== dtype) throw invalid(`${where}.${name}: expected dtype ${dtype}, got ${tensor.dtype}`)
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
  const byteLength = elementCount(record.shape) * itemSize[record.dtype]
  if (record.data.length !== byteLength) {
    throw invalid(
      `${where}: expected ${byteLength} bytes for ${record.dtype} ${formatShape(record.shape)}, got ${record.data.length}`,
    )
  }
  return tensorFromBytes(record.dtype, record.shape, record.data)
}

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
      if (!(value >= 0 && value < Infinity)) {
        throw invalid(`${where}.${name}: expected finite numbers of at least 0, got ${value}`)
      }
    }
    read[name] = tensor
  }
  return read
}

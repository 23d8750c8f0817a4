import * as z from 'zod'
import { plainText } from '../plain.ts'

const name = plainText.min(1).max(200)

/** A tensor of the program: what an operation gives (of several, which), a parameter or buffer, or what goes in. */
const Reference = z.union([
  z.strictObject({ node: name, output: z.int().min(0).max(255).optional() }),
  z.strictObject({ param: name }),
  z.strictObject({ input: name }),
])

/** Infinities and NaN as well. */
const anyNumber = z.custom<number>((value) => typeof value === 'number', 'expected a number')
const Scalar = z.union([anyNumber, z.boolean(), plainText.max(200), z.null()])
const One = z.union([Scalar, Reference, z.strictObject({ dtype: plainText.max(20) })])
const Argument = z.union([One, z.array(One).max(4096)])

const size = z
  .int()
  .min(0)
  .max(2 ** 24)

/** Of what an operation gives; in a case whole numbers and booleans stand as numbers of the case's dtype. */
const dtypes = [
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
] as const

const Node = z.strictObject({
  name,
  /** `aten.conv2d.default`: torch's own name. */
  op: plainText.min(1).max(200),
  /** By torch's names, as its schema has them. */
  args: z.record(plainText.min(1).max(100), Argument),
  /** Of everything that it gives. */
  shapes: z.array(z.array(size).max(8)).min(1).max(256),
  dtypes: z.array(z.enum(dtypes)).min(1).max(256),
  /** The path of the module that it is a part of; empty in the model itself. */
  module: plainText.max(500),
  /** Where it stands in the source of the model. */
  line: plainText.max(500),
})

const Tap = z.strictObject({ name, value: Reference, output: z.boolean() })

const given = z.record(name, z.strictObject({ shape: z.array(size).max(8), dtype: z.enum(dtypes) }))

/** A gradient that is asked for: by what, and what it is called. */
const Gradient = z.strictObject({
  name,
  value: z.union([z.strictObject({ param: name }), z.strictObject({ input: name })]),
})

const program = {
  nodes: z.array(Node).max(20_000),
  taps: z.array(Tap).min(1).max(20_000),
  /** What it reads: it is a program of these shapes alone. dtype: as PyTorch has it; a boolean stands as a whole number in a case. */
  params: given,
  inputs: given,
  /** Of the outputs that are of floats, times their cotangents. */
  gradients: z.array(Gradient).min(1).max(20_000).optional(),
}

/** What torch.export makes of a model, and which of its tensors are looked at. */
export const ExportedConfig = z.strictObject({
  /** What an engine knows the model by. */
  name,
  ...program,
  /** Of one module alone: the tap that is asked for, from taps before it as inputs. */
  part: name.optional(),
})

/** What cases of a file share, as the file holds it. */
export const ProgramRecord = z.strictObject({ program: name, ...program })
export const WeightsRecord = z.strictObject({ weights: name, params: z.unknown() })

/** The config of a case in a file: its program and weights stand before it under these names. */
export const SharedConfig = z.strictObject({ name, program: name, weights: name })

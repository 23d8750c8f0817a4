// Reads captured models: their programs and weights, and the cases that name them.
import type { Case, ExportedRequest } from '../case.ts'
import { type ExportedRecord, StoredRecords } from '../case/record.ts'
import type * as z from 'zod'
import { anyTensors, budgets, rejectUnknown, tensors } from '../case/tensors.ts'
import { invalid, parse, printable, show } from '../case/wording.ts'
import { describedIn, differentiatedOutputs, type ExportedConfig, referencesOf, type Reference } from '../exported.ts'
import { expectedAxes } from '../case.ts'
import { shapesOf } from '../module.ts'
import { elementCount, type FloatDType, formatShape, sameShape } from '../tensor.ts'
import { ProgramRecord, WeightsRecord } from './config.ts'
import { readSampled } from './samples.ts'
import type { Source } from '../messages.ts'
import type { Shared } from './shared.ts'
import { readStored } from './stored.ts'

/**
 * Reads what cases share.
 * @throws ParityError FIXTURE_INVALID where it is of another form, or stands twice.
 */
export async function readShared(
  record: unknown,
  where: string,
  shared: Shared,
  beside?: Source['beside'],
): Promise<void> {
  if (typeof record === 'object' && record !== null && 'weights' in record) {
    const { weights: name, params } = parse(WeightsRecord, record, `${where}: weights`, 'FIXTURE_INVALID')
    const named = `${where}: weights ${name}`
    if (shared.weights.has(name)) throw invalid(`${named}: expected weights once, got them twice`)
    const read = await readStored(parse(StoredRecords, params, named, 'FIXTURE_INVALID'), named, beside)
    for (const [key, { dtype }] of Object.entries(read)) {
      if (dtype === 'int64') throw invalid(`${named}: ${show(key)}: expected floats, got int64`)
    }
    shared.weights.set(name, read as Parameters<Shared['weights']['set']>[1])
    return
  }
  const { program: name, ...program } = parse(ProgramRecord, record, `${where}: program`, 'FIXTURE_INVALID')
  const named = `${where}: program ${name}`
  if (shared.programs.has(name)) throw invalid(`${named}: expected a program once, got it twice`)
  checkProgram(program, named)
  shared.programs.set(name, program)
}

/** Of what an operation gives. */
const mostNumbers = 2 ** 27

type Unnamed = Omit<ExportedConfig, 'name' | 'part'>

/** Everything is read after it is given, and every name is one's own. */
function checkProgram({ nodes, taps, params, inputs, gradients }: Unnamed, named: string): void {
  const known = new Map<string, number>()
  const check = (value: Reference, where: string): void => {
    if (!('node' in value)) {
      const isParam = 'param' in value
      const own = isParam ? value.param : value.input
      if (Object.hasOwn(isParam ? params : inputs, own)) return
      throw invalid(`${where}: expected the name of ${isParam ? 'a parameter' : 'an input'}, got ${show(own)}`)
    }
    const count = known.get(value.node)
    if (count === undefined) throw invalid(`${where}: expected an operation before it, got ${show(value.node)}`)
    if ((value.output ?? 0) >= count) {
      throw invalid(`${where}: expected one of the ${count} tensors of ${show(value.node)}, got ${value.output}`)
    }
  }
  for (const node of nodes) {
    const where = `${named}: ${node.name}`
    for (const value of referencesOf(node)) check(value, where)
    if (known.has(node.name)) throw invalid(`${where}: expected a name of its own, got one twice`)
    if (node.dtypes.length !== node.shapes.length) {
      throw invalid(`${where}: expected ${node.shapes.length} dtypes, one for each shape, got ${node.dtypes.length}`)
    }
    for (const shape of node.shapes) {
      if (elementCount(shape) > mostNumbers) {
        throw invalid(`${where}: expected at most ${mostNumbers} numbers, got shape ${formatShape(shape)}`)
      }
    }
    known.set(node.name, node.shapes.length)
  }
  const names = new Set<string>()
  for (const { name, value } of taps) {
    check(value, `${named}: tap ${name}`)
    if (names.has(name)) throw invalid(`${named}: tap ${name}: expected a name of its own, got one twice`)
    names.add(name)
  }
  for (const { name, value } of gradients ?? []) {
    const where = `${named}: gradient ${name}`
    check(value, where)
    const { dtype } = 'param' in value ? params[value.param]! : inputs[value.input]!
    if (!dtype.includes('float')) throw invalid(`${where}: expected a gradient by floats, got one by ${dtype}`)
    if (names.has(name)) throw invalid(`${where}: expected a name of its own, got one twice`)
    names.add(name)
  }
  if (!taps.some(({ output }) => output)) throw invalid(`${named}: expected at least one output, got none`)
}

/**
 * Reads a case of a captured model.
 * @throws ParityError CASE_INVALID that names the case and the tensor.
 */
export function readExported(parsed: z.infer<typeof ExportedRecord>, named: string, shared: Shared): Case {
  const { id, dtype, budget: budgetRecords, alone: aloneRecords } = parsed
  const { config: own } = parsed
  const program = shared.programs.get(own.program)
  if (program === undefined)
    throw invalid(`${named}: config.program: expected one that stands before it, got ${show(own.program)}`)
  const params = shared.weights.get(own.weights)
  if (params === undefined)
    throw invalid(`${named}: config.weights: expected some that stand before it, got ${show(own.weights)}`)
  const key = JSON.stringify([own.name, own.program])
  const config = shared.configs.get(key) ?? { name: own.name, ...program }
  shared.configs.set(key, config)
  const inputs = anyTensors(parsed.inputs, `${named}: inputs`)
  checkGiven(config, params, inputs, dtype, named)
  const cotangents = readCotangents(parsed.cotangents, config, dtype, `${named}: cotangents`)
  const request: ExportedRequest = {
    module: 'ExportedProgram',
    config,
    dtype,
    params,
    inputs,
    ...(cotangents && { cotangents }),
  }
  const all = shapesOf(expectedAxes(request))
  const samples = readSamples(parsed.samples ?? {}, all, dtype, `${named}: samples`)
  const shapes = Object.fromEntries(Object.entries(all).filter(([name]) => !Object.hasOwn(samples, name)))
  const expected = tensors(parsed.expected, shapes, dtype, `${named}: expected`)
  const budget = budgets(budgetRecords, shapes, `${named}: budget`)
  const alone = aloneRecords && budgets(aloneRecords, without(shapes, config.gradients), `${named}: alone`)
  const isSampled = Object.keys(samples).length > 0
  return { ...request, id, expected, budget, ...(alone && { alone }), ...(isSampled && { samples }) }
}

/** Gradients are not asked for alone. */
function without<T>(
  shapes: Readonly<Record<string, T>>,
  gradients: ExportedConfig['gradients'] = [],
): Record<string, T> {
  const names = new Set(gradients.map(({ name }) => name))
  return Object.fromEntries(Object.entries(shapes).filter(([name]) => !names.has(name)))
}

/** One for each output of floats, where gradients are asked for. */
function readCotangents(
  records: z.infer<typeof ExportedRecord>['cotangents'],
  config: ExportedConfig,
  dtype: FloatDType,
  where: string,
): ExportedRequest['cotangents'] {
  if (config.gradients === undefined) {
    if (records === undefined) return undefined
    throw invalid(`${where}: expected none of a program without gradients, got some`)
  }
  const wanted = differentiatedOutputs(config).map(
    ({ name, value }) => [name, [...describedIn(config, value).shape]] as const,
  )
  return tensors(records ?? {}, Object.fromEntries(wanted), dtype, where)
}

function readSamples(
  records: NonNullable<z.infer<typeof ExportedRecord>['samples']>,
  shapes: Readonly<Record<string, readonly number[]>>,
  dtype: FloatDType,
  where: string,
): NonNullable<Case['samples']> {
  rejectUnknown(records, shapes, where)
  return Object.fromEntries(
    Object.entries(records).map(([name, record]) => [
      name,
      readSampled(record, shapes[name]!, dtype, `${where}.${printable(name)}`),
    ]),
  )
}

/** What a program reads is there, in its shapes and of the case's dtype, and nothing else goes in. */
function checkGiven(
  config: ExportedConfig,
  params: ExportedRequest['params'],
  inputs: ExportedRequest['inputs'],
  dtype: FloatDType,
  named: string,
): void {
  const check = (what: string, wanted: Unnamed['inputs'], given: ExportedRequest['inputs'], isWhole: boolean): void => {
    rejectUnknown(given, wanted, `${named}: ${what}`)
    for (const [name, { shape }] of Object.entries(wanted)) {
      const where = `${named}: ${what}.${printable(name)}`
      const tensor = given[name]
      if (tensor === undefined) throw invalid(`${where}: expected a tensor of shape ${formatShape(shape)}, got none`)
      if (!sameShape(tensor.shape, shape)) {
        throw invalid(`${where}: expected shape ${formatShape(shape)}, got ${formatShape(tensor.shape)}`)
      }
      if (tensor.dtype !== dtype && !(isWhole && tensor.dtype === 'int64')) {
        throw invalid(`${where}: expected dtype ${dtype}${isWhole ? ' or int64' : ''}, got ${tensor.dtype}`)
      }
    }
  }
  check('params', config.params, params, false)
  check('inputs', config.inputs, inputs, true)
}

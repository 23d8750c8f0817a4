// Reads captured models: their programs and weights, and the cases that name them.
import type { Case, ExportedRequest } from '../case.ts'
import { type ExportedRecord, TensorRecords } from '../case/record.ts'
import type { z } from 'zod'
import { anyTensors, budgets, tensors } from '../case/tensors.ts'
import { invalid, parse, show } from '../case/wording.ts'
import { type ExportedConfig, referencesOf, type Reference } from '../exported.ts'
import { expectedAxes } from '../case.ts'
import { shapesOf } from '../module.ts'
import type { FloatDType } from '../tensor.ts'
import { ProgramRecord, WeightsRecord } from './config.ts'
import type { Shared } from './shared.ts'

/**
 * Reads what cases share.
 * @throws ParityError FIXTURE_INVALID where it is of another form, or stands twice.
 */
export function readShared(record: unknown, where: string, shared: Shared): void {
  if (typeof record === 'object' && record !== null && 'weights' in record) {
    const { weights: name, params } = parse(WeightsRecord, record, `${where}: weights`, 'FIXTURE_INVALID')
    const named = `${where}: weights ${name}`
    if (shared.weights.has(name)) throw invalid(`${named}: expected weights once, got them twice`)
    const records = parse(TensorRecords, params, named, 'FIXTURE_INVALID')
    const read = anyTensors(records, named)
    for (const [key, { dtype }] of Object.entries(read)) {
      if (dtype === 'int64') throw invalid(`${named}: ${show(key)}: expected floats, got int64`)
    }
    shared.weights.set(name, read as Parameters<Shared['weights']['set']>[1])
    return
  }
  const { program: name, nodes, taps } = parse(ProgramRecord, record, `${where}: program`, 'FIXTURE_INVALID')
  const named = `${where}: program ${name}`
  if (shared.programs.has(name)) throw invalid(`${named}: expected a program once, got it twice`)
  checkProgram({ nodes, taps }, named)
  shared.programs.set(name, { nodes, taps })
}

/** Everything is read after it is given, and every name is one's own. */
function checkProgram({ nodes, taps }: Pick<ExportedConfig, 'nodes' | 'taps'>, named: string): void {
  const known = new Map<string, number>()
  const check = (value: Reference, where: string): void => {
    if (!('node' in value)) return
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
    known.set(node.name, node.shapes.length)
  }
  const names = new Set<string>()
  for (const { name, value } of taps) {
    check(value, `${named}: tap ${name}`)
    if (names.has(name)) throw invalid(`${named}: tap ${name}: expected a name of its own, got one twice`)
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
  const config = shared.configs.get(key) ?? { name: own.name, nodes: program.nodes, taps: program.taps }
  shared.configs.set(key, config)
  const inputs = anyTensors(parsed.inputs, `${named}: inputs`)
  checkGiven(config, params, inputs, dtype, named)
  const request: ExportedRequest = { module: 'ExportedProgram', config, dtype, params, inputs }
  const shapes = shapesOf(expectedAxes(request))
  const expected = tensors(parsed.expected, shapes, dtype, `${named}: expected`)
  const budget = budgets(budgetRecords, shapes, `${named}: budget`)
  const alone = aloneRecords && budgets(aloneRecords, shapes, `${named}: alone`)
  return { ...request, id, expected, budget, ...(alone && { alone }) }
}

/** Everything that a program reads is there, of the case's dtype, and nothing else goes in. */
function checkGiven(
  { nodes, taps }: ExportedConfig,
  params: ExportedRequest['params'],
  inputs: ExportedRequest['inputs'],
  dtype: FloatDType,
  named: string,
): void {
  const read = new Set<string>()
  for (const value of [...nodes.flatMap((node) => referencesOf(node)), ...taps.map((tap) => tap.value)]) {
    if ('param' in value && !Object.hasOwn(params, value.param)) {
      throw invalid(`${named}: params: expected ${show(value.param)}, which its program reads, got none`)
    }
    if (!('input' in value)) continue
    read.add(value.input)
    if (!Object.hasOwn(inputs, value.input)) {
      throw invalid(`${named}: inputs: expected ${show(value.input)}, which its program reads, got none`)
    }
  }
  for (const [name, tensor] of Object.entries(inputs)) {
    if (!read.has(name)) throw invalid(`${named}: inputs: expected what its program reads, got ${show(name)}`)
    if (tensor.dtype !== 'int64' && tensor.dtype !== dtype) {
      throw invalid(`${named}: inputs.${name}: expected dtype ${dtype} or int64, got ${tensor.dtype}`)
    }
  }
  for (const [name, tensor] of Object.entries(params)) {
    if (tensor.dtype !== dtype) {
      throw invalid(`${named}: params.${name}: expected dtype ${dtype}, got ${tensor.dtype}`)
    }
  }
}

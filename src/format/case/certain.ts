// Plain checks that accept what certainly is a case: nearly all are. What they have a doubt about goes to zod, which is slow to load,
// and whose words every error is said in. test/case/certain.test.ts holds the two against each other.
import type { Case } from '../case.ts'
import type { Config } from '../module.ts'
import { itemSize } from '../tensor.ts'
import { readCase } from './read.ts'
import type { CaseRecord, TensorRecord } from './record.ts'

/**
 * Reads a decoded case map as `parseCase` does, where there is no doubt about its form; undefined where there is any.
 * @throws ParityError CASE_INVALID for other shapes than torch's, as `parseCase` does.
 */
export function certainCase(record: unknown, where: string): Case | undefined {
  if (!isCertain(record)) return undefined
  const config = certainConfig(record)
  if (config === undefined) return undefined
  return readCase(record, `${where}: case ${record.id}`, () => config)
}

/** Without what a message escapes. */
const plainId = /^[\w .,:;+=()[\]/#@*-]{1,200}$/
const dtypes: ReadonlySet<unknown> = new Set(['float16', 'bfloat16', 'float32', 'float64'])
const layerKeys = 7
const needed = ['id', 'module', 'config', 'dtype', 'params', 'inputs', 'expected', 'budget'] as const

function isCertain(record: unknown): record is CaseRecord {
  if (!isMap(record)) return false
  for (const key of needed) if (record[key] === undefined) return false
  for (const key in record) if (!isCertainPart(key, record[key])) return false
  return true
}

function isCertainPart(key: string, value: unknown): boolean {
  switch (key) {
    case 'id':
      return typeof value === 'string' && plainId.test(value)
    case 'dtype':
      return dtypes.has(value)
    case 'module':
    case 'config':
      return true
    case 'params':
    case 'inputs':
    case 'expected':
    case 'budget':
    case 'states':
    case 'cotangents':
      return areTensors(value)
    default:
      // Trainings and what others have published are few.
      return false
  }
}

function areTensors(records: unknown): boolean {
  if (!isMap(records)) return false
  for (const name in records) if (!isTensor(records[name])) return false
  return true
}

/** Numbers that are named are made by what zod has checked. */
function isTensor(record: unknown): record is TensorRecord {
  if (!isMap(record)) return false
  let keys = 0
  for (const key in record) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data') return false
    keys++
  }
  const { dtype, shape, data } = record
  if (keys !== 3 || typeof dtype !== 'string' || !Object.hasOwn(itemSize, dtype)) return false
  if (!(data instanceof Uint8Array) || !Array.isArray(shape) || shape.length > 8) return false
  for (const size of shape) if (!isSize(size, 0)) return false
  return true
}

/** Of a layer or a cell, with its keys in the order of the schema; models have other arguments. */
function certainConfig({ module, config }: CaseRecord): Config | undefined {
  if (!isMap(config)) return undefined
  const { input_size, hidden_size, bias, nonlinearity } = config
  if (typeof bias !== 'boolean') return undefined
  const isLayer = module === 'RNN' || module === 'LSTM' || module === 'GRU'
  const least = isLayer ? 1 : 0
  if (!isSize(input_size, least) || !isSize(hidden_size, least)) return undefined
  const keys = Object.keys(config).length
  const isNonlinear = nonlinearity === 'tanh' || nonlinearity === 'relu'
  if (module === 'RNNCell') {
    return isNonlinear && keys === 4 ? { input_size, hidden_size, bias, nonlinearity } : undefined
  }
  if (module === 'LSTMCell' || module === 'GRUCell') {
    return keys === 3 ? { input_size, hidden_size, bias } : undefined
  }
  const { num_layers, batch_first, dropout, bidirectional, proj_size } = config
  if (!isLayer || !isSize(num_layers, 1) || num_layers > 1024) return undefined
  if (typeof batch_first !== 'boolean' || typeof bidirectional !== 'boolean') return undefined
  if (!(typeof dropout === 'number' && dropout >= 0 && dropout <= 1)) return undefined
  if (module === 'GRU') {
    return keys === layerKeys
      ? { input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional }
      : undefined
  }
  if (keys !== layerKeys + 1) return undefined
  if (module === 'RNN') {
    return isNonlinear
      ? { input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, nonlinearity }
      : undefined
  }
  return isSize(proj_size, 0) && proj_size < hidden_size
    ? { input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size }
    : undefined
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

/** Of an axis, or a constructor's argument. */
function isSize(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= 2 ** 24
}

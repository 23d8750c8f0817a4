import type { ModelSpec, RecordSpec } from '../../oracle.ts'
import { isModelSpec } from './models.ts'

/** `GRU input 1, hidden 2, seq_len 5, batch 1, bidirectional, gradients` */
export function renderSpec(spec: RecordSpec): string {
  if (isModelSpec(spec)) return renderModel(spec)
  const {
    module,
    input_size,
    hidden_size,
    seq_len,
    batch = 4,
    options = {},
    lengths,
    state,
    dtype,
    profile,
    training,
  } = spec
  const settings = Object.entries(options).map(([name, value]) => (value === true ? name : `${name} ${String(value)}`))
  return [
    `${module} input_size ${input_size}`,
    `hidden_size ${hidden_size}`,
    ...(seq_len === undefined ? [] : [`seq_len ${seq_len}`]),
    batch === null ? 'unbatched' : `batch ${batch}`,
    ...settings,
    ...(lengths ? [lengthsText(lengths)] : []),
    ...(state === false ? ['no h_0'] : []),
    ...(dtype === undefined ? [] : [dtype]),
    ...(profile === undefined ? [] : [profile]),
    ...(spec.gradients === true ? ['gradients'] : []),
    ...(training
      ? [
          Object.entries(training)
            .map(([name, value]) => (name === 'optimizer' ? String(value) : `${name} ${String(value)}`))
            .join(' '),
        ]
      : []),
  ].join(', ')
}

function renderModel({
  module,
  config,
  seq_len,
  batch,
  lengths,
  target_len,
  dtype,
  gradients,
  logits,
}: ModelSpec): string {
  return [
    `${module} ${Object.entries(config)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    `input of ${seq_len} steps`,
    `batch ${batch}`,
    ...(lengths ? [lengthsText(lengths)] : []),
    ...(target_len === undefined ? [] : [`target_len ${target_len}`]),
    ...(dtype === undefined ? [] : [dtype]),
    ...(gradients === true ? ['gradients'] : []),
    ...(logits === undefined ? [] : [`logits ${logits} times`]),
  ].join(', ')
}

const mostLengths = 16

function lengthsText(lengths: readonly number[]): string {
  const shown = lengths.slice(0, mostLengths).join(' ')
  return lengths.length > mostLengths ? `lengths ${shown} …` : `lengths ${shown}`
}

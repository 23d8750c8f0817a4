import pc from 'picocolors'
import { type Case, isExported, isModelRequest } from '../format/case.ts'
import { logLine, ParityError } from '../format/errors.ts'
import type { Fixture } from '../format/fixture.ts'
import { plural, renderRecorder, scientific } from '../report/text.ts'
import { formatShape, type Tensor } from '../format/tensor.ts'
import { toJSON } from '../report/json.ts'
import { findFixtures, openFile, writeAside } from './files.ts'
import { namedCase } from './named.ts'
import { say } from './terminal.ts'

interface InspectOptions {
  /** One case, or how its id alone begins, with its tensors. */
  readonly case?: string
  readonly json?: string
}

/** Prints headers and cases of fixtures, or one case and its tensors. → the exit code */
export async function inspect(paths: readonly string[], { case: id, json }: InspectOptions): Promise<number> {
  const { files, errors } = await findFixtures(paths)
  const [only, ...others] = files
  if (id !== undefined && only !== undefined && others.length > 0) {
    throw new ParityError('USAGE', `--case: expected one file, got ${files.length}`)
  }
  const messages = errors.map(({ message }) => message)
  const inspected: Record<string, unknown>[] = []
  for (const file of files) {
    try {
      const fixture = await openFile(file)
      const { name, seed, version, producer } = fixture.header
      const cases: Record<string, unknown>[] = []
      inspected.push({ file, name, seed, version, bytes: fixture.byteLength, sha256: fixture.sha256, producer, cases })
      if (id === undefined) {
        say(describeFile(fixture))
        for await (const read of fixture.cases()) {
          if (read.error !== undefined) messages.push(read.error.message)
          else {
            say(describeCase(read.case))
            if (json !== undefined) cases.push(aboutCase(read.case))
          }
        }
      } else {
        const recorded = await namedCase(file, id)
        say(describeTensors(recorded))
        cases.push(aboutCase(recorded))
      }
    } catch (error) {
      // One that is asked for by name is all that is asked for.
      if (!(error instanceof ParityError) || files.length === 1) throw error
      messages.push(error.message)
    }
  }
  if (json !== undefined) await writeAside(json, [`${toJSON({ files: inspected, errors: messages })}\n`])
  for (const message of messages) process.stderr.write(`${pc.red('error')} ${message}\n`)
  return messages.length > 0 ? 2 : 0
}

/** What a case is, for programs: everything but numbers. */
function aboutCase(recorded: Case): Record<string, unknown> {
  const { id, module, config, dtype, params, inputs, cotangents, training, expected, source } = recorded
  const shapes = (tensors: Readonly<Record<string, Tensor>>): unknown =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [name, { dtype: tensor.dtype, shape: tensor.shape }]),
    )
  return {
    id,
    module,
    dtype,
    config: isExported(recorded) ? { name: recorded.config.name, nodes: recorded.config.nodes.length } : config,
    params: shapes(params),
    inputs: shapes({ ...inputs }),
    ...(cotangents !== undefined && { cotangents: shapes(cotangents) }),
    ...(training !== undefined && { training }),
    expected: shapes(expected),
    ...(source !== undefined && { source }),
  }
}

function describeFile({ name, header, length, byteLength }: Fixture): string {
  const { numpy, python, platform, cpu_capability, num_threads } = header.producer
  return [
    `${pc.bold(logLine(name))}: ${plural(length, 'case')}, ${byteLength} bytes, format version ${header.version}, suite ${header.name}, seed ${header.seed}`,
    `  recorded by torch ${renderRecorder(header)}, numpy ${numpy}, Python ${python} on ${platform}, ${cpu_capability}, ${plural(num_threads, 'thread')}`,
    pc.dim(
      `  ${'case'.padEnd(60)} ${'module'.padEnd(8)} ${'dtype'.padEnd(8)} ${'input'.padEnd(14)} differs from the default in`,
    ),
  ].join('\n')
}

/** What goes in first. */
function firstOf(recorded: Case): { readonly shape: readonly number[] } | undefined {
  const inputs: Readonly<Record<string, { readonly shape: readonly number[] }>> = { ...recorded.inputs }
  return isExported(recorded) ? Object.values(inputs)[0] : (inputs['source'] ?? inputs['input'])
}

function describeCase(recorded: Case): string {
  const { id, module, config, dtype, inputs, states, cotangents, training, source } = recorded
  const usual: Readonly<Record<string, unknown>> = {
    num_layers: 1,
    nonlinearity: 'tanh',
    bias: true,
    batch_first: false,
    dropout: 0,
    bidirectional: false,
    proj_size: 0,
  }
  const options = (isExported(recorded) ? [['name', recorded.config.name]] : Object.entries(config))
    .filter(([name, value]) => value !== usual[name])
    .map(([name, value]) => `${name}=${value}`)
  if (!isModelRequest(recorded) && recorded.inputs.h_0 === undefined) options.push('no h_0')
  if (!isExported(recorded) && recorded.inputs.lengths !== undefined)
    options.push(`lengths=${Array.from(recorded.inputs.lengths.data).join(',')}`)
  if ('dropout_mask' in inputs) options.push('dropout_mask')
  if (cotangents !== undefined) options.push('gradients')
  if (training !== undefined) options.push(`${training.steps} steps of ${training.optimizer}`)
  if (states !== undefined) options.push('states recorded')
  if (source !== undefined) options.push(`from ${source}`)
  const shape = formatShape(firstOf(recorded)?.shape ?? [])
  return `  ${id.padEnd(60)} ${module.padEnd(8)} ${dtype.padEnd(8)} ${shape.padEnd(14)} ${options.join(' ')}`
}

function describeTensors(recorded: Case): string {
  const { id, module, config, dtype, params, inputs, cotangents, training, expected, states, budget, source } = recorded
  const options = isExported(recorded)
    ? [`name=${recorded.config.name}`, plural(recorded.config.nodes.length, 'operation')]
    : Object.entries(config).map(([name, value]) => `${name}=${value}`)
  return [
    `${pc.bold(id)}: ${module}(${options.join(', ')}), ${dtype}`,
    ...(source === undefined ? [] : [`  expected values from ${source}`]),
    ...(training === undefined ? [] : [`  training: ${JSON.stringify(training)}`]),
    ...describeGroup('params', params),
    ...describeGroup('inputs', { ...inputs }),
    ...describeGroup('cotangents', cotangents ?? {}),
    ...describeGroup('expected', expected),
    ...(states === undefined ? [] : describeGroup('states', states)),
    ...describeGroup('budget', budget),
  ].join('\n')
}

function describeGroup(group: string, tensors: Readonly<Record<string, Tensor>>): string[] {
  return Object.entries(tensors).map(([name, tensor]) => {
    const label = `${group}.${name}`.padEnd(34)
    return `  ${label} ${tensor.dtype} ${formatShape(tensor.shape).padEnd(16)} ${describeRange(tensor)}`
  })
}

/** Smallest and largest finite value, and how many are not finite. */
function describeRange({ data }: Tensor): string {
  let lowest = Infinity
  let highest = -Infinity
  let nonFinite = 0
  for (const element of data) {
    const value = Number(element)
    if (!Number.isFinite(value)) nonFinite++
    else {
      lowest = Math.min(lowest, value)
      highest = Math.max(highest, value)
    }
  }
  const rest = nonFinite === 0 ? '' : `, ${nonFinite} not finite`
  return lowest > highest ? `no finite values${rest}` : `${scientific(lowest)} to ${scientific(highest)}${rest}`
}

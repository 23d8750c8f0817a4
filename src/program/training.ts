import type { RecurrentRequest, Training } from '../format/case.ts'
import { elementCount } from '../format/tensor.ts'
import { interpret, type Given, type Numbers } from './interpret.ts'
import type { Seen } from './scope.ts'
import { type Asked, cellOf, notDifferentiated, recurrent } from './layers.ts'
import type { Program } from './operation.ts'
import { optimizerProgram } from './optimizers.ts'
import { program } from './write.ts'

/** The mean squared error of the module's first output, and a step of the optimizer. Source: torch.nn.MSELoss. */
export function trainingProgram(asked: Asked, training: Training): Program {
  const loss = program((writer) => {
    const { sub, mul, sum, div, full } = writer
    const [output] = Object.values(recurrent(writer, cellOf(asked), asked))
    return {
      loss: writer.at({ tensor: 'loss' }, () => {
        const apart = sub(output!, notDifferentiated(writer, 'target'))
        return div(sum(mul(apart, apart)), full([], elementCount(asked.inputs.target!.shape)))
      }),
    }
  })
  return { ...loss, update: optimizerProgram(training) }
}

/** Told after each step what there is until then. It ends the training by throwing. */
export type Stepped = (step: number, numbers: Numbers) => void

/** → loss before each step, and each parameter after each step, one step after the other */
export function train(
  { params, inputs }: Pick<RecurrentRequest, 'params' | 'inputs'>,
  { steps }: Training,
  { update, training = {}, ...forward }: Program,
  { seen, stepped }: { readonly seen?: Seen | undefined; readonly stepped?: Stepped | undefined } = {},
): Numbers {
  const loss = new Float64Array(steps)
  const names = Object.keys(params)
  const after = Object.fromEntries(names.map((name) => [name, new Float64Array(steps * params[name]!.data.length)]))
  const current: Record<string, Given[string]> = { ...params }
  const kept: Record<string, Record<string, Given[string]>> = {}
  // The two programs may call different things alike.
  const seenInUpdate: Seen | undefined = seen && ((id, value) => seen(`update.${id}`, value))
  let before: Numbers = {}
  const lossOf = (): Float64Array =>
    interpret(forward, { ...inputs, ...current }, { gradients: false }).outputs['loss']!.data
  for (let step = 1; step <= steps; step++) {
    const { outputs, backward } = interpret(forward, { ...inputs, ...current }, { seen })
    loss[step - 1] = outputs['loss']!.data[0]!
    const given = backward({ loss: [1] })
    // What a program does not read has a gradient, too.
    const gradients = Object.fromEntries(
      names.map((name) => [name, given[name] ?? new Float64Array(params[name]!.data.length)]),
    )
    if (training.accumulated === true) {
      for (const name of names) gradients[name] = gradients[name]!.map((x, i) => x + (before[name]?.[i] ?? 0))
      before = gradients
    }
    if (training.max_norm !== undefined) clip(gradients, names, training.max_norm)
    for (const name of names) {
      const { shape } = params[name]!
      const zeros = { shape, data: new Float64Array(elementCount(shape)) }
      const given: Given = {
        momentum_buffer: zeros,
        exp_avg: zeros,
        exp_avg_sq: zeros,
        ...kept[name],
        parameter: current[name]!,
        gradient: { shape, data: gradients[name]! },
        step: { shape: [], data: [step] },
      }
      const { parameter, ...others } = interpret(update!, given, { gradients: false, seen: seenInUpdate }).outputs
      current[name] = parameter!
      kept[name] = others
      after[name]!.set(parameter!.data, (step - 1) * parameter!.data.length)
    }
    if (training.lossAfter === true) loss[step - 1] = lossOf()[0]!
    stepped?.(step, { loss, ...after })
  }
  return { loss, ...after }
}

/** torch.nn.utils.clip_grad_norm_, without the 1e-6 that it adds to the norm: ports leave it out. */
function clip(gradients: Record<string, Float64Array>, names: readonly string[], max_norm: number): void {
  const norm = Math.sqrt(names.reduce((sum, name) => gradients[name]!.reduce((own, x) => own + x * x, sum), 0))
  const by = Math.min(1, max_norm / norm)
  for (const name of names) gradients[name] = gradients[name]!.map((x) => x * by)
}

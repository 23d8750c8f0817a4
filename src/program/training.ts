import type { RecurrentRequest, Training } from '../format/case.ts'
import { elementCount } from '../format/tensor.ts'
import { interpret, type Given, type Numbers } from './interpret.ts'
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

/** → loss before each step, and each parameter after each step, one step after the other */
export function train(
  { params, inputs }: Pick<RecurrentRequest, 'params' | 'inputs'>,
  { steps }: Training,
  { update, ...forward }: Program,
): Numbers {
  const loss = new Float64Array(steps)
  const names = Object.keys(params)
  const after = Object.fromEntries(names.map((name) => [name, new Float64Array(steps * params[name]!.data.length)]))
  const current: Record<string, Given[string]> = { ...params }
  const kept: Record<string, Record<string, Given[string]>> = {}
  for (let step = 1; step <= steps; step++) {
    const { outputs, backward } = interpret(forward, { ...inputs, ...current })
    loss[step - 1] = outputs['loss']!.data[0]!
    const gradients = backward({ loss: [1] })
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
      const { parameter, ...others } = interpret(update!, given, { gradients: false }).outputs
      current[name] = parameter!
      kept[name] = others
      after[name]!.set(parameter!.data, (step - 1) * parameter!.data.length)
    }
  }
  return { loss, ...after }
}

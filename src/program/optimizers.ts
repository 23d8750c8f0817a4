import type { Training } from '../format/case.ts'
import type { Id, Program } from './operation.ts'
import { type Ids, program, type Writer } from './write.ts'

/**
 * What a step makes of one parameter, from its gradient, the number of the step from 1, and what the optimizer keeps, which is 0
 * before the first step. → `parameter`, and by its own name what is kept
 */
export function optimizerProgram(training: Training): Program {
  return program((writer) => {
    const { weight_decay } = training
    const parameter = input(writer, 'parameter')
    const gradient = input(writer, 'gradient')
    // torch adds the decay where there is one: 0 times an infinite parameter would be NaN.
    const decayed =
      weight_decay === 0
        ? gradient
        : writer.at({ tensor: 'weight_decay' }, () => writer.add(gradient, scaled(writer, weight_decay, parameter)))
    return training.optimizer === 'SGD'
      ? sgd(writer, training, parameter, decayed)
      : adam(writer, training, parameter, decayed)
  })
}

/** Source: the algorithm on the page of torch.optim.SGD. */
function sgd(
  writer: Writer,
  { lr, momentum, dampening, nesterov }: Extract<Training, { optimizer: 'SGD' }>,
  parameter: Id,
  gradient: Id,
): Ids {
  const { add, sub, where, write, full } = writer
  if (momentum === 0) return { parameter: sub(parameter, scaled(writer, lr, gradient)) }
  const momentum_buffer = writer.at({ tensor: 'momentum_buffer' }, () => {
    const isFirst = write('eq', [input(writer, 'step'), full([], 1)], {})
    const before = scaled(writer, momentum, input(writer, 'momentum_buffer'))
    // The first gradient is not dampened.
    return where(isFirst, gradient, add(before, scaled(writer, 1 - dampening, gradient)))
  })
  const direction = nesterov ? add(gradient, scaled(writer, momentum, momentum_buffer)) : momentum_buffer
  return { parameter: sub(parameter, scaled(writer, lr, direction)), momentum_buffer }
}

/** Source: the algorithm on the page of torch.optim.Adam. */
function adam(
  writer: Writer,
  { lr, betas: [beta1, beta2], eps }: Extract<Training, { optimizer: 'Adam' }>,
  parameter: Id,
  gradient: Id,
): Ids {
  const { add, sub, mul, div, full, write, activation } = writer
  const step = input(writer, 'step')
  const exp_avg = writer.at({ tensor: 'exp_avg' }, () => lerp(writer, input(writer, 'exp_avg'), gradient, 1 - beta1))
  const exp_avg_sq = writer.at({ tensor: 'exp_avg_sq' }, () =>
    add(scaled(writer, beta2, input(writer, 'exp_avg_sq')), mul(scaled(writer, 1 - beta2, gradient), gradient)),
  )
  const correction = (beta: number): Id =>
    writer.at({ tensor: 'bias_correction' }, () => sub(full([], 1), write('pow', [full([], beta), step], {})))
  const denominator = add(activation('sqrt', div(exp_avg_sq, correction(beta2))), full([], eps))
  const moved = div(scaled(writer, lr, div(exp_avg, correction(beta1))), denominator)
  return { parameter: sub(parameter, moved), exp_avg, exp_avg_sq }
}

function input(writer: Writer, name: string): Id {
  return writer.at({ tensor: name }, () => writer.input(name, { requires_grad: false }))
}

function scaled(writer: Writer, by: number, x: Id): Id {
  return writer.mul(writer.full([], by), x)
}

/** Source: torch.lerp, which is from the nearer end; between two equal infinities it is NaN. */
function lerp(writer: Writer, start: Id, end: Id, weight: number): Id {
  const { add, sub } = writer
  const between = sub(end, start)
  return weight < 0.5 ? add(start, scaled(writer, weight, between)) : sub(end, scaled(writer, 1 - weight, between))
}

import type { Training } from '../src/format/case.ts'

// torch.optim.SGD and Adam, one number at a time and without any code of src: the algorithms as their pages print them.

type SGD = Extract<Training, { optimizer: 'SGD' }>
type Adam = Extract<Training, { optimizer: 'Adam' }>

/** The loss and its gradient at a point: a list of all parameters, one number after the other. */
export interface Slope {
  readonly loss: number
  readonly gradient: readonly number[]
}

export interface Trajectory {
  /** Before each step. */
  readonly loss: number[]
  /** All parameters after each step. */
  readonly after: number[][]
}

export function trajectory(
  training: Training,
  start: readonly number[],
  slope: (at: readonly number[]) => Slope,
): Trajectory {
  const loss: number[] = []
  const after: number[][] = []
  const memories = start.map(() => ({ b: 0, m: 0, v: 0 }))
  let now = [...start]
  for (let t = 1; t <= training.steps; t++) {
    const here = slope(now)
    loss.push(here.loss)
    const next: number[] = []
    for (const [i, θ] of now.entries()) {
      const g = here.gradient[i] ?? Number.NaN
      const memory = memories[i] ?? { b: 0, m: 0, v: 0 }
      next.push(training.optimizer === 'SGD' ? sgd(training, t, θ, g, memory) : adam(training, t, θ, g, memory))
    }
    now = next
    after.push(now)
  }
  return { loss, after }
}

/** Source: torch.optim.SGD, "Implements stochastic gradient descent (optionally with momentum)", the algorithm, its letters. */
function sgd(
  { lr: γ, weight_decay: λ, momentum: μ, dampening: τ, nesterov }: SGD,
  t: number,
  θ: number,
  g: number,
  memory: { b: number },
): number {
  let g_t = g
  if (λ !== 0) g_t = g_t + λ * θ
  if (μ !== 0) {
    if (t > 1) memory.b = μ * memory.b + (1 - τ) * g_t
    else memory.b = g_t
    if (nesterov) g_t = g_t + μ * memory.b
    else g_t = memory.b
  }
  return θ - γ * g_t
}

/** Source: torch.optim.Adam, the algorithm, its letters, with amsgrad and maximize false. */
function adam(
  { lr: γ, weight_decay: λ, betas: [β1, β2], eps: ε }: Adam,
  t: number,
  θ: number,
  g: number,
  memory: { m: number; v: number },
): number {
  let g_t = g
  if (λ !== 0) g_t = g_t + λ * θ
  memory.m = β1 * memory.m + (1 - β1) * g_t
  memory.v = β2 * memory.v + (1 - β2) * g_t * g_t
  const m_hat = memory.m / (1 - β1 ** t)
  const v_hat = memory.v / (1 - β2 ** t)
  return θ - (γ * m_hat) / (Math.sqrt(v_hat) + ε)
}

// Derivatives of functions of each number alone, and of two numbers. Source: torch's derivatives.yaml.

/** From x and what the function gives. */
type Slope = (x: number, y: number, option: (name: string) => number) => number

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)

export const slopes: Readonly<Record<string, Slope>> = {
  abs: (x) => Math.sign(x),
  exp: (_, y) => y,
  exp2: (_, y) => y * Math.LN2,
  expm1: (_, y) => y + 1,
  log: (x) => 1 / x,
  log2: (x) => 1 / (x * Math.LN2),
  log10: (x) => 1 / (x * Math.LN10),
  log1p: (x) => 1 / (1 + x),
  rsqrt: (x, y) => (-0.5 * y) / x,
  reciprocal: (_, y) => -y * y,
  square: (x) => 2 * x,
  sin: (x) => Math.cos(x),
  cos: (x) => -Math.sin(x),
  tan: (_, y) => 1 + y * y,
  asin: (x) => 1 / Math.sqrt(1 - x * x),
  acos: (x) => -1 / Math.sqrt(1 - x * x),
  atan: (x) => 1 / (1 + x * x),
  sinh: (x) => Math.cosh(x),
  cosh: (x) => Math.sinh(x),
  erf: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
  erfc: (x) => (-2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
  gelu: (x, y) => (x === 0 ? 0.5 : y / x) + x * density(x),
  gelu_tanh: (x) => {
    const inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)
    const tanh = Math.tanh(inner)
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh) * (1 + tanh) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x)
  },
  silu: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  sigmoid: (_, y) => y * (1 - y),
  relu: (_, y) => (y > 0 ? 1 : 0),
  mish: (x) => {
    const tanh = Math.tanh(softplus(x))
    return tanh + x * (1 - tanh) * (1 + tanh) * sigmoid(x)
  },
  elu: (x, y, option) => {
    const [scale, input] = [option('scale'), option('input_scale')]
    return x > 0 ? scale : input * (y + option('alpha') * scale)
  },
  leaky_relu: (x, _, option) => (x > 0 ? 1 : option('negative_slope')),
  log_sigmoid: (x) => sigmoid(-x),
  softplus: (x, _, option) => (x * option('beta') > option('threshold') ? 1 : sigmoid(x * option('beta'))),
  softsign: (x) => 1 / (1 + Math.abs(x)) ** 2,
  hardsigmoid: (x) => (x > -3 && x < 3 ? 1 / 6 : 0),
  hardswish: (x) => (x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1),
  hardshrink: (x, _, option) => (Math.abs(x) <= option('lambd') ? 0 : 1),
  softshrink: (x, _, option) => (Math.abs(x) <= option('lambd') ? 0 : 1),
  threshold: (x, _, option) => (x <= option('threshold') ? 0 : 1),
  clamp: (x, _, option) => (x >= option('min') && x <= option('max') ? 1 : 0),
}

type OfTwo = readonly [byX: (x: number, y: number) => number, byY: (x: number, y: number) => number]

export const slopesOfTwo: Readonly<Record<string, OfTwo>> = {
  minimum: [(x, y) => (x < y ? 1 : x === y ? 0.5 : 0), (x, y) => (y < x ? 1 : x === y ? 0.5 : 0)],
  hypot: [(x, y) => x / Math.hypot(x, y), (x, y) => y / Math.hypot(x, y)],
  atan2: [(x, y) => y / (x * x + y * y), (x, y) => -x / (x * x + y * y)],
  prelu: [(x, weight) => (x > 0 ? 1 : weight), (x) => (x > 0 ? 0 : x)],
}

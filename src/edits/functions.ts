// What ports compute in the place of tanh, the sigmoid and relu.
import { clamped, is, naive, type Other, other, sigmoid, slopeOfSigmoid, slopeOfTanh } from './functions/other.ts'
import { arguments1, cut, saturated, table } from './functions/tables.ts'

export const functions: Readonly<Record<string, Other>> = {
  tanh: other('tanh', Math.tanh, (_, y) => (1 - y) * (1 + y)),
  sigmoid: other('the sigmoid', sigmoid, slopeOfSigmoid),
  relu: other(
    'relu',
    (x) => (x < 0 ? 0 : x),
    (_, y) => (y <= 0 ? 0 : 1),
  ),
  identity: other(
    'nothing',
    (x) => x,
    () => 1,
  ),
  'hard sigmoid 0.2': other(
    'a hard sigmoid, 0.2 x + 0.5 cut off at 0 and 1,',
    (x) => clamped(0.2 * x + 0.5, 0, 1),
    (_, y) => (y > 0 && y < 1 ? 0.2 : 0),
  ),
  'hard sigmoid 1/6': other(
    'a hard sigmoid, x / 6 + 0.5 cut off at 0 and 1,',
    (x) => clamped(x / 6 + 0.5, 0, 1),
    (_, y) => (y > 0 && y < 1 ? 1 / 6 : 0),
  ),
  'hard sigmoid 0.25': other(
    'a hard sigmoid, 0.25 x + 0.5 cut off at 0 and 1,',
    (x) => clamped(0.25 * x + 0.5, 0, 1),
    (_, y) => (y > 0 && y < 1 ? 0.25 : 0),
  ),
  'soft sigmoid': other(
    '0.5 + 0.5 x / (1 + |x|)',
    (x) => (Math.abs(x) === Infinity ? (x > 0 ? 1 : 0) : 0.5 + (0.5 * x) / (1 + Math.abs(x))),
    (x) => 0.5 / (1 + Math.abs(x)) ** 2,
  ),
  'Padé tanh': other('x (27 + x²) / (27 + 9 x²), cut off at ±1,', pade, (x) =>
    Math.abs(x) >= 3 ? 0 : (9 - x * x) ** 2 / (9 * (3 + x * x) ** 2),
  ),
  'Taylor tanh': other(
    'x − x³ / 3',
    (x) => x - x ** 3 / 3,
    (x) => 1 - x * x,
  ),
  'Lambert tanh': other(
    'x (135135 + 17325 x² + 378 x⁴ + x⁶) / (135135 + 62370 x² + 3150 x⁴ + 28 x⁶), cut off at ±1,',
    lambert,
  ),
  'rational tanh': other(
    'x / (1 + |x|)',
    (x) => (Math.abs(x) === Infinity ? Math.sign(x) : x / (1 + Math.abs(x))),
    (_, y) => (1 - Math.abs(y)) ** 2,
  ),
  hardtanh: other(
    'torch.nn.Hardtanh',
    (x) => clamped(x, -1, 1),
    (_, y) => (Math.abs(y) < 1 ? 1 : 0),
  ),
  relu6: other(
    'torch.nn.ReLU6',
    (x) => clamped(x, 0, 6),
    (_, y) => (y > 0 && y < 6 ? 1 : 0),
  ),
  relu1: other(
    'relu cut off at 1',
    (x) => clamped(x, 0, 1),
    (_, y) => (y > 0 && y < 1 ? 1 : 0),
  ),
  relu20: other(
    'relu cut off at 20',
    (x) => clamped(x, 0, 20),
    (_, y) => (y > 0 && y < 20 ? 1 : 0),
  ),
  'leaky relu 0.01': other(
    'torch.nn.LeakyReLU',
    (x) => (x < 0 ? 0.01 * x : x),
    (x) => (x > 0 ? 1 : 0.01),
  ),
  'leaky relu 0.1': other(
    'torch.nn.LeakyReLU of slope 0.1',
    (x) => (x < 0 ? 0.1 * x : x),
    (x) => (x > 0 ? 1 : 0.1),
  ),
  'leaky relu 0.2': other(
    'torch.nn.LeakyReLU of slope 0.2',
    (x) => (x < 0 ? 0.2 * x : x),
    (x) => (x > 0 ? 1 : 0.2),
  ),
  abs: other('the absolute value', Math.abs, (x) => Math.sign(x)),
  elu: other(
    'torch.nn.ELU',
    (x) => (x < 0 ? Math.expm1(x) : x),
    (_, y) => (y < 0 ? y + 1 : 1),
  ),
  selu: other('torch.nn.SELU', (x) => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * Math.expm1(x) : x)),
  gelu: other('torch.nn.GELU, of tanh', (x) => 0.5 * x * (1 + Math.tanh(0.7978845608028654 * (x + 0.044715 * x ** 3)))),
  silu: other(
    'torch.nn.SiLU',
    (x) => x * sigmoid(x),
    (x, y) => y + sigmoid(x) * (1 - y),
  ),
  softplus: other('torch.nn.Softplus', (x) => (x > 20 ? x : Math.log1p(Math.exp(x))), sigmoid),
  softsign: other(
    'torch.nn.Softsign',
    (x) => x / (1 + Math.abs(x)),
    (_, y) => (1 - Math.abs(y)) ** 2,
    (name) => name !== 'tanh',
  ),
  sin: other('sin', Math.sin, Math.cos),
  atan: other('2 / π · atan(π x / 2)', (x) => (2 / Math.PI) * Math.atan((Math.PI * x) / 2)),
  'tanh of half': other(
    'tanh(x / 2)',
    (x) => Math.tanh(x / 2),
    (_, y) => (1 - y * y) / 2,
  ),
  'tanh of double': other(
    'tanh(2 x)',
    (x) => Math.tanh(2 * x),
    (_, y) => 2 * (1 - y * y),
  ),
  'LeCun tanh': other('1.7159 tanh(2 x / 3)', (x) => 1.7159 * Math.tanh((2 * x) / 3)),
  'sigmoid of −x': other(
    'σ(−x)',
    (x) => sigmoid(-x),
    (_, y) => -y * (1 - y),
  ),
  'sigmoid of 1.702 x': other(
    'σ(1.702 x)',
    (x) => sigmoid(1.702 * x),
    (_, y) => 1.702 * y * (1 - y),
  ),
  'sigmoid of tanh': other(
    '(1 + tanh x) / 2',
    (x) => (1 + Math.tanh(x)) / 2,
    (x) => (1 - Math.tanh(x) ** 2) / 2,
  ),
  'sigmoid that overflows': naive(
    'eˣ / (1 + eˣ), which overflows for large x,',
    (x, round) => {
      const e = round(Math.exp(x))
      return e / (1 + e)
    },
    is('sigmoid'),
    slopeOfSigmoid,
  ),
  'tanh that overflows': naive(
    '(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), which overflows for large x,',
    (x, round) => {
      const [e, f] = [round(Math.exp(x)), round(Math.exp(-x))]
      return (e - f) / round(e + f)
    },
    is('tanh'),
    slopeOfTanh,
  ),
  'tanh that overflows, squared': naive(
    '(e²ˣ − 1) / (e²ˣ + 1), which overflows for large x,',
    (x, round) => {
      const e = round(Math.exp(2 * x))
      return round(e - 1) / round(e + 1)
    },
    is('tanh'),
    slopeOfTanh,
  ),
  'relu without NaN': other(
    'max(0, x), which is 0 for NaN,',
    (x) => (x > 0 ? x : 0),
    (_, y) => (y > 0 ? 1 : 0),
    is('relu'),
  ),
  'tanh without NaN': other(
    'tanh, but 0 for NaN,',
    (x) => (Number.isNaN(x) ? 0 : Math.tanh(x)),
    slopeOfTanh,
    is('tanh'),
  ),
  ...Object.fromEntries(
    arguments1.flatMap((at) => [
      cut('tanh', Math.tanh, at),
      cut('sigmoid', sigmoid, at),
      saturated('tanh', Math.tanh, at),
      saturated('sigmoid', sigmoid, at),
    ]),
  ),
  ...Object.fromEntries(
    [4, 5, 6, 8, 10].flatMap((a) =>
      [64, 128, 256, 257, 512, 1024, 1025].flatMap((n) =>
        [false, true].flatMap((between) => [
          table('tanh', Math.tanh, a, n, between),
          table('sigmoid', sigmoid, a, n, between),
        ]),
      ),
    ),
  ),
}

function pade(x: number): number {
  const own = clamped(x, -1e9, 1e9)
  return clamped((own * (27 + own * own)) / (27 + 9 * own * own), -1, 1)
}

function lambert(x: number): number {
  const square = Math.min(x * x, 1e20)
  const own =
    (x * (135135 + square * (17325 + square * (378 + square)))) /
    (135135 + square * (62370 + square * (3150 + 28 * square)))
  return clamped(own, -1, 1)
}

import { random } from '../random.ts'
import type { Has, Weights } from './cells.ts'
import type { Numbers, Tape, Vector } from './tape.ts'

const scratch = new DataView(new ArrayBuffer(4))

/** The nearest number with so many bits after the point, ties to even, in float16 no closer to 0 than its smallest steps. */
function withFraction(x: number, bits: number, smallestExponent: number): number {
  if (x === 0 || !Number.isFinite(x)) return x
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), smallestExponent)
  const step = 2 ** (exponent - bits)
  const whole = Math.floor(x / step)
  const rest = x / step - whole
  return (rest > 0.5 || (rest === 0.5 && whole % 2 !== 0) ? whole + 1 : whole) * step
}

function toFloat16(x: number): number {
  const rounded = withFraction(x, 10, -14)
  return Math.abs(rounded) > 65_504 ? Math.sign(x) * Infinity : rounded
}

/** The upper half of a float32, rounded. */
function toBfloat16(x: number): number {
  scratch.setFloat32(0, x)
  const bits = scratch.getUint32(0)
  if (!Number.isFinite(x)) return x
  scratch.setUint32(0, ((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000) >>> 0)
  return scratch.getFloat32(0)
}

/** Every parameter as a port has it in memory, by torch's name. seed: of what a bug draws. */
export function parametersOf(
  tape: Tape,
  has: Has,
  params: Readonly<Record<string, Numbers>>,
  seed: number,
): Readonly<Record<string, Vector>> {
  const numbers = random(seed)
  const recurrent = Object.keys(params).filter((name) => name.startsWith('weight_hh') && params[name]!.length > 0)
  const [first, ...others] = recurrent
  const off = first === undefined ? undefined : numbers.pick([first, ...others])
  return Object.fromEntries(
    Object.entries(params).map(([name, values]) => {
      let read: ArrayLike<number> = values
      if (name.startsWith('weight') && has('weights in float16')) read = Array.from(values, toFloat16)
      if (name.startsWith('weight') && has('weights in bfloat16')) read = Array.from(values, toBfloat16)
      if (name === off && has('one weight_hh 1 % off')) {
        const at = numbers.int(0, values.length - 1)
        read = Array.from(values, (x, i) => (i === at ? 1.01 * x : x))
      }
      return [name, tape.vector(read)]
    }),
  )
}

/** The parameters of a layer and direction: those whose names end so. */
export function weightsOf(parameters: Readonly<Record<string, Vector>>, suffix: string): Weights {
  const names = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'] as const
  // Reading the case has checked that weight_ih and weight_hh are there.
  return Object.fromEntries(
    names.flatMap((name) => {
      const parameter = parameters[name + suffix]
      return parameter === undefined ? [] : [[name, parameter]]
    }),
  ) as unknown as Weights
}

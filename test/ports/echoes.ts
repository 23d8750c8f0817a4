/** What clients in other languages lose of the numbers that they are given, for the tests. */
import type { Request } from '../../src/format/case.ts'
import { type FloatDType, type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { commandWay } from '../../src/ports/command.ts'
import { hostEngine } from '../../src/ports/host.ts'
import { cellCase, questionOf } from '../sample.ts'

/** Numbers of which no rounding, sign or kind may be lost: subnormal, huge, halfway between others. */
const special = [0, -0, 1, -1.5, 0.1, 1e-7, 6e-8, -3e-8, 1e-40, 65504, 65519, 65520, 3e38, Infinity, -Infinity, NaN]

/** 1 + 2⁻⁷ + 2⁻⁸ */
const more = 1.01171875

/** Asks an engine, in each dtype, for its input (`output`), a third of it (`h_n`), and a bit more than it, halfway between two of bfloat16 (`c_n`). → what is lost */
export async function echoes(command: string): Promise<string[]> {
  const host = await hostEngine(commandWay(command), 60_000)
  const lost: string[] = []
  for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const satisfies readonly FloatDType[]) {
    const input = floatTensor(dtype, [4, 2, 2], special)
    const rounded = (change: (x: number) => number): FloatTensor =>
      floatTensor(
        dtype,
        [4, 2, 2],
        Array.from(input.data, (x) => (dtype === 'float64' ? change(x) : Math.fround(change(x)))),
      )
    const request = { ...questionOf(cellCase()), dtype, inputs: { input } } as Request
    const given = await host.engine.run(request)
    for (const [name, expected] of Object.entries({
      output: input,
      h_n: rounded((x) => x / 3),
      c_n: rounded((x) => x * more),
    })) {
      const tensor = given[name]
      const isSame = special.every((_, i) => Object.is(tensor?.data[i], expected.data[i]))
      if (tensor?.dtype === dtype && String(tensor.shape) === '4,2,2' && isSame) continue
      lost.push(`${dtype} ${name}: expected ${expected.data.join(', ')}, got ${tensor?.data.join(', ')}`)
    }
  }
  await host.close()
  return lost
}

// Prints the largest error of each activation at ten million arguments, and ends with 1 where one is above 1 ULP. ARGUMENTS: how many.
import { engine, float32Engine } from '../../src/engine/run.ts'
import { activations, worst } from './against-exact.ts'

const count = Number(process.env['ARGUMENTS'] ?? 10_000_000)
/** Arguments of one run. */
const most = 100_000

const line = (cells: readonly string[]): boolean => process.stdout.write(`| ${cells.join(' | ')} |\n`)

line(['function', 'precision', 'arguments', 'how many', 'largest error', 'at'])
line(['---', '---', '---', '--:', '--:', '--:'])
for (const [dtype, own, digits] of [
  ['float64', engine, 52],
  ['float32', float32Engine, 23],
] as const) {
  for (const activation of activations) {
    const ranges = activation.ranges(digits)
    for (const range of ranges) {
      const share = Math.ceil(count / ranges.length)
      let [ulp, at, seed] = [0, 0, 0]
      for (let done = 0; done < share; done += most) {
        const part = worst(activation, own, dtype, range, Math.min(most, share - done), ++seed)
        if (!(part.ulp <= ulp)) ({ ulp, at } = part)
      }
      line([activation.name, dtype, range.name, String(share), `${ulp.toFixed(3)} ULP`, String(at)])
      if (!(ulp <= 1)) process.exitCode = 1
    }
  }
}

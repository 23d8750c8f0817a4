import { fileURLToPath } from 'node:url'

/** The folder of the Python package, beside dist/ in a checkout and in the npm package alike. */
export const packageFolder = fileURLToPath(new URL('../../python', import.meta.url))

/** The interpreter: what was asked for, TORCH_PARITY_PYTHON, or python3. */
export function interpreter(asked?: string): string {
  return asked ?? process.env['TORCH_PARITY_PYTHON'] ?? 'python3'
}

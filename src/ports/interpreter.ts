import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the Python package, beside dist/ in a checkout and in the npm package alike. */
export const packageFolder = fileURLToPath(new URL('../../python', import.meta.url))

const isWindows = process.platform === 'win32'
/** As the installers of each system call it. */
const names = isWindows ? ['py.exe', 'python.exe', 'python3.exe'] : ['python3', 'python']

/** The interpreter: what was asked for, TORCH_PARITY_PYTHON, or the first of python3 and python (py, python, python3 on Windows) that is on the path. */
export function interpreter(asked?: string): string {
  return asked ?? process.env['TORCH_PARITY_PYTHON'] ?? names.find(isOnPath) ?? 'python3'
}

function isOnPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      if (folder === '') return false
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

// The frameworks of Python that adapters run, in the environment of TORCH_PARITY_PYTHON: python/torch_parity/adapters.
import { execFile } from 'node:child_process'
import { messageOf, oneLine, ParityError } from '../format/errors.ts'
import { interpreter } from '../ports/interpreter.ts'

/** The adapters, by the names that `--engine` takes: what each imports, and what pip calls it. */
export const pythonAdapters: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  flax: { flax: 'flax', jax: 'jax' },
  'flax-linen': { flax: 'flax', jax: 'jax' },
  keras: { keras: 'keras' },
  mlx: { 'mlx.core': 'mlx[cpu]' },
  numpy: { numpy: 'numpy' },
  'onnxruntime-python': { onnxruntime: 'onnxruntime', onnx: 'onnx' },
  tinygrad: { tinygrad: 'tinygrad' },
}

/** Says which of some modules Python does not find; those of the current directory are no frameworks. */
const script = `
import importlib.util, json, sys
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
print(json.dumps([name for name in sys.argv[1:] if not there(name)]))`

/** Starting Python from a cold disk takes long. */
const timeoutMs = 60_000

/** Which modules are not there. @throws ParityError PYTHON_FAILED where Python cannot be asked. */
function missingModules(names: readonly string[]): Promise<string[]> {
  const python = interpreter()
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      const got = oneLine(messageOf(cause)).slice(0, 500)
      const message = `${python}: expected Python 3.11 or newer, got ${got}\nname another with TORCH_PARITY_PYTHON`
      reject(new ParityError('PYTHON_FAILED', message, { cause }))
    }
    // Never through a shell.
    execFile(python, ['-P', '-c', script, ...names], { timeout: timeoutMs }, (error, stdout) => {
      if (error !== null) return fail(error)
      try {
        resolve(JSON.parse(stdout) as string[])
      } catch (cause) {
        fail(cause)
      }
    })
  })
}

/** The adapters whose framework is installed; none where there is no Python. */
export async function installedInPython(): Promise<string[]> {
  const modules = new Set(Object.values(pythonAdapters).flatMap((needs) => Object.keys(needs)))
  const missing = await missingModules([...modules]).catch(() => [...modules])
  return Object.entries(pythonAdapters).flatMap(([name, needs]) =>
    Object.keys(needs).some((module) => missing.includes(module)) ? [] : [name],
  )
}

/**
 * Says what an adapter lacks.
 * @throws ParityError FILE_MISSING where a package is not installed, PYTHON_FAILED where there is no Python.
 */
export async function checkPython(adapter: string): Promise<void> {
  const needs = pythonAdapters[adapter] ?? {}
  // What carries the exchange needs numpy.
  const [missing] = await missingModules([...Object.keys(needs), 'numpy'])
  if (missing === undefined) return
  const python = interpreter()
  const packages = [...new Set([...Object.values(needs), 'numpy'])].map((name) =>
    name.includes('[') ? `'${name}'` : name,
  )
  throw new ParityError(
    'FILE_MISSING',
    `engine ${adapter}: expected the Python package ${needs[missing] ?? missing}, got none of that name\n${python} -m pip install ${packages.join(' ')}`,
  )
}

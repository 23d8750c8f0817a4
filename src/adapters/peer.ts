// The frameworks that adapters run, which are the user's to install.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ParityError } from '../format/errors.ts'

/** The adapters, by the names that `--engine` takes, and the packages that each needs. */
export const adapters: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-web': ['onnxruntime-web'],
  'onnxruntime-node': ['onnxruntime-node'],
  tfjs: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-cpu'],
  'tfjs-wasm': ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-wasm'],
}

/** Where a package is that the project of the working directory has, or else whatever this package stands in. */
function located(name: string): string | undefined {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve(name)
    } catch {
      // It is not there, or gives nothing to import.
    }
  }
  return undefined
}

/** Whether every package of an adapter is there. */
export function isInstalled(adapter: string): boolean {
  return (adapters[adapter] ?? []).every((name) => located(name) !== undefined)
}

/**
 * Says what an adapter lacks.
 * @throws ParityError FILE_MISSING where a package is not installed.
 */
export function checkInstalled(adapter: string): void {
  const names = adapters[adapter] ?? []
  const missing = names.find((name) => located(name) === undefined)
  if (missing === undefined) return
  throw new ParityError(
    'FILE_MISSING',
    `engine ${adapter}: expected the package ${missing}, got none of that name\nnpm install ${names.join(' ')}`,
  )
}

/** Imports a package of an adapter, as CommonJS or not, whichever Node takes it for. */
export async function peer<T>(name: string): Promise<T> {
  const file = located(name)
  if (file === undefined) throw new Error(`expected the package ${name}, got none of that name`)
  const exports = (await import(pathToFileURL(file).href)) as { readonly default?: T }
  return exports.default ?? (exports as T)
}

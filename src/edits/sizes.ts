import { isExported, isModelRequest, type Request } from '../format/case.ts'
import { extentOf } from '../format/module.ts'

/** How much there is of what torch names. */
export function sizesOf(request: Request): Map<string, number> {
  const sizes = new Map<string, number>()
  if (isExported(request)) return sizes
  const { input, source, target } = request.inputs as Readonly<
    Record<string, { readonly shape: readonly number[] } | undefined>
  >
  if (isModelRequest(request)) {
    const [seq_len, batch] = (source ?? input)!.shape
    sizes.set('batch', request.module === 'OneToMany' ? seq_len! : batch!)
    if (request.module !== 'OneToMany') sizes.set('seq_len', seq_len!)
    if (target !== undefined && target.shape.length > 1) sizes.set('target_len', target.shape[0]!)
  } else {
    const { seq_len, batch } = extentOf(request.module, request.config, request.inputs.input.shape)
    sizes.set('batch', batch ?? 1)
    if (seq_len !== undefined) sizes.set('seq_len', seq_len)
  }
  for (const key of ['hidden_size', 'num_classes', 'input_size'] as const) {
    const own = (request.config as Readonly<Record<string, unknown>>)[key]
    if (typeof own === 'number') sizes.set(key, own)
  }
  return sizes
}

// What several commands say of options that they share.
export const engineHelp =
  'a module that exports an Engine: .js, .mjs or .ts; float32: ours in float32; onnxruntime-web, onnxruntime-node, tfjs, tfjs-wasm, or in Python flax, flax-linen, keras, mlx, numpy, onnxruntime-python, tinygrad, where that is installed (default: ours)'
export const targetHelp =
  'what engines may do otherwise than a CPU: cpu, ftz, wgsl, tf32, f16, or several such as wgsl+tf32'

export const fixturesHelp =
  'fixture files, folders, globs, or @names of those that come with this package, such as @rnn_cell (default: fixtures, or else @)'
export const pageHelp = 'a page, its address, or a module, whose engine runs in a browser'
export const commandHelp =
  'a command that starts an engine in any language, which answers in frames, or computes one case from {in} to {out}'

export const filterHelp =
  'only cases whose file#id contains the text, or fits /a regular expression/; of several, any; !text: not those'

/** An option that may come more than once. */
export function collected(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

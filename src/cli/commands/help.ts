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

/** Commands that people begin with, under the help of a command. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  verify: [
    'torch-parity verify @rnn_cell --engine my-port.mjs',
    "torch-parity verify fixtures --engine-command 'python my_port.py' --filter '/lstm.*batch/' --report report",
    'torch-parity verify --engine my-port.mjs --known-failures known.json',
  ],
  explain: ['torch-parity explain @lstm/default --case seq_len-5 --engine my-port.mjs'],
  report: [
    'torch-parity report part-*.json --html report.html',
    'torch-parity report new.json --against old.json --html report.html',
  ],
  inspect: ['torch-parity inspect @rnn_cell', 'torch-parity inspect @rnn_cell/default --case notes'],
  ask: ['torch-parity ask @gru --out requests'],
  map: ['torch-parity map model.safetensors port.npz --out map.json'],
  probe: ['torch-parity probe --engine my-port.mjs --module LSTM'],
  fuzz: ['torch-parity fuzz --engine my-port.mjs --time 5m --save'],
  generate: ['torch-parity generate --suite rnn/relu --out fixtures'],
  drift: ['torch-parity drift fixtures/lstm'],
  matrix: ['torch-parity matrix @rnn_cell --engine float32 tfjs'],
}
export const rayHelp =
  'have actors of Ray record: `local` for a cluster of its own, auto, or the address of one (host:port, ray://host:port)'
export const runtimeEnvHelp = 'the environment of the actors: a runtime_env of Ray, in JSON'

/** A user's own RNNCell, written for the tests: the parameters of a request in, `h_1` out. */
const cell = `
export function cell({ config, dtype, params, inputs }) {
  const { input_size, hidden_size } = config
  const rows = inputs.input.shape[0]
  const data = new Float32Array(rows * hidden_size)
  for (let row = 0; row < rows; row++) {
    for (let unit = 0; unit < hidden_size; unit++) {
      let sum = params.bias_ih.data[unit] + params.bias_hh.data[unit]
      for (let i = 0; i < input_size; i++) {
        sum += inputs.input.data[row * input_size + i] * params.weight_ih.data[unit * input_size + i]
      }
      for (let i = 0; i < hidden_size; i++) {
        sum += inputs.h_0.data[row * hidden_size + i] * params.weight_hh.data[unit * hidden_size + i]
      }
      data[row * hidden_size + unit] = Math.tanh(sum)
    }
  }
  return { h_1: { dtype, shape: [rows, hidden_size], data } }
}
`

/** The text of a module whose default export is an engine with this `run`, which may call `cell(request)`. */
export function engineModule(run: string, rest = ''): string {
  return `${cell}\nlet asked = 0\nexport default { name: 'mine', run: ${run}, ${rest} }\n`
}

/** The text of a module that has `cell` and whatever else is said. */
export function moduleWith(text: string): string {
  return `${cell}\n${text}\n`
}

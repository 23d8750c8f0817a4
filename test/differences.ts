import type { FloatTensor } from '../src/format/tensor.ts'

/** How far an element is moved to each side: the truncation is about 1e-10 of the third derivative, the rounding 1e-11 of f. */
const step = 1e-5

/**
 * The gradient of f by a tensor, by central differences: one element after the other, nothing of any backward pass.
 * f is called with float64 copies of the tensor.
 */
export function differences(tensor: FloatTensor, f: (moved: FloatTensor) => number): number[] {
  return Array.from(tensor.data, (x, i) => {
    const at = (value: number): number => {
      const data = Float64Array.from(tensor.data)
      data[i] = value
      return f({ dtype: 'float64', shape: tensor.shape, data })
    }
    // What is divided by is what the two sides are apart after rounding.
    return (at(x + step) - at(x - step)) / (x + step - (x - step))
  })
}

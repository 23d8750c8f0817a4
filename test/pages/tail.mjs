// A port whose products are vectors of four, and which forgets the rest of a longer row: right at 1, 2, 3, 4 and 8, wrong at 5.
import { engine } from 'torch-parity'

const cut = ({ shape: [rows, length], data, dtype }) => ({
  dtype,
  shape: [rows, length],
  data: data.map((value, i) => (length > 4 && i % length >= length - (length % 4) ? 0 : value)),
})

export default {
  name: 'my port',
  supports: ({ cotangents, training }) => (!cotangents && !training) || 'no gradients yet',
  run: (request) =>
    engine.run({
      ...request,
      params: Object.fromEntries(
        Object.entries(request.params).map(([name, value]) => [name, value.shape.length === 2 ? cut(value) : value]),
      ),
    }),
}

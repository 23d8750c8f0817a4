// An RNNCell whose products a GPU computes, as an engine in a page: torch-parity verify --engine-page rnn_cell.mjs
const adapter = await navigator.gpu?.requestAdapter()
if (!adapter) throw new Error('expected an adapter of WebGPU, got none')
const device = await adapter.requestDevice()
const code = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> s: vec4u; // rows, inputs, outputs
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= s.x * s.z) { return; }
  let r = id.x / s.z; let o = id.x % s.z;
  var sum = 0.0;
  for (var i = 0u; i < s.y; i++) { sum += x[r * s.y + i] * w[o * s.y + i]; }
  y[id.x] = sum;
}`
const pipeline = device.createComputePipeline({
  layout: 'auto',
  compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
})
async function product(x, w, rows, inputs, outputs) {
  const U = GPUBufferUsage
  const put = (data, usage) => {
    const b = device.createBuffer({ size: Math.max(16, data.byteLength), usage: usage | U.COPY_DST })
    device.queue.writeBuffer(b, 0, data)
    return b
  }
  const [bx, bw, bs] = [
    put(x, U.STORAGE),
    put(w, U.STORAGE),
    put(new Uint32Array([rows, inputs, outputs, 0]), U.UNIFORM),
  ]
  const size = Math.max(16, 4 * rows * outputs)
  const by = device.createBuffer({ size, usage: U.STORAGE | U.COPY_SRC })
  const out = device.createBuffer({ size, usage: U.MAP_READ | U.COPY_DST })
  const e = device.createCommandEncoder()
  const p = e.beginComputePass()
  p.setPipeline(pipeline)
  p.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [bx, bw, by, bs].map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  )
  p.dispatchWorkgroups(Math.ceil((rows * outputs) / 64))
  p.end()
  e.copyBufferToBuffer(by, 0, out, 0, size)
  device.queue.submit([e.finish()])
  await out.mapAsync(GPUMapMode.READ)
  const y = new Float32Array(out.getMappedRange().slice(0, 4 * rows * outputs))
  for (const b of [bx, bw, bs, by, out]) b.destroy()
  return y
}
export default {
  name: 'RNNCell on WebGPU',
  supports: (r) =>
    (r.module === 'RNNCell' && r.dtype === 'float32' && !r.cotangents && !r.training) ||
    'RNNCell in float32, forward alone',
  async run({ config: { input_size: I, hidden_size: H, nonlinearity }, params, inputs: { input, h_0 } }) {
    const rows = input.shape.length === 1 ? 1 : input.shape[0]
    const a = await product(input.data, params.weight_ih.data, rows, I, H)
    const b = h_0 ? await product(h_0.data, params.weight_hh.data, rows, H, H) : new Float32Array(rows * H)
    const f = nonlinearity === 'relu' ? (x) => (x < 0 ? 0 : x) : Math.tanh
    const data = a.map((x, i) => f(x + (params.bias_ih?.data[i % H] ?? 0) + b[i] + (params.bias_hh?.data[i % H] ?? 0)))
    return { h_1: { dtype: 'float32', shape: input.shape.length === 1 ? [H] : [rows, H], data } }
  },
}

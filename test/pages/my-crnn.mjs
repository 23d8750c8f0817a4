// A port of model.py with another eps; it can be asked for parts. MISTAKES=2: without the last bias, too.
import { engine } from 'torch-parity'

export default {
  name: 'my crnn',
  supports: ({ module }) => module === 'ExportedProgram' || 'captured models alone',
  run(request) {
    const nodes = request.config.nodes.map((node) =>
      node.op === 'aten.batch_norm.default' ? { ...node, args: { ...node.args, eps: 1e-3 } } : node,
    )
    const params = { ...request.params }
    if (process.env.MISTAKES === '2' && 'out.bias' in params)
      params['out.bias'] = { ...params['out.bias'], data: params['out.bias'].data.map(() => 0) }
    return engine.run({ ...request, config: { ...request.config, nodes }, params })
  },
}

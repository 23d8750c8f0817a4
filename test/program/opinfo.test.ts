import { expect, it } from 'vitest'
import { isSupported, opinfo, rightShare } from './opinfo.ts'

// Kinds of operations that models with recurrent parts are made of; `npm run opinfo` goes through all that there are.
const operations = `
  add sub mul div pow exp log sqrt rsqrt erf clamp where masked_fill maximum lt ge eq logical_and remainder floor_divide sigmoid
  tanh sin round matmul bmm mm addmm baddbmm nn.functional.linear nn.functional.scaled_dot_product_attention nn.functional.conv1d
  nn.functional.conv2d nn.functional.conv_transpose1d nn.functional.conv_transpose2d nn.functional.layer_norm
  nn.functional.group_norm nn.functional.instance_norm nn.functional.rms_norm nn.functional.gelu nn.functional.silu
  nn.functional.elu nn.functional.glu nn.functional.softplus nn.functional.max_pool2d nn.functional.avg_pool1d
  nn.functional.avg_pool2d nn.functional.adaptive_avg_pool2d nn.functional.interpolate nn.functional.pad nn.functional.pixel_shuffle
  sum mean var std amax argmax cumsum softmax log_softmax logsumexp linalg.vector_norm sort topk gather index_select scatter
  scatter_add index_put take_along_dim cat stack split chunk unbind select flip roll permute transpose expand repeat reshape
  nn.functional.cross_entropy nn.functional.nll_loss nn.functional.mse_loss nn.functional.l1_loss nn.functional.smooth_l1_loss
  nn.functional.huber_loss unflatten squeeze unsqueeze tril triu unfold full_like arange movedim
`
  .trim()
  .split(/\s+/)
it.each([
  ['float32', 3, 200],
  ['float64', 1, 60],
] as const)('PyTorch’s own test inputs in %s are computed as PyTorch does', async (dtype, samples, least) => {
  const { tallies } = await opinfo({ samples, seed: 1, dtype, operations })
  const named = new Set(
    [...tallies.keys()].map((name) => operations.find((own) => name === own || name.startsWith(`${own}.`))),
  )
  expect(operations.filter((own) => !named.has(own))).toStrictEqual([])
  const few = [...tallies]
    .filter(([, tally]) => isSupported(tally) && rightShare(tally) < 0.95)
    .map(([name, tally]) => ({ name, ...tally }))
  expect(few).toStrictEqual([])
  const others = [...tallies].flatMap(([name, tally]) => (isSupported(tally) ? [] : [name]))
  expect(others).toStrictEqual(['nn.functional.interpolate.bicubic'])
  const matched = [...tallies.values()].reduce((sum, own) => sum + own.matched, 0)
  expect(matched).toBeGreaterThan(least)
})

// Pooling, and resampling. Source: torch.nn.functional.max_pool2d, avg_pool2d, adaptive_avg_pool2d, interpolate.
import { type Lower, type Node, self } from './node.ts'

function windows(node: Node, axes: number): Record<string, readonly number[] | number | boolean> {
  const kernel_size = node.each('kernel_size', axes, 1)
  return {
    to: node.shape.slice(-axes),
    kernel_size,
    stride: node.has('stride') && node.numbers('stride').length > 0 ? node.each('stride', axes, 1) : kernel_size,
    padding: node.each('padding', axes, 0),
    dilation: node.each('dilation', axes, 1),
    count_include_pad: node.flag('count_include_pad'),
    divisor_override: node.number('divisor_override', 0),
  }
}

function moving(name: string, axes: number): Lower {
  return (node) => node.call(name, [self(node).id], windows(node, axes))
}

function adaptive(name: string, axes: number): Lower {
  return (node) => node.call(name, [self(node).id], { to: node.shape.slice(-axes) })
}

/** The largest, and where it stands. */
function withIndices(axes: number): Lower {
  return (node) => {
    const { id } = self(node)
    const options = windows(node, axes)
    return [node.call('max_pool', [id], options), node.call('max_pool_indices', [id], options)]
  }
}

/** The scale that was asked for is used where it is given, not that of the sizes. */
function upsample(name: string, axes: number, isAligned = false): Lower {
  return (node) => {
    const { id, shape } = self(node)
    const [from, to] = [shape.slice(-axes), node.shape.slice(-axes)]
    const align_corners = isAligned && node.flag('align_corners')
    const asked = node.has('scale_factors')
      ? node.numbers('scale_factors')
      : ['scales_d', 'scales_h', 'scales_w', 'scales'].flatMap((own) => (node.has(own) ? [node.number(own)] : []))
    const scales = from.map((size, axis) => {
      if (align_corners) return to[axis]! > 1 ? (size - 1) / (to[axis]! - 1) : 0
      const own = asked[axis]
      return own !== undefined && own > 0 ? 1 / own : size / to[axis]!
    })
    return node.call(name, [id], { to, scales, align_corners })
  }
}

export const pooling: Readonly<Record<string, Lower>> = {
  max_pool1d: moving('max_pool', 1),
  max_pool2d: moving('max_pool', 2),
  max_pool3d: moving('max_pool', 3),
  max_pool1d_with_indices: withIndices(1),
  max_pool2d_with_indices: withIndices(2),
  max_pool3d_with_indices: withIndices(3),
  avg_pool1d: moving('avg_pool', 1),
  avg_pool2d: moving('avg_pool', 2),
  avg_pool3d: moving('avg_pool', 3),
  adaptive_avg_pool1d: adaptive('adaptive_avg_pool', 1),
  adaptive_avg_pool2d: adaptive('adaptive_avg_pool', 2),
  adaptive_avg_pool3d: adaptive('adaptive_avg_pool', 3),
  _upsample_nearest_exact1d: upsample('upsample_nearest_exact', 1),
  _upsample_nearest_exact2d: upsample('upsample_nearest_exact', 2),
  _upsample_nearest_exact3d: upsample('upsample_nearest_exact', 3),
  upsample_nearest1d: upsample('upsample_nearest', 1),
  upsample_nearest2d: upsample('upsample_nearest', 2),
  upsample_nearest3d: upsample('upsample_nearest', 3),
  upsample_linear1d: upsample('upsample_linear', 1, true),
  upsample_bilinear2d: upsample('upsample_linear', 2, true),
  upsample_trilinear3d: upsample('upsample_linear', 3, true),
}

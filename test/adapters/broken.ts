// Frameworks of Python with something wrong in them: an adapter that asks its framework is wrong too.

/** What sitecustomize.py, which Python loads first, does to each framework; torch is not to be had either way. */
const wrongs: Readonly<Record<string, string>> = {
  numpy: 'import numpy\ntanh = numpy.tanh\nnumpy.tanh = lambda x: tanh(x) * 0.999',
  keras:
    'from keras.src.layers.rnn.lstm import LSTMCell as Cell\ncall = Cell.call\n' +
    'def wrong(self, *given, **named):\n  h, states = call(self, *given, **named)\n  return h * 0.999, [states[0] * 0.999, states[1]]\n' +
    'Cell.call = wrong',
  'onnxruntime-python':
    'import onnxruntime\nSession = onnxruntime.InferenceSession\nrun = Session.run\n' +
    'Session.run = lambda *given: [each * 0.999 for each in run(*given)]',
  mlx:
    'from mlx.nn import LSTM\ncall = LSTM.__call__\n' +
    'LSTM.__call__ = lambda *given, **named: tuple(each * 0.999 for each in call(*given, **named))',
  flax:
    'from flax.nnx import OptimizedLSTMCell as Cell\ncall = Cell.__call__\n' +
    'def wrong(*given):\n  (c, h), _ = call(*given)\n  return (c, h * 0.999), h * 0.999\nCell.__call__ = wrong',
  'flax-linen':
    'import jax\nfrom flax.linen import RNN\napply = RNN.apply\n' +
    'RNN.apply = lambda *given, **named: jax.tree.map(lambda x: x * 0.999, apply(*given, **named))',
  tinygrad:
    'from tinygrad.nn import LSTMCell as Cell\ncall = Cell.__call__\n' +
    'Cell.__call__ = lambda *given: tuple(each * 0.999 for each in call(*given))',
}

const noTorch = 'import sys\nsys.modules["torch"] = None\n'

/** A sitecustomize.py with which Python finds no torch and, where it is to be `wrong`, that framework broken. */
export function sitecustomize(wrong?: string): string {
  return noTorch + (wrong === undefined ? '' : `${wrongs[wrong]!}\n`)
}

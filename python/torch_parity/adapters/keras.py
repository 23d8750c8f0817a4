"""Keras 3: SimpleRNN, LSTM and GRU with reset_after, Bidirectional where there are two directions,
on the backend that KERAS_BACKEND names, else on the first that is installed.

Kernels are transposed; a GRU has its gates as z r h and both biases, the others the sum of torch's
two. Source: keras.layers, reset_after and Bidirectional.
"""

import json
import os
import sys
from importlib.util import find_spec
from typing import Any

from torch_parity.adapters.recurrent import Arrays, Layer, Module, compute, module_of, refusal
from torch_parity.engine import Request, Tensors, serve

if "KERAS_BACKEND" not in os.environ:
    found = [name for name in ("jax", "tensorflow", "torch") if find_spec(name) is not None]
    os.environ["KERAS_BACKEND"] = found[0] if found else "numpy"
if find_spec(os.environ["KERAS_BACKEND"]) is None:
    sys.exit(f"KERAS_BACKEND: expected a package, got none called {os.environ['KERAS_BACKEND']}")

import keras
import numpy as np
from keras import ops

BACKEND = keras.backend.backend()
#: Layers by what they are made of, so that they are compiled once.
LAYERS: dict[str, Any] = {}


def supports(request: Request) -> bool | str:
    reason = refusal(request, ("float32",), gradients=BACKEND == "jax")
    if reason is None and request.config["hidden_size"] == 0:
        return "expects at least one unit"
    return reason or True


def layer_of(module: Module, layer: Layer) -> Any:
    """A layer of Keras whose weights are given with each call."""
    sizes = layer.input.shape[-1], module.config["hidden_size"]
    is_biased = "bias_ih" in layer.params[0]
    activation = module.config.get("nonlinearity", "tanh")
    key = json.dumps([module.kind, *sizes, is_biased, activation, module.directions])
    if key in LAYERS:
        return LAYERS[key]
    kinds = {"RNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}
    options = {
        "activation": activation,
        "use_bias": is_biased,
        "return_sequences": True,
        "return_state": True,
        "zero_output_for_mask": True,
        "kernel_initializer": "zeros",
        "recurrent_initializer": "zeros",
        **({"reset_after": True} if module.kind == "GRU" else {}),
    }
    own = kinds[module.kind](sizes[1], **options)
    if module.directions == 2:
        back = kinds[module.kind](sizes[1], go_backwards=True, **options)
        own = keras.layers.Bidirectional(own, merge_mode="concat", backward_layer=back)
    own.build((None, None, sizes[0]))
    LAYERS[key] = own
    return own


def weights_of(module: Module, params: Arrays) -> list[Any]:
    """kernel, recurrent_kernel and bias."""

    def zrh(rows: Any) -> Any:
        if module.kind != "GRU":
            return rows
        r, z, n = ops.split(rows, 3)
        return ops.concatenate([z, r, n])

    kernels = [ops.transpose(zrh(params[name])) for name in ("weight_ih", "weight_hh")]
    if "bias_ih" not in params:
        return kernels
    biases = [zrh(params[name]) for name in ("bias_ih", "bias_hh")]
    return [*kernels, ops.stack(biases) if module.kind == "GRU" else biases[0] + biases[1]]


def run_layer(module: Module, layer: Layer) -> tuple[Any, list[Any]]:
    own = layer_of(module, layer)
    weights = [weight for params in layer.params for weight in weights_of(module, params)]
    given: dict[str, Any] = {}
    if layer.states:
        # Those of the forward layer, then those of the backward one.
        given["initial_state"] = [
            state[i] for i in range(module.directions) for state in layer.states
        ]
    if layer.lengths is not None:
        steps = ops.arange(layer.input.shape[1], dtype="int32")
        given["mask"] = steps[None] < layer.lengths[:, None]
    fixed = [variable.value for variable in own.non_trainable_variables]
    (output, *ends), _ = own.stateless_call(weights, fixed, layer.input, **given)
    number = 2 if module.kind == "LSTM" else 1
    return output, [ops.stack(ends[i::number]) for i in range(number)]


def forward(module: Module, params: Arrays, inputs: Arrays) -> dict[str, Any]:
    return compute(ops, module, params, inputs, lambda layer: run_layer(module, layer))


def run(request: Request) -> Tensors:
    def tensors(arrays: Tensors) -> Arrays:
        return {name: ops.convert_to_tensor(array) for name, array in arrays.items()}

    # On the backend numpy an infinity is a warning.
    with np.errstate(all="ignore"):
        outputs = forward(module_of(request), tensors(request.params), tensors(request.inputs))
    return {name: ops.convert_to_numpy(value).copy() for name, value in outputs.items()}


if __name__ == "__main__":
    name = f"keras {keras.version()} ({BACKEND})"
    if BACKEND == "jax":
        from torch_parity.adapters.jaxed import Jaxed

        asked = Jaxed(forward)
        serve(asked.run, supports, name=name, prepare=asked.prepare)
    else:
        serve(run, supports, name=name)

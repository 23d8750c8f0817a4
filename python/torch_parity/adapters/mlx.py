"""MLX: nn.RNN, nn.LSTM and nn.GRU, which have torch's weights and gates.

A bias is the sum of torch's two; a GRU has that of W_hn apart. Source: mlx.nn.layers.recurrent.
"""

from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn

from torch_parity.adapters.recurrent import Arrays, Layer, Module, compute, module_of, refusal
from torch_parity.engine import Request, Tensors, serve

DTYPES = {"float16": mx.float16, "bfloat16": mx.bfloat16, "float32": mx.float32}


def supports(request: Request) -> bool | str:
    reason = refusal(request, tuple(DTYPES), gradients=True, bidirectional=False, lengths=False)
    if reason is None and request.config["input_size"] == 0:
        return "takes no arrays without elements"
    return reason or True


def layer_of(module: Module, params: Arrays) -> Any:
    """A layer of mlx with the weights of one of torch's."""
    is_biased, is_relu = "bias_ih" in params, module.config.get("nonlinearity") == "relu"
    sizes = params["weight_ih"].shape[1], params["weight_hh"].shape[1]
    if module.kind == "RNN":
        own = nn.RNN(*sizes, bias=is_biased, nonlinearity=nn.relu if is_relu else nn.tanh)
        own.Wxh, own.Whh = params["weight_ih"], params["weight_hh"]
    else:
        own = (nn.LSTM if module.kind == "LSTM" else nn.GRU)(*sizes, bias=is_biased)
        own.Wx, own.Wh = params["weight_ih"], params["weight_hh"]
    if not is_biased:
        return own
    bias_ih, bias_hh = params["bias_ih"], params["bias_hh"]
    if module.kind != "GRU":
        own.bias = bias_ih + bias_hh
        return own
    rz = 2 * sizes[1]
    own.b = mx.concatenate([bias_ih[:rz] + bias_hh[:rz], bias_ih[rz:]])
    own.bhn = bias_hh[rz:]
    return own


def run_layer(module: Module, layer: Layer) -> tuple[Any, list[Any]]:
    own = layer_of(module, layer.params[0])
    found = own(layer.input, *(state[0] for state in layer.states))
    # An LSTM gives its cell states beside.
    steps = found if module.kind == "LSTM" else (found,)
    return steps[0], [each[:, -1][None] for each in steps]


def answer(module: Module, params: Arrays, inputs: Arrays) -> dict[str, Any]:
    return compute(mx, module, params, inputs, lambda layer: run_layer(module, layer))


def with_gradients(
    module: Module, params: Arrays, inputs: Arrays, cotangents: Arrays
) -> dict[str, Any]:
    leaves = {name: inputs[name] for name in ("input", "h_0", "c_0") if name in inputs}
    names = [*leaves, *params]

    def function(*values: Any) -> list[Any]:
        given = dict(zip(names, values, strict=True))
        own = {name: given.pop(name) for name in leaves}
        found = answer(module, given, {**inputs, **own})
        return [found[name] for name in cotangents]

    outputs, gradients = mx.vjp(
        function, [*leaves.values(), *params.values()], list(cotangents.values())
    )
    by_name = {f"grad_{name}": value for name, value in zip(names, gradients, strict=True)}
    return {**dict(zip(cotangents, outputs, strict=True)), **by_name}


def arrays(tensors: Tensors, dtype: str) -> dict[str, Any]:
    return {name: mx.array(array).astype(DTYPES[dtype]) for name, array in tensors.items()}


def run(request: Request) -> Tensors:
    module = module_of(request)
    params, inputs = (arrays(each, module.dtype) for each in (request.params, request.inputs))
    if request.cotangents is None:
        found = answer(module, params, inputs)
    else:
        found = with_gradients(module, params, inputs, arrays(request.cotangents, module.dtype))
    # numpy has no bfloat16; the numbers of float16 and bfloat16 stand in float32.
    return {name: np.array(value.astype(mx.float32)) for name, value in found.items()}


if __name__ == "__main__":
    serve(run, supports, name=f"mlx {mx.__version__} ({mx.default_device().type.name})")

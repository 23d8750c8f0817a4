"""Flax by its nnx API: SimpleCell, OptimizedLSTMCell, GRUCell in RNN and Bidirectional.

Kernels are transposed, gates in torch's order; one bias is the sum of torch's two. Source:
flax.nnx.nn.recurrent.
"""

from typing import Any

import flax
import jax
import jax.numpy as jnp
from flax import nnx

from torch_parity.adapters.jaxed import DTYPES, Jaxed
from torch_parity.adapters.recurrent import (
    Arrays,
    Layer,
    Module,
    compute,
    refusal,
    zero_past,
)
from torch_parity.engine import Request, serve


def supports(request: Request) -> bool | str:
    return refusal(request, DTYPES, gradients=True) or biased_n(request) or True


def biased_n(request: Request) -> str | None:
    """Its documentation prints b_hn, its dense_h has no bias."""
    is_biased = request.module.startswith("GRU") and request.config["bias"]
    return "nnx.GRUCell has no b_hn, which it prints" if is_biased else None


def cell_of(module: Module, params: Arrays) -> Any:
    """A cell with the weights of one layer and direction."""
    zeros = nnx.initializers.zeros_init()
    cells = {"RNN": nnx.SimpleCell, "LSTM": nnx.OptimizedLSTMCell, "GRU": nnx.GRUCell}
    is_relu = module.config.get("nonlinearity") == "relu"
    cell = cells[module.kind](
        params["weight_ih"].shape[1],
        params["weight_hh"].shape[1],
        activation_fn=jax.nn.relu if is_relu else nnx.tanh,
        kernel_init=zeros,
        recurrent_kernel_init=zeros,
        dtype=module.dtype,
        param_dtype=module.dtype,
        rngs=nnx.Rngs(0),
    )
    cell.dense_i.kernel = nnx.Param(params["weight_ih"].T)
    cell.dense_h.kernel = nnx.Param(params["weight_hh"].T)
    if "bias_ih" in params:
        dense = cell.dense_h if module.kind == "LSTM" else cell.dense_i
        dense.bias = nnx.Param(params["bias_ih"] + params["bias_hh"])
    return cell


def run_layer(module: Module, layer: Layer) -> tuple[Any, list[Any]]:
    rnns = [nnx.RNN(cell_of(module, params)) for params in layer.params]
    # A carry of an LSTM is (c, h).
    carries = [
        tuple(state[i] for state in reversed(layer.states))
        if module.kind == "LSTM"
        else layer.states[0][i]
        for i in range(len(rnns) if layer.states else 0)
    ]
    given = {"seq_lengths": layer.lengths, "return_carry": True}
    if module.directions == 2:
        whole = nnx.Bidirectional(*rnns)
        ends, output = whole(layer.input, initial_carry=tuple(carries) or None, **given)
    else:
        end, output = rnns[0](layer.input, initial_carry=next(iter(carries), None), **given)
        ends = (end,)
    parts = [end[::-1] if module.kind == "LSTM" else (end,) for end in ends]
    states = [jnp.stack(each) for each in zip(*parts, strict=True)]
    return zero_past(jnp, output, layer.lengths), states


def forward(module: Module, params: Arrays, inputs: Arrays) -> dict[str, Any]:
    return compute(jnp, module, params, inputs, lambda layer: run_layer(module, layer))


if __name__ == "__main__":
    # Else float64 is float32.
    jax.config.update("jax_enable_x64", True)
    asked = Jaxed(forward)
    name = f"flax {flax.__version__} nnx (jax {jax.__version__}, {jax.default_backend()})"
    serve(asked.run, supports, name=name, prepare=asked.prepare)

"""Flax by its linen API: SimpleCell, OptimizedLSTMCell, GRUCell in RNN and Bidirectional.

Kernels are transposed, and each gate has its own. A bias is the sum of torch's two, but that of a
GRU's n, where linen has both. Source: flax.linen.recurrent.
"""

from typing import Any

import flax
import jax
import jax.numpy as jnp
from flax import linen

from torch_parity.adapters.jaxed import DTYPES, Jaxed
from torch_parity.adapters.recurrent import Arrays, Layer, Module, compute, refusal, zero_past
from torch_parity.engine import Request, serve

#: linen's names of the gates, in torch's order.
GATES = {"LSTM": "ifgo", "GRU": "rzn"}


def supports(request: Request) -> bool | str:
    return refusal(request, DTYPES, gradients=True) or True


def cell_of(module: Module, hidden_size: int) -> Any:
    cells = {"RNN": linen.SimpleCell, "LSTM": linen.OptimizedLSTMCell, "GRU": linen.GRUCell}
    is_relu = module.config.get("nonlinearity") == "relu"
    return cells[module.kind](
        hidden_size,
        activation_fn=jax.nn.relu if is_relu else linen.tanh,
        # Not used, but for the shapes of what they would make.
        kernel_init=linen.initializers.zeros,
        recurrent_kernel_init=linen.initializers.zeros,
        dtype=module.dtype,
        param_dtype=module.dtype,
    )


def weights_of(module: Module, params: Arrays) -> dict[str, dict[str, Any]]:
    """The variables of a cell."""
    gates = GATES.get(module.kind, " ")
    bias_ih, bias_hh = (
        params.get(name, jnp.zeros(params["weight_hh"].shape[0], module.dtype))
        for name in ("bias_ih", "bias_hh")
    )
    stacked = (params["weight_ih"], params["weight_hh"], bias_ih, bias_hh)
    weights = {}
    for gate, w_ih, w_hh, b_ih, b_hh in zip(
        gates, *(jnp.split(each, len(gates)) for each in stacked), strict=True
    ):
        ih, hh = {"kernel": w_ih.T}, {"kernel": w_hh.T}
        if module.kind == "LSTM":
            hh["bias"] = b_ih + b_hh
        elif gate == "n":
            ih["bias"], hh["bias"] = b_ih, b_hh
        else:
            ih["bias"] = b_ih + b_hh
        weights[f"i{gate}".strip()], weights[f"h{gate}".strip()] = ih, hh
    return weights


def run_layer(module: Module, layer: Layer) -> tuple[Any, list[Any]]:
    outputs, ends = [], []
    for direction, params in enumerate(layer.params):
        cell = cell_of(module, params["weight_hh"].shape[1])
        rnn = linen.RNN(cell, return_carry=True, reverse=direction == 1, keep_order=True)
        states = [state[direction] for state in layer.states]
        # A carry of an LSTM is (c, h).
        carry = tuple(states[::-1]) if module.kind == "LSTM" else next(iter(states), None)
        end, output = rnn.apply(
            {"params": {"cell": weights_of(module, params)}},
            layer.input,
            initial_carry=carry or None if module.kind == "LSTM" else carry,
            seq_lengths=layer.lengths,
        )
        outputs.append(output)
        ends.append(end[::-1] if module.kind == "LSTM" else (end,))
    states = [jnp.stack(each) for each in zip(*ends, strict=True)]
    return zero_past(jnp, jnp.concatenate(outputs, -1), layer.lengths), states


def forward(module: Module, params: Arrays, inputs: Arrays) -> dict[str, Any]:
    return compute(jnp, module, params, inputs, lambda layer: run_layer(module, layer))


if __name__ == "__main__":
    # Else float64 is float32.
    jax.config.update("jax_enable_x64", True)
    asked = Jaxed(forward)
    name = f"flax {flax.__version__} linen (jax {jax.__version__}, {jax.default_backend()})"
    serve(asked.run, supports, name=name, prepare=asked.prepare)

"""torch's equations in numpy, as its documentation prints them: what a framework is held against
that computes the same otherwise."""

from typing import Any

import numpy as np

from torch_parity.adapters.recurrent import Layer, Module, compute, module_of, refusal
from torch_parity.engine import Request, Tensors, serve


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def step(module: Module, params: Any, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """One step of a batch: x (batch, its size) → h, and c of an LSTM. Source: torch.nn."""
    ih = x @ params["weight_ih"].T + params.get("bias_ih", 0)
    hh = h @ params["weight_hh"].T + params.get("bias_hh", 0)
    if module.kind == "RNN":
        is_tanh = module.config["nonlinearity"] == "tanh"
        return np.tanh(ih + hh) if is_tanh else np.maximum(ih + hh, 0), None
    if module.kind == "LSTM":
        i, f, g, o = np.split(ih + hh, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h @ params["weight_hr"].T if "weight_hr" in params else h, c
    (r_i, z_i, n_i), (r_h, z_h, n_h) = np.split(ih, 3, -1), np.split(hh, 3, -1)
    z, n = sigmoid(z_i + z_h), np.tanh(n_i + sigmoid(r_i + r_h) * n_h)
    return (1 - z) * n + z * h, None


def run_layer(module: Module, layer: Layer) -> tuple[Any, list[Any]]:
    batch, seq_len, _ = layer.input.shape
    outputs, ends = [], []
    for direction, params in enumerate(layer.params):
        hidden_size = params["weight_hh"].shape[0] // {"RNN": 1, "LSTM": 4, "GRU": 3}[module.kind]
        sizes = [params["weight_hh"].shape[1], hidden_size][: 1 + (module.kind == "LSTM")]
        states = [np.zeros((batch, size), layer.input.dtype) for size in sizes]
        if layer.states:
            states = [state[direction] for state in layer.states]
        h, c = states if module.kind == "LSTM" else (states[0], None)
        output = np.zeros((batch, seq_len, h.shape[-1]), layer.input.dtype)
        for t in range(seq_len)[:: -1 if direction else 1]:
            h_t, c_t = step(module, params, layer.input[:, t], h, c)
            there = np.full((batch, 1), True)
            if layer.lengths is not None:
                there = t < layer.lengths[:, None]
            h, c = np.where(there, h_t, h), None if c is None else np.where(there, c_t, c)
            output[:, t] = np.where(there, h_t, 0)
        outputs.append(output)
        ends.append([h] if c is None else [h, c])
    return np.concatenate(outputs, -1), [np.stack(each) for each in zip(*ends, strict=True)]


def supports(request: Request) -> bool | str:
    return refusal(request, ("float32", "float64"), projection=True) or True


def run(request: Request) -> Tensors:
    module = module_of(request)
    with np.errstate(all="ignore"):
        return compute(
            np, module, request.params, request.inputs, lambda layer: run_layer(module, layer)
        )


if __name__ == "__main__":
    serve(run, supports, name=f"numpy {np.__version__}")

"""tinygrad: nn.LSTMCell, which has torch's weights and names. Source: tinygrad.nn."""

import sys
from importlib.metadata import version
from typing import Any

import numpy as np
from tinygrad import Device, Tensor, dtypes
from tinygrad.nn import LSTMCell

from torch_parity.adapters.recurrent import refusal
from torch_parity.engine import Request, Tensors, serve

DTYPES = {"float16": dtypes.half, "float32": dtypes.float32, "float64": dtypes.float64}


def supports(request: Request) -> bool | str:
    reason = refusal(request, tuple(DTYPES), gradients=True)
    if reason is None and request.module != "LSTMCell":
        return "has LSTMCell alone"
    return reason or True


def run(request: Request) -> Tensors:
    def tensor(array: Any) -> Any:
        return Tensor(np.ascontiguousarray(array)).cast(DTYPES[request.dtype]).realize()

    params = {name: tensor(array) for name, array in request.params.items()}
    inputs = {name: tensor(array) for name, array in request.inputs.items()}
    cell = LSTMCell(request.config["input_size"], request.config["hidden_size"], bias=False)
    for name, own in params.items():
        setattr(cell, name, own)
    # The cell takes batches alone.
    is_batched = inputs["input"].ndim == 2
    x, *states = (
        inputs[name] if is_batched else inputs[name].unsqueeze(0)
        for name in ("input", "h_0", "c_0")
        if name in inputs
    )
    found = cell(x, tuple(states) or None)
    outputs = {
        name: state if is_batched else state.squeeze(0)
        for name, state in zip(("h_1", "c_1"), found, strict=True)
    }
    gradients = {}
    if request.cotangents is not None:
        loss = sum(
            (outputs[name] * tensor(array)).sum() for name, array in request.cotangents.items()
        )
        wanted = {**inputs, **params}
        by = loss.gradient(*wanted.values())
        gradients = {f"grad_{name}": value for name, value in zip(wanted, by, strict=True)}
    wide = dtypes.float64 if request.dtype == "float64" else dtypes.float32
    return {
        name: value.cast(wide).numpy().copy() for name, value in {**outputs, **gradients}.items()
    }


if __name__ == "__main__":
    try:
        (Tensor([1.0]) + 1).realize()
    except (FileNotFoundError, RuntimeError) as error:
        sys.exit(f"tinygrad: expected clang on the path, or a device that DEV names, got {error}")
    serve(run, supports, name=f"tinygrad {version('tinygrad')} ({Device.DEFAULT})")

"""What all frameworks share: torch's layers and cells as one layer of theirs after the other.

Their layers have the batch first, and are called once for each of torch's, with both directions. A
cell is a layer of one step. What happens here beside is a change of axes, dropout by a given mask,
and nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch_parity.engine import Request

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Layer:
    """One of torch's layers, of D directions.

    params: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr as far as there are some, for each
        direction. input: (batch, seq_len, its size). states: h, and c of an LSTM, each
        (D, batch, H), or none of them, which means zeros. lengths: (batch), if they differ.
    """

    index: int
    params: list[Arrays]
    input: Any
    states: list[Any]
    lengths: Any | None


#: → output: (batch, seq_len, D * H), 0 past a row's length, and the last states, like `states`.
RunLayer = Callable[[Layer], tuple[Any, list[Any]]]


@dataclass(frozen=True)
class Module:
    """What a request is about, without its numbers."""

    name: str
    config: Mapping[str, Any]
    dtype: str

    @property
    def kind(self) -> str:
        return self.name.removesuffix("Cell")

    @property
    def is_cell(self) -> bool:
        return self.name.endswith("Cell")

    @property
    def directions(self) -> int:
        return 2 if self.config.get("bidirectional") else 1

    @property
    def num_layers(self) -> int:
        return int(self.config.get("num_layers", 1))

    def suffixes(self, layer: int) -> list[str]:
        if self.is_cell:
            return [""]
        return [f"_l{layer}{end}" for end in ("", "_reverse")[: self.directions]]


def module_of(request: Request) -> Module:
    return Module(request.module, request.config, request.dtype)


def refusal(
    request: Request,
    dtypes: tuple[str, ...],
    *,
    gradients: bool = False,
    bidirectional: bool = True,
    lengths: bool = True,
    projection: bool = False,
) -> str | None:
    """Why a request is not for a framework that has no more than what is named."""
    if request.module.removesuffix("Cell") not in ("RNN", "LSTM", "GRU"):
        return "computes layers and cells, no models"
    if request.training is not None:
        return "takes no steps of an optimizer"
    if request.cotangents is not None and not gradients:
        return "computes no gradients"
    if request.config.get("proj_size") and not projection:
        return "LSTM has no proj_size"
    if request.config.get("bidirectional") and not bidirectional:
        return "has no bidirectional layers"
    if "lengths" in request.inputs and not lengths:
        return "has no lengths and no mask of steps"
    if request.dtype not in dtypes:
        *others, last = dtypes
        listed = f"{', '.join(others)} and {last}" if others else last
        return f"computes {listed}, not {request.dtype}"
    return None


def compute(
    xp: Any, module: Module, params: Arrays, inputs: Arrays, run_layer: RunLayer
) -> dict[str, Any]:
    """What torch's module gives, by torch's names.

    xp: the functions of numpy, as the framework has them.
    """
    config, x = module.config, inputs["input"]
    is_batched = x.ndim == (2 if module.is_cell else 3)
    is_time_first = is_batched and not module.is_cell and not config["batch_first"]
    if not is_batched:
        x = x[None]
    if module.is_cell:
        x = x[:, None]
    elif is_time_first:
        x = xp.swapaxes(x, 0, 1)
    given = [inputs[name] for name in ("h_0", "c_0") if name in inputs]
    if not is_batched:
        given = [state[..., None, :] for state in given]
    if module.is_cell:
        given = [state[None] for state in given]
    width, dropout = module.directions, config.get("dropout", 0)
    last: list[list[Any]] = []
    for layer in range(module.num_layers):
        own = [state[layer * width : (layer + 1) * width] for state in given]
        weights = [parameters(params, suffix) for suffix in module.suffixes(layer)]
        x, states = run_layer(Layer(layer, weights, x, own, inputs.get("lengths")))
        last.append(states)
        if "dropout_mask" in inputs and layer < module.num_layers - 1:
            mask = xp.swapaxes(inputs["dropout_mask"][layer], 0, 1)
            x = x * mask * (0 if dropout == 1 else 1 / (1 - dropout))
    ends = [xp.concatenate(list(each), 0) for each in zip(*last, strict=True)]
    if not is_batched:
        ends = [state[:, 0] for state in ends]
    if module.is_cell:
        return {name: state[0] for name, state in zip(("h_1", "c_1"), ends, strict=False)}
    output = x[0] if not is_batched else xp.swapaxes(x, 0, 1) if is_time_first else x
    return {"output": output, **dict(zip(("h_n", "c_n"), ends, strict=False))}


def parameters(params: Arrays, suffix: str) -> Arrays:
    """Those of one layer and direction, or of a cell, without the suffix."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    return {name: params[name + suffix] for name in names if name + suffix in params}


def zero_past(xp: Any, output: Any, lengths: Any | None) -> Any:
    """Of output (batch, seq_len, H) what is past a row's length as torch has it."""
    if lengths is None:
        return output
    there = xp.arange(output.shape[1])[None] < lengths[:, None]
    return xp.where(there[..., None], output, xp.zeros_like(output))

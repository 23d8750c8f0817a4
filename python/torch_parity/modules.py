"""What differs between torch's recurrent modules: everything else is written once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Tensors = dict[str, torch.Tensor]

LAYER_OPTIONS = ("num_layers", "bias", "batch_first", "dropout", "bidirectional")


@dataclass(frozen=True)
class ModuleKind:
    """A torch class, and the constructor arguments that a fixture records."""

    torch_class: type[nn.Module]
    options: tuple[str, ...]
    is_layer: bool


KINDS: dict[str, ModuleKind] = {
    "RNNCell": ModuleKind(nn.RNNCell, ("bias", "nonlinearity"), is_layer=False),
    "RNN": ModuleKind(nn.RNN, ("nonlinearity", *LAYER_OPTIONS), is_layer=True),
}


def name_of(module: nn.Module) -> str:
    """The torch class that a module is an instance of.

    Raises:
        TypeError: The module is none that can be recorded.
    """
    for name, kind in KINDS.items():
        if type(module) is kind.torch_class:
            return name
    raise TypeError(
        f"expected one of {', '.join(KINDS)}, got {type(module).__name__}\n"
        "a part of a model can be recorded: record(model.rnn, …)"
    )


def config_of(module: nn.Module) -> dict[str, Any]:
    """The module's constructor arguments, by torch's names."""
    kind = KINDS[name_of(module)]
    names = ("input_size", "hidden_size", *kind.options)
    return {name: getattr(module, name) for name in names}


def build(name: str, config: Mapping[str, Any], params: Tensors) -> nn.Module:
    """A module in evaluation mode that shares the parameters given; nothing random is drawn."""
    module = KINDS[name].torch_class(**config, device="meta")
    module.load_state_dict(params, assign=True)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module.eval()


def exchange(module: nn.Module, params: Tensors) -> None:
    """Gives a module other parameters of the same shapes, faster than building another."""
    for name, parameter in module.named_parameters():
        parameter.data = params[name]


def call(module: nn.Module, inputs: Tensors) -> Tensors:
    """Calls `forward` and names what it gives: output and h_n, or h_1 of a cell."""
    name = name_of(module)
    input, h_0, lengths = inputs["input"], inputs.get("h_0"), inputs.get("lengths")
    if not KINDS[name].is_layer:
        return {"h_1": module(input, h_0)}
    if lengths is None:
        output, h_n = module(input, h_0)
        return {"output": output, "h_n": h_n}
    batch_first = bool(module.batch_first)
    packed = pack_padded_sequence(input, lengths, batch_first=batch_first, enforce_sorted=False)
    packed_output, h_n = module(packed, h_0)
    seq_len = input.shape[1 if batch_first else 0]
    output, _ = pad_packed_sequence(packed_output, batch_first=batch_first, total_length=seq_len)
    return {"output": output, "h_n": h_n}

"""The weights that a module computes with, whatever they are made of."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from torch_parity.budget import UNIT
from torch_parity.modules import Tensors, parameter_names, state_size
from torch_parity.subject import Subject, is_reweight


def effective_params(subject: Subject, id: str) -> Tensors:
    """The weights by torch's names, as the module computes with them, on the CPU.

    Call it while the module is borrowed.

    Raises:
        ValueError: They are none that can be recorded.
    """
    core, name, config = subject.core, subject.name, subject.config
    with torch.no_grad():
        for hook in core._forward_pre_hooks.values():
            if is_reweight(hook):
                hook(core, ())
        params: Tensors = {}
        for own in parameter_names(name, config):
            weight = getattr(core, own, None)
            if not isinstance(weight, torch.Tensor):
                raise ValueError(f"{id}: {own}: expected a weight, got none")
            if weight.is_meta:
                raise ValueError(f"{id}: {own}: expected numbers, got a tensor on meta")
            params[own] = plain_tensor(weight)
    first, dtype = next((own, tensor.dtype) for own, tensor in params.items())
    if dtype not in UNIT:
        expected_dtypes = ", ".join(str(known).removeprefix("torch.") for known in UNIT)
        raise ValueError(f"{id}: expected a module of dtype {expected_dtypes}, got {dtype}")
    shapes = parameter_shapes(name, config)
    for own, tensor in params.items():
        if tensor.dtype != dtype:
            raise ValueError(
                f"{id}: {own}: expected dtype {dtype}, which {first} has, got {tensor.dtype}"
            )
        if tuple(tensor.shape) != shapes[own]:
            raise ValueError(
                f"{id}: {own}: expected shape {shapes[own]}, got {tuple(tensor.shape)}"
            )
    return params


def plain_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers on the CPU, without autograd and out of inference mode; strides are kept."""
    own = tensor.detach().cpu()
    return own.clone() if own.is_inference() else own


def parameter_shapes(name: str, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """As torch's state_dict has them."""
    rows = {"LSTM": 4, "GRU": 3}.get(name.removesuffix("Cell"), 1) * config["hidden_size"]
    state = state_size(config)
    below = (2 if config.get("bidirectional") else 1) * state
    shapes: dict[str, tuple[int, ...]] = {}
    for own in parameter_names(name, config):
        is_first = "_l" not in own or own.removesuffix("_reverse").endswith("_l0")
        if own.startswith("weight_ih"):
            shapes[own] = (rows, config["input_size"] if is_first else below)
        elif own.startswith("weight_hh"):
            shapes[own] = (rows, state)
        else:
            shapes[own] = (state, config["hidden_size"]) if "_hr" in own else (rows,)
    return shapes


def own_parameters(subject: Subject) -> dict[str, nn.Parameter]:
    """The parameters that are weights, by torch's names."""
    weights = parameter_names(subject.name, subject.config)
    return {own: value for own, value in subject.core.named_parameters() if own in weights}


def check_own_parameters(subject: Subject, what: str, id: str) -> None:
    """Refuses gradients where the weights are not parameters of their own.

    Raises:
        ValueError: They are computed of others, or two are one.
    """
    if subject.made_of:
        raise ValueError(
            f"{id}: expected weights that are parameters for {what}, "
            f"got weights that are computed of {', '.join(subject.made_of)}\n"
            "record the run alone, or take parametrizations and pruning off first"
        )
    places: dict[tuple[torch.device, int], str] = {}
    for own in parameter_names(subject.name, subject.config):
        weight = getattr(subject.core, own)
        if weight.numel() == 0:
            continue
        place = (weight.device, weight.data_ptr())
        if place in places:
            raise ValueError(
                f"{id}: expected parameters of their own for {what}, "
                f"got {places[place]} and {own} in one\n"
                "a fixture has a gradient for each: record the run alone"
            )
        places[place] = own
    weights = own_parameters(subject)
    frozen = [own for own, weight in weights.items() if not weight.requires_grad]
    if what == "a training" and 0 < len(frozen) < len(weights):
        raise ValueError(
            f"{id}: expected parameters that are all trained, got {', '.join(frozen)} frozen"
        )

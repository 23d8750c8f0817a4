"""PyTorch's own test inputs for its operations, captured as cases: torch.testing's OpInfo samples."""

import random
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_parity.capture.case import capture
from torch_parity.fixture import Case
from torch_parity.values import Stream


class Operation(nn.Module):
    """One operation as a model: its tensors go in, everything else stays as the sample has it."""

    def __init__(self, op: Any, sample: Any) -> None:
        super().__init__()
        leaves, self.spec = torch.utils._pytree.tree_flatten(
            ((sample.input, *sample.args), sample.kwargs)
        )
        self.op = op
        self.leaves = [None if isinstance(own, torch.Tensor) else own for own in leaves]
        self.places = [i for i, own in enumerate(leaves) if isinstance(own, torch.Tensor)]
        self.given = [own.detach().clone() for own in leaves if isinstance(own, torch.Tensor)]

    def forward(self, *tensors: torch.Tensor) -> Any:
        leaves = list(self.leaves)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = torch.utils._pytree.tree_unflatten(leaves, self.spec)
        return self.op(*args, **kwargs)


def operation_names() -> list[str]:
    """Every OpInfo's name, with its variant where it has one."""
    return [full_name(own) for own in database()]


def database() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db  # noqa: PLC0415
    return list(op_db)


def full_name(own: Any) -> str:
    return f"{own.name}.{own.variant_test_name}" if own.variant_test_name else str(own.name)


def samples(
    names: Sequence[str], dtype: torch.dtype, seed: int, most: int
) -> Iterator[tuple[str, Case | str]]:
    """Of each operation at most so many samples, drawn where there are more: its case, or why it is none."""
    for own in database():
        name = full_name(own)
        if name not in names or dtype not in own.dtypes:
            continue
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - what torch's samples are drawn with
        drawn = list(own.sample_inputs("cpu", dtype, requires_grad=False))
        chosen = list(range(len(drawn)))
        stream = Stream(seed, "opinfo", name, dtype)
        while len(chosen) > most:
            del chosen[stream.integer(0, len(chosen) - 1)]
        for place in chosen:
            short = str(dtype).removeprefix("torch.")
            id = f"{name}-{short}-{place}"
            model = Operation(own.op, drawn[place]).eval()
            try:
                yield name, capture(model, model.given, id=id, name=name, taps=[], seed=seed)
            except ValueError as error:
                yield name, str(error).split("\n")[0]

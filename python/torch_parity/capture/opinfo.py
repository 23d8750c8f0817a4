"""PyTorch's own test inputs for its operations, captured: torch.testing's OpInfo samples."""

import argparse
import json
import logging
import random
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_parity.capture.case import capture
from torch_parity.fixture import Case, write_fixture
from torch_parity.values import Stream

#: What is larger says nothing that a smaller one does not.
LARGEST = 10_000


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


def database() -> list[Any]:
    """Every operation that torch has test inputs for.

    Raises:
        ModuleNotFoundError: What torch's own tests need is missing: the package expecttest.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    return list(op_db)


def full_name(own: Any) -> str:
    return f"{own.name}.{own.variant_test_name}" if own.variant_test_name else str(own.name)


def samples(
    operations: Iterable[Any], dtype: torch.dtype, seed: int, most: int, gradients: bool = False
) -> Iterator[tuple[str, Case | str]]:
    """Of each operation at most so many samples: the case of each, or why it is none."""
    for own in operations:
        name = full_name(own)
        if dtype not in own.dtypes:
            continue
        try:
            drawn = draw(own, dtype, seed)
        except Exception as error:
            yield name, f"its samples cannot be drawn: {type(error).__name__}"
            continue
        chosen = list(range(len(drawn)))
        stream = Stream(seed, "opinfo", name, dtype)
        while len(chosen) > most:
            del chosen[stream.integer(0, len(chosen) - 1)]
        for place in chosen:
            id = f"{name}-{str(dtype).removeprefix('torch.')}-{place}"
            model = Operation(own.op, drawn[place]).eval()
            if any(given.numel() > LARGEST for given in model.given):
                yield name, f"a sample of more than {LARGEST} numbers"
                continue
            try:
                yield (
                    name,
                    capture(
                        model,
                        model.given,
                        id=id,
                        name=name,
                        taps=[],
                        seed=seed,
                        hooks=False,
                        gradients=gradients,
                    ),
                )
            except ValueError as error:
                yield name, str(error).split("\n")[0].removeprefix(f"{id}: ")
            except Exception as error:
                yield name, f"torch refuses it: {type(error).__name__}"


def draw(own: Any, dtype: torch.dtype, seed: int) -> list[Any]:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    return list(own.sample_inputs("cpu", dtype, requires_grad=False))


def main() -> int:
    """Captures samples into a file, and says in JSON beside it why some are not there."""
    parser = argparse.ArgumentParser(prog="torch_parity.capture.opinfo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the fixture")
    parser.add_argument("--samples", type=int, default=4, help="at most, of each operation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--operation", nargs="+", default=[], help="names; all when absent")
    parser.add_argument("--gradients", action="store_true", help="of what has any")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    wanted = set(arguments.operation)
    chosen = [own for own in database() if not wanted or wanted & {own.name, full_name(own)}]
    left_out: list[tuple[str, str]] = []

    def cases() -> Iterator[Case]:
        dtype = getattr(torch, arguments.dtype)
        drawn = samples(chosen, dtype, arguments.seed, arguments.samples, arguments.gradients)
        for name, own in drawn:
            if isinstance(own, str):
                left_out.append((name, own))
            else:
                yield own

    write_fixture(arguments.out, cases(), name="opinfo", seed=arguments.seed, version=3)
    arguments.out.with_suffix(".json").write_text(json.dumps(left_out))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a case holds of its taps, within the bytes that they may take."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import torch

from torch_parity.capture.budgets import Measured
from torch_parity.capture.samples import bytes_of, sampled, shares
from torch_parity.fixture import EncodedTensor, encode_tensor


class Trace(TypedDict):
    """Of each tap all its numbers and budgets, or samples of them."""

    expected: dict[str, EncodedTensor]
    budget: dict[str, EncodedTensor]
    alone: NotRequired[dict[str, EncodedTensor]]
    samples: NotRequired[dict[str, Any]]


def traced(
    expected: Mapping[str, torch.Tensor],
    measured: Measured,
    limit: int | None,
    seed: int,
    id: str,
) -> Trace:
    """Keeps taps whole as far as they fit, and samples of the rest.

    Raises:
        ValueError: The limit is too small for all taps.
    """
    few: dict[str, int] = {}
    if limit is not None:
        parts = [bytes_of(own) for own in (expected, measured.budget, measured.alone)]
        few = shares({key: sum(own.get(key, 0) for own in parts) for key in expected}, limit, id)

    def whole(tensors: Mapping[str, Any]) -> dict[str, EncodedTensor]:
        return {name: encode_tensor(own) for name, own in tensors.items() if name not in few}

    trace: Trace = {
        "expected": whole(expected),
        "budget": whole(measured.budget),
    }
    if measured.alone:
        trace["alone"] = whole(measured.alone)
    if few:
        trace["samples"] = {
            name: sampled(
                own,
                measured.budget[name],
                measured.alone.get(name),
                measured.exact[name],
                [run[name] for run in measured.runs],
                few[name],
                f"{seed}/{id}/{name}/samples",
            )
            for name, own in expected.items()
            if name in few
        }
    return trace

"""Sizes around powers of two: where what works in blocks begins another one."""

from dataclasses import replace
from typing import Any

from torch_parity.cases import CaseSpec
from torch_parity.modules import KINDS
from torch_parity.suites.shapes import make

EDGES = tuple(
    sorted(
        {n for power in (4, 8, 16, 32, 64, 128, 256, 512) for n in (power - 1, power, power + 1)}
    )
)
#: Beside the edges.
BATCHES = tuple(sorted({1, 2, 200, *EDGES}))
#: What has gradients by large weights is large itself.
MOST_WITH_GRADIENTS = {"hidden_size": 33, "input_size": 129, "seq_len": 129, "batch": 200}

#: What else a case of small tensors may have, in turn.
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"bidirectional": True},
    {"num_layers": 2},
    {"batch_first": True, "bias": False},
    {"state": False},
)


def edge_suites(module: str) -> dict[str, list[CaseSpec]]:
    """One suite forward and one with gradients; in each case one size is at an edge."""
    is_layer = KINDS[module].is_layer
    axes = ["input_size", "hidden_size", "batch", *(["seq_len"] if is_layer else [])]

    def cases(gradients: bool) -> list[CaseSpec]:
        return [
            case(axis, size, gradients, i)
            for axis in axes
            for i, size in enumerate(BATCHES if axis == "batch" else EDGES)
            if not gradients or size <= MOST_WITH_GRADIENTS[axis]
        ]

    def case(axis: str, size: int, gradients: bool, i: int) -> CaseSpec:
        shape: dict[str, Any] = {"input_size": 3, "hidden_size": 2, "batch": 1}
        if is_layer:
            shape["seq_len"] = 2
        rest: dict[str, Any] = {"gradients": gradients, "generated": True}
        # Units cost most where they are many.
        if is_layer and axis != "hidden_size":
            rest |= OPTIONS[i % len(OPTIONS)]
        elif i % 5 == 3:
            rest |= {"bias": False}
        if axis == "input_size":
            # The start of weights goes by the units: few units of many inputs would be saturated.
            shape["hidden_size"] = 8 if gradients else 24
        given = {**shape, axis: size}
        spec = make(module, given.pop("input_size"), given.pop("hidden_size"), rest, **given)
        return replace(spec, id=f"{axis}-{spec.id}")

    return {"edges": cases(False), "gradients_edges": cases(True)}

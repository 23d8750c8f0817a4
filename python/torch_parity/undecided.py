"""Where a budget is so wide that a verdict needs the states after each step."""

from collections.abc import Mapping

import numpy as np
import torch

from torch_parity.agreement import KAPPA, PART, ROUNDINGS
from torch_parity.budget import SMALLEST_NORMAL, UNIT, Array
from torch_parity.modules import Tensors

#: The free run cannot decide a step whose budget is more than this part of the largest value, or
#: than so many roundings of it.
UNDECIDED = 2.0**-14
UNDECIDED_ROUNDINGS = 8


def needs_states(expected: Tensors, budget: Mapping[str, Array]) -> bool:
    """Whether a verdict would need the states after each step."""
    states = [key for key in ("h_n", "c_n") if key in expected]
    return is_undecided(expected["output"], budget["output"]) or any(
        says_nothing(expected[key], budget[key]) for key in states
    )


def is_undecided(output: torch.Tensor, budget: Array) -> bool:
    """Whether errors grow so much that late steps must be judged one at a time."""
    values = output.double().numpy()
    largest = float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    part = max(UNDECIDED, UNDECIDED_ROUNDINGS * UNIT[output.dtype])
    grows = bool((budget > max(part * largest, SMALLEST_NORMAL[output.dtype])).any())
    return grows or says_nothing(output, budget)


def says_nothing(tensor: torch.Tensor, budget: Array) -> bool:
    """Whether some number of the budget is too wide for the values that share it.

    Source: src/verify/decide.ts, which a verdict goes by.
    """
    values = np.abs(tensor.double().numpy())
    finite = np.isfinite(values)
    most = float(np.max(values, where=finite, initial=0.0))
    u = UNIT[tensor.dtype]
    part = max(PART, ROUNDINGS * u)
    floor = max(ROUNDINGS / 2 * u * most, SMALLEST_NORMAL[tensor.dtype])
    shared = np.broadcast_to(budget, values.shape)
    for own in np.unique(budget):
        group = finite & (shared == own)
        largest = float(np.max(values, where=group, initial=0.0))
        if group.any() and KAPPA * own > max(part * largest, floor):
            return True
    return False

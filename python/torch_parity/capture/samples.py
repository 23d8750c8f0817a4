"""Large taps are kept as samples, and as sums of all their numbers: a trace has a limit.

A sum over a block of numbers, each times a weight of its own, sees what samples miss. A norm would
not see a sign, nor two numbers in each other's place, nor much of a number near 0; a sum with
random weights from ±0.5 to ±1.5 changes by at least half of what any one number does.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from torch_parity.budget import SMALLEST, UNIT, Array
from torch_parity.fixture import encode_tensor
from torch_parity.values import Stream

#: What a tap has at least, and at most, so that places in 2**27 numbers are exact.
FEWEST_SAMPLES = 64
FEWEST_SUMS = 16
MOST_SAMPLES = 2**20
#: The keys of a tap, and the names and shapes in them.
OVERHEAD = 512
#: Two runs may be so much farther apart than those that were measured.
LEAST_PART = 0.5


class Sampling:
    """Which numbers of a tensor are kept, and by what each is multiplied in a sum.

    src/format/exported/samples.ts has the same.
    """

    def __init__(self, stream: str, size: int, count: int, block: int) -> None:
        self.stream = stream
        self.block = block
        units = Stream(stream).unit(1 + count)
        seed = np.uint32(int(units[0] * 2.0**32))
        edges = np.arange(count + 1, dtype=np.int64) * size // count
        #: One of each of `count` parts of the numbers in order.
        self.places = edges[:-1] + np.floor(units[1:] * np.diff(edges)).astype(np.int64)
        self._hashes = mixed(np.arange(size, dtype=np.uint32) ^ seed)

    def weights(self) -> Array:
        sizes = 0.5 + (self._hashes >> np.uint32(1)).astype(np.float64) * 2.0**-31
        return np.where(self._hashes & np.uint32(1), -sizes, sizes)

    def sums(self, values: Array) -> Array:
        """For each block the sum of its finite numbers times their weights, from first to last."""
        flat = values.ravel()
        return self._added(np.where(np.isfinite(flat), flat, 0.0) * self.weights())

    def norms(self, values: Array) -> Array:
        """For each block the root of the sum of squares, each times its weight."""
        return np.sqrt(self._added((values.ravel() * self.weights()) ** 2))

    def _added(self, terms: Array) -> Array:
        blocks = -(-terms.size // self.block)
        rows = np.zeros(blocks * self.block)
        rows[: terms.size] = terms
        total = np.zeros(blocks)
        for column in rows.reshape(blocks, self.block).T:
            total += column
        return total

    def kinds(self, values: Array) -> int:
        """One number that says which numbers are NaN, infinite or minus infinite."""
        flat = values.ravel()
        kinds = np.isnan(flat) + 2 * (flat == np.inf) + 3 * (flat == -np.inf)
        return int(np.sum(kinds.astype(np.int64) * (1 + (self._hashes >> np.uint32(12)))))


def mixed(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Source: MurmurHash3, fmix32, by Austin Appleby."""
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x85EBCA6B)
    values = values ^ (values >> np.uint32(13))
    values = values * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


#: What a tap needs that is kept as samples.
LEAST = OVERHEAD + 24 * FEWEST_SAMPLES + 16 * FEWEST_SUMS


def bytes_of(tensors: Mapping[str, torch.Tensor] | Mapping[str, Array]) -> dict[str, int]:
    return {key: OVERHEAD // 4 + int(own.nbytes) for key, own in tensors.items()}


def shares(whole: Mapping[str, int], limit: int, id: str) -> dict[str, int]:
    """How many bytes each tap has that is not kept whole: what the smaller ones leave, shared.

    Raises:
        ValueError: The limit is below what all taps need at least.
    """
    needed = sum(min(own, LEAST) for own in whole.values())
    if limit < needed:
        raise ValueError(
            f"{id}: max_bytes: expected at least {needed}, for {len(whole)} taps, got {limit}\n"
            "fewer taps need less: taps=[…]"
        )
    left, given = limit, {}
    ascending = sorted(whole, key=lambda key: whole[key])
    for i, key in enumerate(ascending):
        share = left // (len(ascending) - i)
        if whole[key] <= max(share, LEAST):
            left -= whole[key]
        else:
            given[key] = share
            left -= share
    return given


def sampled(
    expected: torch.Tensor,
    budget: Array,
    alone: Array | None,
    exact: torch.Tensor,
    runs: list[torch.Tensor],
    share: int,
    stream: str,
) -> dict[str, Any]:
    """What a fixture holds of a tap in the place of all its numbers, in so many bytes."""
    size = expected.numel()
    left = max(share - OVERHEAD, 0)
    # A budget for each number of the tap, or one so large, is kept for the samples alone.
    budgets = {"budget": budget} if alone is None else {"budget": budget, "alone": alone}
    needed = sum(own.nbytes for own in budgets.values())
    by_sample = 4 * needed > left
    if not by_sample:
        left -= needed
    each = expected.element_size() + (16 if by_sample else 0)
    count = min(max(left // 2 // each, 1), MOST_SAMPLES, size)
    block = -(-size // max(left // 2 // 16, 1))
    sampling = Sampling(stream, size, count, block)
    values = expected.double().numpy()

    def at_samples(own: Array) -> Array:
        kept: Array = np.broadcast_to(own, values.shape).ravel()[sampling.places]
        return kept

    return {
        "stream": stream,
        "values": encode_tensor(expected.ravel()[torch.from_numpy(sampling.places)]),
        **{
            name: encode_tensor(at_samples(own) if by_sample else own)
            for name, own in budgets.items()
        },
        "block": block,
        "sums": encode_tensor(sampling.sums(values)),
        "sums_budget": encode_tensor(budget_of_sums(sampling, budget, exact, runs, expected)),
        "kinds": sampling.kinds(values),
    }


def budget_of_sums(
    sampling: Sampling,
    budget: Array,
    exact: torch.Tensor,
    runs: list[torch.Tensor],
    expected: torch.Tensor,
) -> Array:
    """For each block what it may be off: errors of any pattern add up as a random walk.

    How large a part of that, is measured, and is one number for all blocks.
    """
    wanted = exact.double().numpy()
    each = np.broadcast_to(budget, wanted.shape)
    if not exact.is_floating_point():
        # What is chosen otherwise is so by whole numbers.
        whole: Array = sampling.norms(each) * np.sqrt(sampling.block)
        return whole
    walk = sampling.norms(each)
    sums = sampling.sums(wanted)
    part = LEAST_PART
    for own in runs:
        off = np.abs(sampling.sums(own.double().numpy()) - sums)
        part = max(part, float(np.max(off / np.maximum(walk, SMALLEST[torch.float64]))))
    # What comes and goes by adding up in this order.
    largest = float(np.max(np.abs(sums), initial=0.0))
    return part * walk + 2 * UNIT[torch.float64] * largest

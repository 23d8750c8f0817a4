"""The error of each tap: in a run from the model's inputs, and alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from torch_parity.budget import RUNS, SMALLEST, UNIT, Array, largest_along
from torch_parity.capture.exported import Exported
from torch_parity.capture.run import Noise, run
from torch_parity.capture.taps import Taps
from torch_parity.capture.tensors import whole
from torch_parity.record import check_kinds
from torch_parity.values import Stream


@dataclass(frozen=True)
class Measured:
    """Of each tap: its budget in a run from the model's inputs, and alone, from PyTorch's own taps
    before it, where that is known; and by what runs the first was measured."""

    budget: dict[str, Array]
    alone: dict[str, Array]
    exact: Mapping[str, torch.Tensor]
    runs: list[Mapping[str, torch.Tensor]]

    def with_more(
        self,
        budget: Mapping[str, Array],
        exact: Mapping[str, torch.Tensor],
        runs: list[Mapping[str, torch.Tensor]],
    ) -> "Measured":
        """The same with other tensors beside, which are not asked for alone."""
        both: list[Mapping[str, torch.Tensor]] = [
            {**one, **other} for one, other in zip(self.runs, runs, strict=True)
        ]
        return Measured({**self.budget, **budget}, self.alone, {**self.exact, **exact}, both)


def budgets(
    exported: Exported,
    given: Mapping[str, torch.Tensor],
    taps: Taps,
    values: Mapping[fx.Node, Any],
    dtype: torch.dtype,
    seed: int,
    id: str,
) -> Measured:
    """Measures what each tap may be off."""
    exact_params = {key: doubled(own) for key, own in exported.tensors.items()}
    exact_inputs = {key: doubled(own) for key, own in given.items()}
    tapped = set(taps.values())

    def reference(alone: bool, noise: Noise | None) -> dict[str, torch.Tensor]:
        kept: dict[fx.Node, Any] = {}

        def seen(node: fx.Node, value: Any) -> Any:
            if node in tapped:
                # A copy, since whoever comes next may write into it.
                kept[node] = value.clone()
                if alone:
                    return doubled(values[node]).clone()
            return value

        own = run(exported, exact_params, exact_inputs, dtype=torch.float64, noise=noise, seen=seen)
        return {key: kept.get(node, own[node]) for key, node in taps.items()}

    stream = Stream(seed, id, "noise")
    free: tuple[dict[str, torch.Tensor], list[Mapping[str, torch.Tensor]]] = ({}, [])
    both = []
    for alone in (False, True):
        exact = reference(alone, None)
        for key, node in taps.items():
            check_kinds(whole(values[node], dtype, id), exact[key].double(), f"{id}: {key}")
        runs: list[Mapping[str, torch.Tensor]] = [
            reference(alone, Noise(dtype, stream)) for _ in range(RUNS)
        ]
        runs.append({key: values[node] for key, node in taps.items()})
        both.append({key: budget_of(exact[key], [own[key] for own in runs], dtype) for key in taps})
        if not alone:
            free = (exact, runs)
    return Measured(both[0], both[1], *free)


def doubled(value: Any) -> Any:
    return value.double() if value.is_floating_point() else value


#: An axis has a budget for each of its indices where that says so much more than one for all.
GAIN = 1.5
#: So many elements share one at least.
FEWEST = 4


def budget_of(exact: torch.Tensor, runs: list[torch.Tensor], dtype: torch.dtype) -> Array:
    """The largest deviation of any run, for each index of the axis along which it differs most."""
    wanted = exact.double().numpy()
    finite = np.isfinite(wanted)
    deviation = np.zeros(wanted.shape)
    for own in runs:
        with np.errstate(invalid="ignore", over="ignore"):
            deviation = np.maximum(deviation, np.abs(own.double().numpy() - wanted))
    deviation = np.where(finite, np.nan_to_num(deviation, nan=0.0, posinf=0.0), 0.0)
    if not exact.is_floating_point():
        # What is chosen is chosen otherwise where two are as near as rounding.
        return deviation if deviation.any() else np.zeros([1] * deviation.ndim)
    far = far_larger(np.abs(wanted), finite)
    if far is not None:
        # Such as -1e9 in what is masked: it says nothing of the error of the rest.
        sizes = np.where(finite, np.abs(wanted), 0.0)
        near, other = (
            along_one_axis(np.where(own, deviation, 0.0), np.where(own, sizes, 0.0), dtype)
            for own in (~far, far)
        )
        whole: Array = np.where(far, other, near)
        return whole
    return along_one_axis(deviation, np.where(finite, np.abs(wanted), 0.0), dtype)


#: What is so many times as large as the next smaller one is of another kind.
FAR = 2.0**10


def far_larger(sizes: Array, finite: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    """Which numbers are of another size than the rest; nothing where there is no such gap."""
    own = np.sort(sizes[finite & (sizes > 0)])
    if own.size < 2:
        return None
    with np.errstate(over="ignore"):
        gaps = np.nonzero(own[1:] / own[:-1] > FAR)[0]
    # A few numbers near 0 are no kind of their own.
    gaps = gaps[(gaps + 1 >= FEWEST) & ((gaps + 1) * 20 >= own.size)]
    if gaps.size == 0:
        return None
    return np.asarray(finite & (sizes >= own[gaps[0] + 1]))


def along_one_axis(deviation: Array, sizes: Array, dtype: torch.dtype) -> Array:
    """For each index of the axis along which it differs most, or one for all."""
    least = 2 * UNIT[dtype] * float(np.max(sizes, initial=0.0)) + SMALLEST[dtype]
    best: Array = largest_along(deviation, None) + least
    score = np.log(GAIN)
    for axis in range(deviation.ndim):
        size: int = deviation.shape[axis]
        if size < 2 or deviation.size // size < FEWEST:
            continue
        along: Array = largest_along(deviation, axis) + least
        gain = float(np.mean(np.log(best.max() / along)))
        if gain > score:
            best, score = along, gain
    return best

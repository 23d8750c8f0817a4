"""What an engine does beside computing, as only whoever shares its memory can see it."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Conduct(TypedDict):
    """kind: as README.md, "More than once", has them. text: which tensor, and where."""

    kind: str
    text: str


class Watch:
    """Watches an engine from one run to the next."""

    def __init__(self) -> None:
        self.given: dict[str, tuple[Array, Array]] = {}
        self.returned: dict[str, tuple[Array, Array]] = {}

    def before(self, **groups: Mapping[str, Array] | None) -> None:
        """Keeps what goes into a run."""
        self.given = {
            f"{group}.{name}": (array, array.copy())
            for group, tensors in groups.items()
            for name, array in (tensors or {}).items()
        }

    def after(self, outputs: Mapping[str, object]) -> list[Conduct]:
        """What a run has done to what it was given, and to what the run before had returned."""
        seen: list[Conduct] = []
        for name, at in changes(self.given):
            seen.append({"kind": "inputs written", "text": f"{name} was written into, {at}"})
        for name, at in changes(self.returned):
            text = f"{name} of the run before was changed by this one, {at}"
            seen.append({"kind": "outputs overwritten", "text": text})
        arrays = {name: own for name, own in outputs.items() if isinstance(own, np.ndarray)}
        for (one, own), (other, its) in combinations(arrays.items(), 2):
            if shares(own, its):
                seen.append({"kind": "outputs aliased", "text": f"{one} and {other} share memory"})
        self.returned = {name: (array, array.copy()) for name, array in arrays.items()}
        return seen


def changes(kept: Mapping[str, tuple[Array, Array]]) -> Iterator[tuple[str, str]]:
    """The arrays that are not what they were, and the first place of each."""
    for name, (array, before) in kept.items():
        now, was = array.ravel(), before.ravel()
        # Bytes, since NaN is the same as NaN.
        if now.tobytes() == was.tobytes():
            continue
        differs = (now != was) & ~(np.isnan(now) & np.isnan(was))
        if differs.any():
            at = int(differs.argmax())
            yield name, f"first at element {at}: {was[at]} has become {now[at]}"


def shares(one: Array, other: Array) -> bool:
    # Only where both are whole: what strides leave out is not worth the search.
    is_whole = one.flags.c_contiguous and other.flags.c_contiguous
    return is_whole and np.may_share_memory(one, other)

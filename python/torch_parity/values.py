"""Numbers that are the same bytes on every machine and with every numpy.

PCG64's raw output and SeedSequence are stable by numpy's own promise; its
distributions are not, and log or cos differ between C libraries. So only integers, products and
sums of doubles, and square roots are used here.
"""

import hashlib
from collections.abc import Sequence
from typing import TypedDict, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Array = npt.NDArray[np.float64]


class Generated(TypedDict):
    """How the numbers of a tensor are made, for a file that names them instead of holding them.

    stream: the names of a Stream, joined by "/". kind: uniform from -bound to bound, or normal.
    scale: what each number is multiplied by in the end.
    """

    stream: str
    kind: str
    bound: float
    scale: float


class Stream:
    """Random numbers that depend on its names alone."""

    def __init__(self, *names: object) -> None:
        digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
        entropy = int.from_bytes(digest, "little")
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))

    def unit(self, *shape: int) -> Array:
        """Uniform from 0 to 1, 53 bits, of any shape."""
        count = int(np.prod(shape, dtype=np.int64))
        raw = self._bits.random_raw(count) if count else np.empty(0, np.uint64)
        units: Array = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return units.reshape(shape)

    def uniform(self, bound: float, *shape: int) -> Array:
        """Uniform from -bound to bound."""
        return (2.0 * self.unit(*shape) - 1.0) * bound

    def normal(self, *shape: int) -> Array:
        """Nearly normal with variance 1, from -3 to 3: a scaled sum of three uniforms."""
        return self.uniform(1.0, *shape) + self.uniform(1.0, *shape) + self.uniform(1.0, *shape)

    def integer(self, low: int, high: int) -> int:
        """Uniform from low to high, both included."""
        return low + int(self.unit()[()] * (high - low + 1))

    def log_integer(self, low: int, high: int) -> int:
        """From low to high, small numbers as likely as large ones on a logarithmic scale.

        It doubles by steps, because a power would differ between C libraries.
        """
        top = low
        while top < high and self.unit()[()] < 0.8:
            top = min(2 * top, high)
        return self.integer(max(low, top // 2), top)

    def choice(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]


def regenerate(generated: Generated, shape: Sequence[int]) -> Array:
    """The numbers of a tensor that a file names.

    src/format/generated.ts gives the same, byte for byte.
    """
    stream = Stream(generated["stream"])
    if generated["kind"] == "uniform":
        return stream.uniform(generated["bound"], *shape) * generated["scale"]
    return stream.normal(*shape) * generated["scale"]

"""Says on standard error how far a recording is, where it takes long."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

#: Nothing is said before, and then no more often than that: on a terminal, and elsewhere.
TERMINAL_SECONDS = 1.0
LOG_SECONDS = 10.0


class Progress:
    """What was done of how much; quiet where it is soon done."""

    def __init__(
        self,
        what: str,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._clock = clock
        self._said = clock()
        self._pause = TERMINAL_SECONDS if self._stream.isatty() else LOG_SECONDS

    def __call__(self, doing: str) -> None:
        now = self._clock()
        if now - self._said < self._pause:
            return
        self._said = now
        print(f"torch_parity: {self._what}: {doing}", file=self._stream, flush=True)


def silent(doing: str) -> None:
    """Says nothing."""

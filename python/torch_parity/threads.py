"""How many threads torch computes with while it records: one, unless it was said otherwise.

On a busy machine two threads wait for each other: a large LSTM takes ten times as long.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_chosen = 1


def choose_threads(count: int) -> None:
    """Lets everything that is recorded from now on have as many threads."""
    global _chosen  # noqa: PLW0603 - torch's own count belongs to the process as well
    _chosen = count


def chosen_threads() -> int:
    """What a fixture's header says."""
    return _chosen


@contextmanager
def own_threads() -> Iterator[None]:
    """Gives torch the threads that recordings have, and back what it had."""
    before = torch.get_num_threads()
    if before != _chosen:
        torch.set_num_threads(_chosen)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)

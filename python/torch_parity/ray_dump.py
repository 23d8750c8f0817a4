"""python -m torch_parity dump --ray: Ray actors record, and this process writes the files."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch_parity.actors import LostError, Wanted, open_pool
from torch_parity.dump import Recording, Suite, id_of
from torch_parity.errors import UsageError
from torch_parity.fixture import Case
from torch_parity.ray_arguments import runtime_env_of


def making(suite: str, item: Any, seed: int) -> Callable[[Any], Any]:
    return lambda actor: actor.make.remote(suite, item, seed)


@contextmanager
def recording_there(arguments: argparse.Namespace) -> Iterator[Recording]:
    """Records in actors.

    Raises:
        UsageError: There is no such cluster, no room in it, or several actors died over a case.
    """
    wanted = Wanted(
        address=arguments.ray,
        actors=arguments.actors,
        runtime_env=runtime_env_of(arguments.runtime_env),
        device=arguments.device,
        tf32=arguments.tf32,
        num_threads=arguments.num_threads,
        start_timeout=arguments.start_timeout,
    )
    # Ray, while it is connected, has standard output.
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out, open_pool(wanted) as pool:

        def record(suites: Mapping[str, Suite]) -> Iterator[Case]:
            asked = [
                (suite, id_of(item), item) for suite, specs in suites.items() for item in specs
            ]
            cases = pool.in_order(making(suite, item, arguments.seed) for suite, _, item in asked)
            for suite, name, _ in asked:
                try:
                    yield next(cases)
                except LostError as why:
                    raise UsageError(f"{suite} {name}: expected a recording, got {why}") from None

        yield Recording(record, pool.producer, out)

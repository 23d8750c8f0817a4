"""What a command is told of Ray, which need not be installed where it is told nothing."""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch_parity.errors import UsageError

#: A cluster of one's own: started, and ended, with this process.
LOCAL = "local"


def add_ray_arguments(parser: argparse.ArgumentParser, flag: str) -> None:
    """flag: `--ray` where Ray is a choice."""
    parser.add_argument(
        flag,
        metavar="ADDRESS",
        required=flag != "--ray",
        help="local, auto, HOST:PORT or ray://HOST:PORT of a Ray cluster",
    )
    parser.add_argument("--actors", type=int, default=1, help="how many record at a time")
    parser.add_argument("--runtime-env", default="{}", metavar="JSON", help="Ray's runtime_env")
    parser.add_argument(
        "--start-timeout", type=float, default=100, help="seconds until all actors are there"
    )


def runtime_env_of(text: str) -> Mapping[str, Any]:
    """
    Raises:
        UsageError: It is no object in JSON.
    """
    try:
        read = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--runtime-env: expected an object in JSON, got {error}") from None
    if not isinstance(read, dict):
        raise UsageError(f"--runtime-env: expected an object in JSON, got {text}")
    return read


@contextmanager
def needing_ray(address: str) -> Iterator[None]:
    """Lets Ray be imported, which reads its settings then.

    Raises:
        UsageError: What is imported within needs Ray, which is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == LOCAL and "RAY_AUTH_MODE" not in os.environ:
        # Ray would write one for all its clusters into the home folder.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise UsageError(
            f"{sys.executable}: expected the package ray, got none of that name\n"
            f"{sys.executable} -m pip install 'ray>=2.50' brings it"
        ) from None

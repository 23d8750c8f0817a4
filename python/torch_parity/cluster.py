"""A connection to a Ray cluster, or a cluster of one's own, and nothing that is left of it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

from torch_parity.errors import UsageError
from torch_parity.ray_arguments import LOCAL

#: How long a port may take to be there, and then Ray to connect to it, where it would wait minutes.
PORT_SECONDS = 5
CONNECT_SECONDS = 60

#: Of the store that large answers go through, for each actor of a cluster of one's own.
STORE_BYTES = 2**26
LEAST_STORE_BYTES = 2**27

#: Takes a folder away when whoever has the other end of its input is gone, however it ended.
JANITOR = (
    "import shutil, sys, time; sys.stdin.read(); time.sleep(float(sys.argv[2])); "
    "shutil.rmtree(sys.argv[1], ignore_errors=True)"
)


@contextmanager
def connected(address: str, actors: int, runtime_env: Mapping[str, Any]) -> Iterator[None]:
    """Has Ray connected, with this package shipped to every node. Ray prints nothing meanwhile.

    Raises:
        UsageError: Nothing, or something else than Ray, answers at the address.
    """
    if address != LOCAL:
        check_port(address)
    package = str(Path(__file__).parent)
    given: dict[str, Any] = {
        "runtime_env": {
            "excludes": ["__pycache__"],
            **runtime_env,
            "py_modules": [package, *runtime_env.get("py_modules", [])],
        },
        "log_to_driver": False,
        "logging_level": "error",
    }
    with contextlib.ExitStack() as stack:
        if address == LOCAL:
            store = max(LEAST_STORE_BYTES, STORE_BYTES * actors)
            given |= {"num_cpus": actors, "object_store_memory": store, "include_dashboard": False}
            given["_temp_dir"] = stack.enter_context(own_folder())
        say = stack.enter_context(silence())
        timer = threading.Timer(CONNECT_SECONDS, give_up, (say, address))
        timer.daemon = True
        timer.start()
        try:
            ray.init(address=address, **given)
        except ConnectionError as error:
            raise UsageError(
                f"{no_cluster(address)}, got {error}\n"
                "one that wants a token is given it by RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"
            ) from None
        except (RuntimeError, ValueError) as error:
            [first, *_] = str(error).splitlines()
            raise UsageError(f"{no_cluster(address)}, got {first}") from None
        finally:
            timer.cancel()
        stack.callback(ray.shutdown)
        yield


def no_cluster(address: str) -> str:
    return f"--ray {address}: expected local, auto, or the address of a Ray cluster"


def check_port(address: str) -> None:
    """
    Raises:
        UsageError: Nothing answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), PORT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"{no_cluster(address)}, got {error}") from None


def give_up(say: int, address: str) -> None:
    """Ray cannot be interrupted while it connects."""
    what = f"{no_cluster(address)}, got none that answers within {CONNECT_SECONDS} s"
    os.write(say, f"error {what}\n".encode())
    os._exit(2)


@contextmanager
def silence() -> Iterator[int]:
    """Keeps what Ray prints off standard output and error. → standard error as it was"""
    sys.stdout.flush()
    sys.stderr.flush()
    before = [os.dup(1), os.dup(2)]
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        yield before[1]
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for fd, kept in enumerate(before, start=1):
            os.dup2(kept, fd)
            os.close(kept)


@contextmanager
def own_folder() -> Iterator[str]:
    """A folder for sockets and logs, which is gone afterwards, also when this process is killed."""
    # Names of sockets may be 107 bytes long, and Ray adds 70.
    short = "/tmp" if os.path.isdir("/tmp") else None
    folder = tempfile.mkdtemp(prefix="torch-parity-ray-", dir=short)
    janitor = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", JANITOR, folder, "2"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        janitor.kill()
        janitor.communicate()
        shutil.rmtree(folder, ignore_errors=True)

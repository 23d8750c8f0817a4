"""python -m torch_parity ray: an oracle, as `python -m torch_parity oracle` is one, whose cases
Ray actors record.

Requests, replies and their order are those of oracle.py, and another reply is
`{id, lost}` of a case over which actors died or that took too long: nothing is known of it.
"""

import argparse
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, BinaryIO

import msgpack

from torch_parity.actors import LostError, Pool, Wanted, open_pool
from torch_parity.frames import own_stdout, read_body, write_body
from torch_parity.oracle import PROTOCOL, end_with_parent, write_frame
from torch_parity.ray_arguments import runtime_env_of

#: So many requests of one actor are taken in before the first of them is answered.
MOST_AHEAD = 64


def asking(request: bytes) -> Callable[[Any], Any]:
    return lambda actor: actor.answer.remote(request)


def serve(pool: Pool, requests: BinaryIO, replies: BinaryIO) -> None:
    """Says hello, and answers in order until there are no more requests.

    Raises:
        UsageError: No actor is left.
    """
    asked: queue.Queue[tuple[int, Future[bytes]] | None]
    asked = queue.Queue(MOST_AHEAD * pool.wanted.actors)

    def read() -> None:
        while (request := read_body(requests)) is not None:
            asked.put((msgpack.unpackb(request)["id"], pool.ask(asking(request))))
        asked.put(None)

    write_frame(replies, {"protocol": PROTOCOL, **pool.producer})
    threading.Thread(target=read, daemon=True).start()
    while (own := asked.get()) is not None:
        number, future = own
        try:
            write_body(replies, future.result())
        except LostError as why:
            write_frame(replies, {"id": number, "lost": str(why)})


def ray_oracle(arguments: argparse.Namespace) -> None:
    """Serves standard input and output until either is closed.

    Raises:
        UsageError: There is no such cluster, no room in it, or no actor is left.
    """
    wanted = Wanted(
        address=arguments.address,
        actors=arguments.actors,
        runtime_env=runtime_env_of(arguments.runtime_env),
        timeout=arguments.timeout,
        start_timeout=arguments.start_timeout,
    )
    # Not sys.stdin, which would be closed at the end while somebody reads it.
    requests = os.fdopen(os.dup(0), "rb")
    replies = own_stdout()
    end_with_parent()
    with open_pool(wanted) as pool:
        try:
            serve(pool, requests, replies)
        except BrokenPipeError:
            # Nobody is left to read.
            return

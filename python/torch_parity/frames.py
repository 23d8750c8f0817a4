"""Messages over standard input and output: a frame is its length, in 4 bytes with the lowest first,
and so many bytes.
"""

import os
import sys
from typing import BinaryIO


def own_stdout() -> BinaryIO:
    """Standard output for frames alone: whatever else is printed goes to standard error."""
    sys.stdout.flush()
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return frames


def read_body(stream: BinaryIO) -> bytes | None:
    """The next frame, or None where the stream ends, in the middle of a frame as well."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    length = int.from_bytes(head, "little")
    body = stream.read(length)
    return None if len(body) < length else body


def write_body(stream: BinaryIO, body: bytes) -> None:
    stream.write(len(body).to_bytes(4, "little") + body)
    stream.flush()

"""python -m torch_parity oracle: records the cases that it is asked for, until its input ends.

A frame is its length, in 4 bytes with the lowest first, and a MessagePack map. The first frame out
says who answers; then each request `{id, spec, states?}` is answered, in order, by `{id, case}` as
fixtures hold one but without a budget, which whoever asks measures, or by `{id, error}` where torch
or the recorder refuses it. states: whether those after every step are wanted.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

import msgpack
import torch

from torch_parity.cases import CaseSpec, generate_bare
from torch_parity.fixture import Case, producer
from torch_parity.frames import own_stdout, read_body, write_body
from torch_parity.models import MODELS
from torch_parity.modules import KINDS
from torch_parity.suites.models import ModelSpec, generate_model

PROTOCOL = 2

#: What parameters and inputs are drawn for, beside seed, id and the tensor's name.
SUITE = "oracle"

#: How often to look whether whoever asks is still there.
WATCH_SECONDS = 0.5


def read_frame(stream: BinaryIO) -> Any:
    """The next message, or None where the stream ends, in the middle of a frame as well."""
    body = read_body(stream)
    return None if body is None else msgpack.unpackb(body)


def write_frame(stream: BinaryIO, message: object) -> None:
    write_body(stream, cast(bytes, msgpack.packb(message)))


def record_spec(spec: Mapping[str, Any], states: bool = False) -> Case:
    """Records the case of a request's `spec`, which holds the fields of a CaseSpec, or of a
    ModelSpec with `module` for its model, and `seed`.

    Raises:
        ValueError: The module has no such option, or the case cannot be recorded.
        RuntimeError: torch does not accept it.
    """
    fields = {key: value for key, value in spec.items() if key != "seed"}
    if fields.get("lengths") is not None:
        fields["lengths"] = tuple(fields["lengths"])
    if fields["module"] in MODELS:
        model = ModelSpec(model=fields.pop("module"), **fields)
        return generate_model(SUITE, model, spec["seed"], budget=False)
    kind = KINDS[fields["module"]]
    for option in fields.get("options", {}).keys() - set(kind.options):
        known = ", ".join(kind.options)
        raise ValueError(f"options: expected {known} of {fields['module']}, got {option}")
    return generate_bare(SUITE, CaseSpec(**fields), spec["seed"], states)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to a request; an error is the answer to this one and to no other."""
    try:
        return {
            "id": request["id"],
            "case": record_spec(request["spec"], request.get("states", False)),
        }
    except (RuntimeError, ValueError) as error:
        return {"id": request["id"], "error": str(error)}
    except Exception as error:
        return {"id": request["id"], "error": f"{type(error).__name__}: {error}"}


def end_with_parent() -> None:
    """Ends this process soon after the one that started it, in the middle of a case as well."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Says hello, and answers until there are no more requests."""
    write_frame(replies, {"protocol": PROTOCOL, **producer()})
    while (request := read_frame(requests)) is not None:
        write_frame(replies, answer(request))


def oracle() -> None:
    """Serves standard input and output until either is closed."""
    replies = own_stdout()
    torch.set_num_threads(1)
    end_with_parent()
    try:
        serve(sys.stdin.buffer, replies)
    except BrokenPipeError:
        # Nobody is left to read; nothing that is still to be written matters.
        os._exit(0)

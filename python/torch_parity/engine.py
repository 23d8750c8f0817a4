"""An engine in Python, which `torch-parity verify --engine-command 'python my_port.py'` judges:

    from torch_parity.engine import serve

    def run(request):
        ...
        return {"h_1": h_1}

    serve(run, name="my port")

Needs numpy alone. fixtures/README.md says what is exchanged, and every name and shape.
"""

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from torch_parity.conduct import Watch
from torch_parity.frames import own_stdout, read_body, write_body
from torch_parity.messagepack import pack, unpack

PROTOCOL = 1

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

#: Standard output, taken at once where `--engine-command` has started this process, so that
#: whatever is loaded later may print.
ANSWERS = own_stdout() if "TORCH_PARITY_ENGINE" in os.environ else None

#: numpy has no bfloat16, and few compute in float16: numbers of either stand in float32, exactly.
HALVES = ("float16", "bfloat16")


@dataclass(frozen=True)
class Request:
    """What an engine is asked. Names and shapes are torch's, numbers of float16 and bfloat16 stand
    in float32 arrays.

    module: the torch class. config: its constructor arguments. params: its state_dict.
    cotangents: the gradient of some loss by each output, where gradients are asked for as well.
    training: an optimizer, where its steps are asked for instead of one run.
    """

    module: str
    config: Mapping[str, Any]
    dtype: str
    params: Tensors
    inputs: Tensors
    cotangents: Tensors | None = None
    training: Mapping[str, Any] | None = None


def decode_tensor(tensor: Mapping[str, Any]) -> Array:
    """An array of its own that may be written to."""
    dtype, data = tensor["dtype"], tensor["data"]
    if dtype == "bfloat16":
        array: Array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif dtype == "float16":
        array = np.frombuffer(data, "<f2").astype(np.float32)
    else:
        array = np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
    return array.reshape(tensor["shape"])


def decode_tensors(tensors: Mapping[str, Mapping[str, Any]]) -> Tensors:
    return {name: decode_tensor(tensor) for name, tensor in tensors.items()}


def encode_tensor(values: npt.ArrayLike, dtype: str) -> dict[str, object]:
    """A tensor of a message: float32 is rounded where the request is float16 or bfloat16.

    dtype: that of the request.
    """
    array = np.asarray(values)
    name = array.dtype.name
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    if name == "float32" and dtype in HALVES:
        name = dtype
        with np.errstate(over="ignore"):
            little = bfloat16_bits(little) if dtype == "bfloat16" else little.astype("<f2")
    return {"dtype": name, "shape": list(array.shape), "data": little.tobytes()}


def bfloat16_bits(array: Array) -> Array:
    """The upper halves of float32 numbers, rounded to nearest, ties to even."""
    bits = array.view("<u4").astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), 0x7FC0, rounded).astype("<u2")


def request_of(record: Mapping[str, Any], params: Tensors | None = None) -> Request:
    """A request of a message; params: those that were prepared."""
    cotangents = record.get("cotangents")
    return Request(
        record["module"],
        record["config"],
        record["dtype"],
        decode_tensors(record.get("params", {})) if params is None else params,
        decode_tensors(record.get("inputs", {})),
        None if cotangents is None else decode_tensors(cotangents),
        record.get("training"),
    )


class Engine:
    """Answers questions, one after the other."""

    def __init__(
        self,
        run: Callable[..., Tensors],
        supports: Callable[[Request], bool | str] | None,
        prepare: Callable[[Request], Any] | None,
        release: Callable[[Any], object] | None,
    ) -> None:
        self.run = run
        self.supports = supports
        self.prepare = prepare
        self.release = release
        self.prepared: dict[int, tuple[Request, Any]] = {}
        self.watch = Watch()

    def answer(self, question: Mapping[str, Any]) -> dict[str, object]:
        """The reply to a question; an error is the answer to this one and to no other."""
        ask = question["ask"]
        try:
            return {"ask": ask, **self.reply(question)}
        except Exception as error:
            traceback.print_exc()
            return {"ask": ask, "error": f"{type(error).__name__}: {error}"}

    def reply(self, question: Mapping[str, Any]) -> dict[str, object]:
        about, handle = question["about"], question.get("handle")
        if about == "release":
            held = list(self.prepared.values())
            self.prepared.clear()
            for _, own in held:
                if self.release is not None:
                    self.release(own)
            return {"value": True}
        if about == "run":
            return self.reply_run(question["request"], handle)
        request = request_of(question["request"])
        if about == "supports" and self.supports is not None:
            return {"value": self.supports(request)}
        if about == "prepare" and self.prepare is not None:
            self.prepared[question["handle"]] = (request, self.prepare(request))
            return {"value": True}
        raise ValueError(f"expected run, supports, prepare or release, got {about}")

    def reply_run(self, record: Mapping[str, Any], handle: int | None) -> dict[str, object]:
        prepared, own = (None, None) if handle is None else self.prepared[handle]
        request = request_of(record, None if prepared is None else prepared.params)
        self.watch.before(
            params=request.params, inputs=request.inputs, cotangents=request.cotangents
        )
        outputs = (
            self.run(request)
            if prepared is None
            else self.run(own, request.inputs, request.cotangents)
        )
        if not isinstance(outputs, Mapping):
            raise TypeError(
                f"expected run to return a dict of arrays, got {type(outputs).__name__}"
            )
        tensors = {name: encode_tensor(array, request.dtype) for name, array in outputs.items()}
        return {"value": tensors, "conduct": self.watch.after(outputs)}


def serve(
    run: Callable[..., Tensors],
    supports: Callable[[Request], bool | str] | None = None,
    *,
    name: str,
    prepare: Callable[[Request], Any] | None = None,
    release: Callable[[Any], object] | None = None,
) -> None:
    """Answers on standard input and output until there are no more questions; what is printed, once
    this module is loaded, goes to standard error.

    run: takes a Request and gives arrays by torch's names: outputs, gradients where there are
        cotangents, steps of a training. With prepare it takes what that gave, inputs, cotangents.
    supports: True, or why a request is not for this engine.
    prepare: loads once what runs often; it is given requests without inputs and cotangents.
    release: gives up what prepare gave.
    """
    answers = ANSWERS or own_stdout()
    engine = Engine(run, supports, prepare, release)
    has = {"supports": supports is not None, "prepare": prepare is not None}
    try:
        write_body(answers, pack({"protocol": PROTOCOL, "name": name, **has}))
        answer_all(engine, sys.stdin.buffer, answers)
    except BrokenPipeError:
        # Nobody is left to read; nothing that is still to be written matters.
        sys.exit(0)


def answer_all(engine: Engine, questions: BinaryIO, answers: BinaryIO) -> None:
    while (body := read_body(questions)) is not None:
        write_body(answers, pack(engine.answer(unpack(body))))

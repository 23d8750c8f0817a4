"""Answers for recurrent modules that others published: what to compare torch itself with.

The files in known_answers/ hold numbers from the tests of other frameworks, each with its source,
its license and, in `mapping`, how the source's layout became torch's. What a source does not
publish is absent, so `expected` may be a part of what torch returns.
"""

import json
import math
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
import numpy.typing as npt

from torch_parity.fixture import Case, EncodedTensor, encode_tensor

FOLDER = Path(__file__).parent / "known_answers"

#: 2⁻²⁴ is half a float32 unit: what one operation may err, relative to its result.
UNIT = 2.0**-24


class PublishedTensor(TypedDict):
    """Numbers as printed, in C order."""

    shape: list[int]
    data: list[float]


class Answer(TypedDict):
    """What went into a module, by torch's names and in torch's layout, and what others got.

    source: repository@commit, path and test.
    mapping: how the source's layout became torch's: gates, biases, axes, and what was left out.
    rounding: half a unit of the last printed digit of `expected`.
    """

    id: str
    source: str
    license: str
    module: str
    config: dict[str, Any]
    mapping: str
    rounding: float
    inputs: dict[str, PublishedTensor]
    params: dict[str, PublishedTensor]
    expected: dict[str, PublishedTensor]


def load() -> list[Answer]:
    """Every published answer, file by file."""
    return [answer for answers in answer_suites().values() for answer in answers]


def answer_suites() -> dict[str, list[Answer]]:
    """The published answers as suites, by the name of who published them."""
    return {
        f"known_answers/{file.stem}": json.loads(file.read_text("utf-8"))
        for file in sorted(FOLDER.glob("*.json"))
    }


def known_answer_case(answer: Answer) -> Case:
    """A case in float32 whose expected values are the published ones, never torch's."""
    case = {
        "id": answer["id"],
        "module": answer["module"],
        "config": answer["config"],
        "dtype": "float32",
        "source": answer["source"],
        "params": encode(answer["params"]),
        "inputs": encode(answer["inputs"]),
        "expected": encode(answer["expected"]),
        "budget": {key: encode_tensor(budget) for key, budget in budgets(answer).items()},
    }
    return cast(Case, case)


def budgets(answer: Answer) -> dict[str, npt.NDArray[np.float64]]:
    """The error that is allowed in each published tensor, of shape [1] * its rank.

    Whoever published it computed in float32, in an order of their own, or in float64 from
    parameters that float32 only approximates: so the printed rounding, and 8 roundings of the
    largest value, with √K for the K terms of the longest sum, which grow like a random walk. Not
    measured like a recorded case's budget: that would ask torch, whom this is to check.
    """
    unit = 8 * UNIT * math.sqrt(longest_sum(answer))
    return {
        key: np.full(
            [1] * len(tensor["shape"]),
            answer["rounding"] + unit * max([1.0, *map(abs, tensor["data"])]),
        )
        for key, tensor in answer["expected"].items()
    }


def longest_sum(answer: Answer) -> int:
    """How many terms the longest sum of a gate has: columns of weight_ih and weight_hh, biases."""
    params = answer["params"]
    return max(
        params[name]["shape"][1] + params[name.replace("_ih", "_hh")]["shape"][1] + 2
        for name in params
        if name.startswith("weight_ih")
    )


def encode(tensors: dict[str, PublishedTensor]) -> dict[str, EncodedTensor]:
    return {name: encode_tensor(to_array(name, tensor)) for name, tensor in tensors.items()}


def to_array(name: str, tensor: PublishedTensor) -> npt.NDArray[Any]:
    """float32, or int64 for lengths."""
    dtype = np.int64 if name == "lengths" else np.float32
    return np.array(tensor["data"], dtype=dtype).reshape(tensor["shape"])

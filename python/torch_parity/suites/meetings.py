"""Suites in which each two options of a module meet, and each three of those that share code."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_parity.cases import CaseSpec
from torch_parity.modules import KINDS
from torch_parity.suites.covering import Factors, covering
from torch_parity.suites.shapes import make
from torch_parity.training import ADAM, SGD

#: Kinds of numbers; chaos needs time and units, and has suites of its own.
SMOOTH = ("default", "large", "tiny", "sparse", "positive")
EXTREME = ("saturated", "huge", "subnormal", "negative_zero")
NON_FINITE = ("nan", "infinite", "negative_infinite", "nan_state")
OF_LAYERS = ("nan_padding", "infinite_padding", "infinite_last")
HALVES = ("float16", "bfloat16")

Columns = Mapping[str, npt.NDArray[Any]]


def meeting_suites(module: str) -> dict[str, list[CaseSpec]]:
    return {
        f"meetings_{asked}": cases(module, asked) for asked in ("forward", "gradients", "training")
    }


def cases(module: str, asked: str) -> list[CaseSpec]:
    return [case(module, asked, i, row) for i, row in enumerate(rows_of(module, asked))]


@cache
def rows_of(module: str, asked: str) -> list[dict[str, Any]]:
    factors = factors_of(module, asked)
    groups = (
        ("bidirectional", "num_layers", "rows"),
        ("batch_first", "rows", "bidirectional"),
        ("proj_size", "num_layers", "bidirectional"),
        ("proj_size", "rows", "bidirectional"),
        ("bias", "state", "dtype"),
        ("bias", "state", "num_layers"),
        ("dropout", "rows", "bidirectional"),
        ("dropout", "rows", "batch_first"),
        ("nonlinearity", "num_layers", "bidirectional"),
        ("profile", "rows", "bidirectional"),
    )
    return covering(
        factors,
        [group for group in groups if all(name in factors for name in group)],
        lambda columns: possible(columns, asked, KINDS[module].is_layer),
    )


def factors_of(module: str, asked: str) -> Factors:
    """Each option and its values. rows: batched, of lengths of their own, or unbatched."""
    is_layer = KINDS[module].is_layer
    profiles = [*SMOOTH, *NON_FINITE, *(OF_LAYERS if is_layer else ())]
    factors: dict[str, list[Any]] = {
        "bias": [True, False],
        "state": [True, False],
        "dtype": ["float32", "float64"],
    }
    if asked == "forward":
        factors["dtype"] += HALVES
        profiles[len(SMOOTH) : len(SMOOTH)] = EXTREME
    if asked == "training":
        factors["optimizer"] = ["SGD", "Adam"]
        profiles = ["default", "large", "sparse", *(("nan_padding",) if is_layer else ())]
    factors["profile"] = profiles
    factors["rows"] = ["batch", "lengths", "unbatched"] if is_layer else ["batch", "unbatched"]
    if is_layer:
        factors |= {
            "num_layers": [1, 2, 3],
            "batch_first": [False, True],
            "bidirectional": [False, True],
        }
        if asked != "training":
            factors["dropout"] = [False, True]
    if module.startswith("RNN"):
        factors["nonlinearity"] = ["tanh", "relu"]
    if module == "LSTM":
        factors["proj_size"] = [0, 2]
    return factors


def possible(columns: Columns, asked: str, is_layer: bool) -> npt.NDArray[np.bool_]:
    """What PyTorch can be asked, and what does not overflow in between."""
    profile = columns["profile"]
    half = np.isin(columns["dtype"], HALVES)
    is_possible: npt.NDArray[np.bool_] = ~(
        (profile == "nan_state") & ~columns["state"].astype(bool)
    )
    is_possible &= ~(
        np.isin(profile, ("nan_padding", "infinite_padding")) & (columns["rows"] != "lengths")
    )
    is_possible &= ~((columns["dtype"] == "float16") & (profile == "huge"))
    is_possible &= ~(half & (profile == "subnormal"))
    if asked == "gradients" and not is_layer:
        # One row that is saturated by an infinity has gradients of 0 and NaN, which say little.
        infinite = np.isin(profile, ("infinite", "negative_infinite"))
        is_possible &= ~(infinite & (columns["rows"] == "unbatched"))
    if "dropout" in columns:
        is_possible &= ~(columns["dropout"].astype(bool) & (columns["num_layers"] == 1))
    if "nonlinearity" in columns:
        relu = columns["nonlinearity"] == "relu"
        is_possible &= ~(relu & np.isin(profile, ("huge", "saturated")))
        is_possible &= ~(relu & half & np.isin(profile, ("large", "positive")))
    return is_possible


def case(module: str, asked: str, i: int, row: Mapping[str, Any]) -> CaseSpec:
    """The shape is no option, but odd, unequal and small. The name is what meets, and a number."""
    rows = row["rows"]
    batch = None if rows == "unbatched" else 3
    given: dict[str, Any] = {"batch": batch}
    if KINDS[module].is_layer:
        given["seq_len"] = 3
    rest = {name: row[name] for name in ("state", "dtype", "profile")}
    options = ("bias", "num_layers", "batch_first", "bidirectional", "nonlinearity", "proj_size")
    rest |= {name: row[name] for name in options if name in row}
    if rows == "lengths":
        # The shortest, and the longest, stand elsewhere in each case.
        rest["lengths"] = ((2, 3, 1), (3, 1, 2), (1, 2, 3))[i % 3]
    if row.get("dropout"):
        rest |= {"dropout": 0.4, "masked": True}
    if asked == "gradients":
        rest["gradients"] = True
    if asked == "training":
        rest["training"] = {**(SGD if row["optimizer"] == "SGD" else ADAM), "steps": 2}
    spec = make(module, 2, 3, rest, **given)
    return replace(spec, id=f"{i:03}-{spec.id}")

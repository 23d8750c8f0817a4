"""Numbers that a file names are those that it would hold; few cases cover all that meets."""

from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torch_parity.cases import CaseSpec, generate
from torch_parity.fixture import decode_tensor, read_fixture, write_fixture
from torch_parity.suites.covering import covering
from torch_parity.suites.shapes import cell, layer

SPECS = [
    layer((3, 16, 9, 16), module, profile=profile, dtype=dtype, gradients=profile == "default")
    for module in ("RNN", "LSTM", "GRU")
    for profile in ("default", "large", "chaotic", "saturated", "tiny")
    for dtype in ("float32", "float64")
] + [cell(16, 9, 16, "LSTMCell", dtype=dtype) for dtype in ("float16", "bfloat16")]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.module}-{spec.id}")
def test_a_case_that_names_its_numbers_has_those_of_one_that_holds_them(spec: CaseSpec) -> None:
    held = generate("suite", spec, 3)
    named = generate("suite", replace(spec, generated=True), 3)
    assert named["expected"] == held["expected"]
    assert named["budget"] == held["budget"]
    count = 0
    groups = (
        (named["params"], held["params"]),
        (named["inputs"], held["inputs"]),
        (named.get("cotangents", {}), held.get("cotangents", {})),
    )
    for tensors, others in groups:
        for name, tensor in tensors.items():
            other = others[name]
            assert np.array_equal(decode_tensor(tensor), decode_tensor(other)), name
            count += "generated" in tensor
            assert ("generated" in tensor) == (len(other["data"]) >= 512), name
    assert count >= 4


@pytest.mark.parametrize("profile", ["positive", "sparse", "nan_padding", "infinite_last"])
def test_numbers_that_are_not_random_alone_are_refused(profile: str) -> None:
    spec = layer((6, 16, 9, 16), profile=profile, lengths=(3, 6) * 8, generated=True)
    with pytest.raises(ValueError, match="expected numbers that can be made again, got others"):
        generate("suite", spec, 0)


def test_a_file_says_which_version_it_is(tmp_path: Path) -> None:
    case = generate("suite", layer((3, 2, 9, 16), generated=True), 0)
    path = tmp_path / "a.msgpack"
    with pytest.raises(ValueError, match="expected version 2, got version 1"):
        write_fixture(path, [case])
    write_fixture(path, [case], version=2)
    header, cases = read_fixture(path)
    assert header["version"] == 2
    assert next(cases) == case


FACTORS: dict[str, list[Any]] = {"a": [0, 1], "b": [0, 1, 2], "c": [0, 1, 2, 3], "d": [False, True]}


def test_every_two_values_meet_and_every_three_that_are_asked_for() -> None:
    rows = covering(
        FACTORS, [("a", "b", "d")], lambda columns: ~((columns["a"] == 1) & (columns["c"] == 3))
    )
    assert len(rows) < 20
    for one, other in combinations(FACTORS, 2):
        met = {(row[one], row[other]) for row in rows}
        wanted = set(product(FACTORS[one], FACTORS[other]))
        assert met == (wanted - {(1, 3)} if (one, other) == ("a", "c") else wanted)
    assert {(row["a"], row["b"], row["d"]) for row in rows} == set(
        product(FACTORS["a"], FACTORS["b"], FACTORS["d"])
    )


def test_the_rows_are_always_the_same() -> None:
    def every(columns: Any) -> Any:
        return columns["a"] == columns["a"]

    assert covering(FACTORS, [], every) == covering(FACTORS, [], every)

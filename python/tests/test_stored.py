"""Weights that stay in a .safetensors file beside the fixture."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from torch_parity import capture, read_fixture, write_fixture
from torch_parity.fixture import Case


def wide() -> tuple[nn.Linear, Case]:
    torch.manual_seed(0)
    model = nn.Linear(200, 100).eval()
    return model, capture(model, torch.randn(2, 200), id="wide")


def test_what_the_file_has_is_named_and_read_again(tmp_path: Path) -> None:
    model, case = wide()
    # Under other names, and not all of it.
    state = {"weights.0": model.weight.detach(), "other": torch.zeros(100, 200)}
    save_file(state, tmp_path / "model.safetensors")
    write_fixture(tmp_path / "a.msgpack", [case], weights=tmp_path / "model.safetensors")
    write_fixture(tmp_path / "b.msgpack", [case])
    small, large = ((tmp_path / name).stat().st_size for name in ("a.msgpack", "b.msgpack"))
    assert large - small > 4 * 199 * 100
    (read,) = read_fixture(tmp_path / "a.msgpack")[1]
    assert read == case
    save_file({**state, "weights.0": model.weight.detach() * 2}, tmp_path / "model.safetensors")
    with pytest.raises(
        ValueError, match=r"model\.safetensors: weights\.0: expected the numbers that"
    ):
        list(read_fixture(tmp_path / "a.msgpack")[1])
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="expected the weights that a fixture beside it names"):
        list(read_fixture(tmp_path / "a.msgpack")[1])


def test_a_file_elsewhere_is_refused(tmp_path: Path) -> None:
    _, case = wide()
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="weights: expected a file in"):
        write_fixture(tmp_path / "in/a.msgpack", [case], weights=tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").rename(tmp_path / "in/model.safetensors")
    with pytest.raises(ValueError, match=r"in/a\.msgpack: weights: expected some of the weights"):
        write_fixture(tmp_path / "in/a.msgpack", [case], weights=tmp_path / "in/model.safetensors")


def test_another_file_is_refused(tmp_path: Path) -> None:
    _, case = wide()
    for text in (b"", b"no safetensors file", b"\x02\0\0\0\0\0\0\0[]", b"\xff" * 40):
        (tmp_path / "model.safetensors").write_bytes(text)
        with pytest.raises(ValueError, match="expected a safetensors file, got another file"):
            write_fixture(tmp_path / "a.msgpack", [case], weights=tmp_path / "model.safetensors")
    assert not (tmp_path / "a.msgpack").exists()

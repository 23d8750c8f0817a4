"""The file format, read back by an independent reader."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgpack
import numpy as np
import pytest
import torch

from torch_parity import Case, record, write_fixture
from torch_parity.fixture import decode_tensor, encode_tensor, read_fixture


def sample(id: str) -> Case:
    torch.manual_seed(1)
    return record(torch.nn.RNNCell(3, 2), torch.randn(4, 3), id=id)


def test_a_file_is_header_cases_and_an_end_that_hashes_all_before_it(tmp_path: Path) -> None:
    path = tmp_path / "suite.msgpack"
    assert write_fixture(path, [sample("one"), sample("two")], seed=7) == 2
    data = path.read_bytes()
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    messages, ends = [], []
    for message in unpacker:
        messages.append(message)
        ends.append(unpacker.tell())
    header, one, two, end = messages
    assert header["format"] == "torch-parity"
    assert (header["version"], header["name"], header["seed"]) == (1, "suite", 7)
    assert header["producer"].keys() == {
        *("torch", "numpy", "python", "platform", "cpu_capability", "num_threads")
    }
    assert [one["id"], two["id"]] == ["one", "two"]
    assert end == {"cases": 2, "sha256": hashlib.sha256(data[: ends[-2]]).digest()}
    assert ends[-1] == len(data)


def test_tensors_keep_every_bit() -> None:
    odd = np.array([np.nan, -0.0, np.inf, -np.inf, 1e-45, 3.4e38], np.float32)
    encoded = encode_tensor(odd)
    assert encoded["data"] == odd.tobytes()
    assert decode_tensor(encoded).tobytes() == odd.tobytes()
    assert encode_tensor(np.zeros((0, 3)))["shape"] == [0, 3]
    turned = np.arange(6.0).reshape(2, 3).T
    assert decode_tensor(encode_tensor(turned)).tolist() == turned.tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_every_bit(dtype: torch.dtype) -> None:
    # Every value there is: normal, subnormal, -0, infinities and every NaN.
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int16)
    encoded = encode_tensor(bits.view(dtype).reshape(256, 256))
    assert (encoded["dtype"], encoded["shape"]) == (str(dtype).removeprefix("torch."), [256, 256])
    assert encoded["data"] == bits.numpy().astype("<i2").tobytes()
    decoded = decode_tensor(encoded).astype(np.float32).flatten()
    np.testing.assert_array_equal(decoded, bits.view(dtype).float().numpy())
    assert (np.signbit(decoded) == (bits < 0).numpy()).all()


def test_a_tensor_of_another_dtype_is_refused() -> None:
    known = "float16, bfloat16, float32, float64, int64"
    with pytest.raises(ValueError, match=rf"^expected dtype {known}, got int32$"):
        encode_tensor(np.zeros(2, np.int32))
    with pytest.raises(ValueError, match=rf"^expected dtype {known}, got complex64$"):
        encode_tensor(torch.zeros(2, dtype=torch.complex64))


def test_a_failure_halfway_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "suite.msgpack"
    write_fixture(path, [sample("one")])
    before = path.read_bytes()

    def failing() -> Iterator[Case]:
        yield sample("two")
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        write_fixture(path, failing())
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["suite.msgpack"]


def test_what_a_killed_run_has_left_is_taken_away_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    old = time.time() - 3600
    stale = tmp_path / f".new.msgpack.{ended.pid}.partial"
    kept = [
        tmp_path / f".new.msgpack.{os.getpid()}0.partial.txt",
        tmp_path / f".other.msgpack.{ended.pid}.partial",
        tmp_path / f".new.msgpack.{os.getppid()}.partial",
    ]
    for path in [stale, *kept]:
        path.write_bytes(b"a part")
        os.utime(path, (old, old))
    write_fixture(tmp_path / "new.msgpack", [])
    assert not stale.exists()
    assert all(path.exists() for path in kept)
    stale.write_bytes(b"a part that somebody else writes just now")
    write_fixture(tmp_path / "new.msgpack", [])
    assert stale.exists()


def test_two_cases_of_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "suite.msgpack"
    with pytest.raises(
        ValueError, match=r"suite\.msgpack: expected ids of their own, got one twice$"
    ):
        write_fixture(path, [sample("one"), sample("one")])
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(msgpack.packb({"format": "other"}))
    with pytest.raises(ValueError, match=r"expected a torch-parity fixture of version 1"):
        read_fixture(path)

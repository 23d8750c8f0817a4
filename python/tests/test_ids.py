"""What `verify` refuses for an id is not recorded."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from torch_parity import record, record_model, write_fixture


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("", "expected 1 to 200 characters, got 0"),
        ("a" * 201, "expected 1 to 200 characters, got 201"),
        # A reader counts UTF-16.
        ("\U0001f600" * 101, "expected 1 to 200 characters, got 202"),
        ("a\nb", r"expected no control character, got U\+000A in 'a\\nb'"),
        *(
            (f"a{chr(code)}", rf"expected no control character, got U\+{code:04X} in 'a.*'")
            for code in (
                *(0x00, 0x1B, 0x7F, 0x85, 0x9F, 0x61C, 0x200E, 0x200F, 0x2028, 0x2029),
                *(0x202A, 0x202E, 0x2066, 0x2069, 0xD800),
            )
        ),
    ],
)
def test_ids_that_verify_refuses_are_refused(id: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^id: {message}$"):
        record(nn.RNNCell(2, 2), torch.zeros(1, 2), id=id)


@pytest.mark.parametrize("id", ["a", "a" * 200, "\U0001f600" * 100, "é – 日本", "a b\u00a0\u200b"])
def test_every_other_id_is_recorded(id: str) -> None:
    assert record(nn.RNNCell(2, 2), torch.zeros(1, 2), id=id)["id"] == id


@pytest.mark.parametrize("id", [5, None, b"id"])
def test_an_id_that_is_no_string_is_refused(id: Any) -> None:
    with pytest.raises(TypeError, match=rf"^id: expected a string, got {type(id).__name__}$"):
        record(nn.RNNCell(2, 2), torch.zeros(1, 2), id=id)


def test_a_file_holds_no_such_id_either(tmp_path: Path) -> None:
    case = record(nn.RNNCell(2, 2), torch.zeros(1, 2), id="one")
    with pytest.raises(ValueError, match=r"^id: expected 1 to 200 characters, got 0$"):
        write_fixture(tmp_path / "own.msgpack", [{**case, "id": ""}])
    assert list(tmp_path.iterdir()) == []


def test_a_model_has_no_such_id_either() -> None:
    with pytest.raises(ValueError, match=r"^id: expected 1 to 200 characters, got 0$"):
        record_model("ManyToOne", {}, {}, {}, id="")

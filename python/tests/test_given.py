"""Inputs in every form that torch users write, and clear words where there is no such form."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from torch_parity import Case, record
from torch_parity.fixture import decode_tensor


def module(**options: Any) -> nn.LSTM:
    torch.manual_seed(3)
    return nn.LSTM(3, 4, bidirectional=True, **options)


X = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(4))
H_0 = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(5))
C_0 = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(6))


def array(case: Case, group: str, name: str) -> Any:
    return decode_tensor(case[group][name])  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("lengths", "enforce_sorted"), [([5, 3, 3], True), ([3, 5, 1], False), ([2, 2, 2], False)]
)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("gradients", [True, False])
def test_a_packed_sequence_becomes_padded_rows_and_lengths_in_the_callers_order(
    lengths: list[int], enforce_sorted: bool, batch_first: bool, gradients: bool
) -> None:
    own = module(batch_first=batch_first)
    x = X.transpose(0, 1) if batch_first else X
    packed = pack_padded_sequence(
        x, lengths, batch_first=batch_first, enforce_sorted=enforce_sorted
    )
    inputs = {"input": packed, "h_0": H_0, "c_0": C_0}
    case = record(own, inputs, id="case", gradients=gradients)
    with torch.no_grad():
        packed_output, (h_n, c_n) = own(packed, (H_0, C_0))
    output, own_lengths = pad_packed_sequence(packed_output, batch_first=batch_first)
    assert array(case, "inputs", "lengths").tolist() == lengths == own_lengths.tolist()
    assert array(case, "inputs", "h_0").tolist() == H_0.tolist()
    torch.testing.assert_close(torch.tensor(array(case, "expected", "output")), output)
    torch.testing.assert_close(torch.tensor(array(case, "expected", "h_n")), h_n)
    torch.testing.assert_close(torch.tensor(array(case, "expected", "c_n")), c_n)
    seq_len = max(lengths)
    padded = x[:, :seq_len] if batch_first else x[:seq_len]
    same = record(
        own,
        {"input": padded, "h_0": H_0, "c_0": C_0, "lengths": lengths},
        id="case",
        gradients=gradients,
    )
    assert same["expected"] == case["expected"]


def test_a_packed_sequence_alone_is_an_input_and_stays_as_it_was() -> None:
    packed = pack_padded_sequence(X, [2, 5, 3], enforce_sorted=False)
    data = packed.data.clone()
    assert list(record(module(), packed, id="case")["inputs"]) == ["input", "lengths"]
    assert torch.equal(packed.data, data)


def test_lists_and_arrays_become_tensors_of_the_modules_dtype() -> None:
    wanted = record(module(), X, id="case")
    for same in (X.tolist(), X.numpy(), X.double().numpy(), X.numpy().astype(">f4")):
        assert record(module(), same, id="case") == wanted
    double = record(module(dtype=torch.float64), X.numpy(), id="case")
    assert double["inputs"]["input"]["dtype"] == "float64"
    whole = record(module(), np.ones((5, 3, 3), np.int32), id="case")
    assert whole == record(module(), torch.ones(5, 3, 3), id="case")


def test_what_a_call_takes_is_an_input() -> None:
    wanted = record(module(), {"input": X, "h_0": H_0, "c_0": C_0}, id="case")
    assert record(module(), (X, (H_0, C_0)), id="case") == wanted
    alone = record(module(), X, id="case")
    assert record(module(), (X,), id="case") == alone
    assert record(module(), (X, None), id="case") == alone
    gru = nn.GRU(3, 4)
    assert list(record(gru, (X, H_0[:1]), id="case")["inputs"]) == ["input", "h_0"]


@pytest.mark.parametrize(
    "lengths",
    [[2, 5, 3], (2, 5, 3), np.array([2, 5, 3], np.int32), torch.tensor([2.0, 5, 3]).int()],
)
def test_lengths_are_whole_numbers_of_any_type(lengths: Any) -> None:
    case = record(module(), {"input": X, "lengths": lengths}, id="case")
    assert case["inputs"]["lengths"]["dtype"] == "int64"
    assert array(case, "inputs", "lengths").tolist() == [2, 5, 3]


PACKED = pack_padded_sequence(X, [5, 3, 1])
SHAPES = r"\(seq_len, batch, 3\) or \(seq_len, 3\)"
NUMBERS = "a tensor, an array or a list of numbers"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, f"input: expected {NUMBERS}, got NoneType"),
        ("text", f"input: expected {NUMBERS}, got str"),
        ([[1.0, 2.0], [3.0]], f"input: expected {NUMBERS}, got list"),
        ([True, False], f"input: expected {NUMBERS}, got list"),
        (X.numpy().astype(object), f"input: expected {NUMBERS}, got numpy.ndarray"),
        ({"input": X, "h_0": None, "c_0": None}, f"h_0: expected {NUMBERS}, got NoneType"),
        (X.double(), "input: expected dtype float32, which the module has, got float64"),
        (X.int(), "input: expected dtype float32, which the module has, got int32"),
        (X[..., :2], rf"input: expected shape {SHAPES}, got \(5, 3, 2\)"),
        (X[0, 0], rf"input: expected shape {SHAPES}, got \(3,\)"),
        (X[None], rf"input: expected shape {SHAPES}, got \(1, 5, 3, 3\)"),
        (X.to("meta"), "input: expected a tensor that holds its numbers, got one on meta"),
        (
            X.to_sparse(),
            "input: expected a tensor that holds its numbers, got one of layout sparse_coo",
        ),
        (
            torch.nested.nested_tensor([X[0], X[1]], layout=torch.jagged),
            "input: expected a tensor that holds its numbers, got one of layout nested",
        ),
        ({}, "inputs: expected input, got none"),
        ((X, X, X), r"inputs: expected \(input, \(h_0, c_0\)\), got a tuple of 3"),
        ((X, H_0), r"inputs: expected \(input, \(h_0, c_0\)\), got torch.Tensor beside"),
        (
            {"input": X, "h_0": H_0[:1], "c_0": C_0},
            r"h_0: expected shape \(2, 3, 4\), got \(1, 3, 4\)",
        ),
        (
            {"input": X[:, 0], "h_0": H_0, "c_0": C_0},
            r"h_0: expected shape \(2, 4\), got \(2, 3, 4\)",
        ),
        (
            {"input": X, "dropout_mask": torch.ones(2, 5, 3, 8)},
            r"dropout_mask: expected shape \(0, 5, 3, 8\), got \(2, 5, 3, 8\)",
        ),
        (
            {"input": PACKED, "lengths": [5, 3, 1]},
            "inputs: expected a PackedSequence or lengths, got both",
        ),
        (
            PACKED._replace(data=PACKED.data.double()),
            "input: expected dtype float32, which the module has, got float64",
        ),
    ],
)
def test_odd_inputs_are_refused_in_clear_words(inputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^case: {message}$"):
        record(module(), inputs, id="case")


EACH = "expected a whole number for each row of the batch"


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([5], "expected 3, one for each row of the batch, got 1"),
        ([5, 4, 3, 2], "expected 3, one for each row of the batch, got 4"),
        ([5, 0, 3], "expected 1 to 5, the seq_len of input, got 0"),
        ([5, -1, 3], "expected 1 to 5, the seq_len of input, got -1"),
        ([5, 6, 3], "expected 1 to 5, the seq_len of input, got 6"),
        ([1.5, 2, 3], f"{EACH}, got list"),
        ([True, True, True], f"{EACH}, got list"),
        (torch.tensor([1.0, 2.0, 3.0]), f"{EACH}, got float32"),
        (torch.tensor([[1, 2, 3]]), rf"{EACH}, got shape \(1, 3\)"),
        (3, rf"{EACH}, got shape \(\)"),
        (None, f"{EACH}, got NoneType"),
        ("abc", f"{EACH}, got str"),
    ],
)
def test_lengths_that_are_none_are_refused(lengths: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^case: lengths: {message}$"):
        record(module(), {"input": X, "lengths": lengths}, id="case")


def test_lengths_without_a_batch_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^case: lengths: expected an input of a batch, got one without$"
    ):
        record(module(), {"input": X[:, 0], "lengths": [5]}, id="case")


def test_lengths_of_a_batch_of_none_are_refused() -> None:
    lengths = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(
        ValueError, match=r"^case: lengths: expected a row of the batch, got a batch of 0$"
    ):
        record(module(), {"input": X[:, :0], "lengths": lengths}, id="case")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"input": PACKED}, "input: expected a tensor for GRUCell, got a PackedSequence"),
        ({"input": X}, r"input: expected shape \(batch, 3\) or \(3,\), got \(5, 3, 3\)"),
        (
            {"input": X[0], "h_0": torch.zeros(2, 4)},
            r"h_0: expected shape \(3, 4\), got \(2, 4\)",
        ),
        ({"input": X[0, 0], "h_0": torch.zeros(1, 4)}, r"h_0: expected shape \(4,\), got \(1, 4\)"),
    ],
)
def test_odd_inputs_of_a_cell_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^case: {message}$"):
        record(nn.GRUCell(3, 4), given, id="case")


def test_a_target_of_another_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^case: target: expected dtype float32, .* got float64$"):
        record(
            nn.GRU(3, 4),
            {"input": X, "target": torch.zeros(5, 3, 4, dtype=torch.float64)},
            id="case",
            training={"optimizer": "SGD", "steps": 1},
        )


def test_a_packed_sequence_of_indices_of_its_own_is_read_by_them() -> None:
    lengths = [2, 5, 3]
    packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
    plain = PackedSequence(packed.data, packed.batch_sizes)
    case = record(module(), {"input": plain, "h_0": H_0, "c_0": C_0}, id="case")
    assert array(case, "inputs", "lengths").tolist() == [5, 3, 2]
    with torch.no_grad():
        _, (h_n, _) = module()(plain, (H_0, C_0))
    torch.testing.assert_close(torch.tensor(array(case, "expected", "h_n")), h_n)

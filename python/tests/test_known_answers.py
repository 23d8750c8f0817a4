"""Published answers of other frameworks: torch must come to them, and wrong modules must not."""

from collections.abc import Callable
from copy import deepcopy
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torch_parity.fixture import Case, decode_tensor
from torch_parity.known_answers import Answer, known_answer_case, load, longest_sum

ANSWERS = load()
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
Params = dict[str, torch.Tensor]
Fault = Callable[[Params], None]


def kind_of(case: Case) -> str:
    return case["module"].removesuffix("Cell")


def tensors(case: Case, key: str) -> Params:
    encoded = cast(dict[str, dict[str, object]], case)[key]
    return {name: torch.tensor(decode_tensor(value)) for name, value in encoded.items()}  # type: ignore[arg-type]


def run(case: Case, fault: Fault | None = None) -> Params:
    """Asks torch.nn itself, without the package's own way to build and call a module."""
    module = getattr(nn, case["module"])(**case["config"])
    params = tensors(case, "params")
    if fault is not None:
        fault(params)
    module.load_state_dict(params)
    inputs = tensors(case, "inputs")
    input, h_0, lengths = inputs["input"], inputs.get("h_0"), inputs.get("lengths")
    state = (h_0, inputs["c_0"]) if "c_0" in inputs else h_0
    with torch.no_grad():
        if case["module"].endswith("Cell"):
            return named(module(input, state), "1")
        if lengths is None:
            output, after = module(input, state)
        else:
            batch_first = case["config"]["batch_first"]
            packed = pack_padded_sequence(input, lengths, batch_first, enforce_sorted=False)
            packed_output, after = module(packed, state)
            seq_len = input.shape[1 if batch_first else 0]
            output, _ = pad_packed_sequence(packed_output, batch_first, total_length=seq_len)
    return {"output": output, **named(after, "n")}


def named(state: torch.Tensor | tuple[torch.Tensor, torch.Tensor], suffix: str) -> Params:
    if isinstance(state, torch.Tensor):
        return {f"h_{suffix}": state}
    return {f"h_{suffix}": state[0], f"c_{suffix}": state[1]}


def largest_share(case: Case, fault: Fault | None = None) -> float:
    """The largest error in a published tensor, as a share of what is allowed."""
    actual = run(case, fault)
    shares = []
    for name, expected in tensors(case, "expected").items():
        assert actual[name].shape == expected.shape, name
        error = (actual[name].double() - expected.double()).abs().numpy()
        shares.append(float((error / decode_tensor(case["budget"][name])).max()))
    return max(shares)


def transpose_weight_hh(params: Params) -> None:
    for name in params:
        if name.startswith("weight_hh"):
            rows, hidden_size = params[name].shape
            blocks = params[name].chunk(rows // hidden_size)
            params[name] = torch.cat([block.T for block in blocks])


def swap(first: int, second: int, gates: int, *prefixes: str) -> Fault:
    def swapped(params: Params) -> None:
        for name, param in params.items():
            if name.startswith(prefixes):
                blocks = list(param.chunk(gates))
                blocks[first], blocks[second] = blocks[second], blocks[first]
                params[name] = torch.cat(blocks)

    return swapped


def swap_biases(params: Params) -> None:
    for name in [name for name in params if name.startswith("bias_ih")]:
        other = name.replace("_ih", "_hh")
        params[name], params[other] = params[other], params[name]


def case_of(id: str) -> Case:
    return next(known_answer_case(answer) for answer in ANSWERS if answer["id"] == id)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: str(answer["id"]))
def test_torch_comes_to_the_published_answer(answer: Answer) -> None:
    assert largest_share(known_answer_case(answer)) <= 1


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: str(answer["id"]))
def test_an_answer_says_where_it_is_from_and_how_it_was_mapped(answer: Answer) -> None:
    repository, path = answer["source"].split(" ", 1)
    assert len(repository.split("@")[1]) == 40
    assert ": " in path
    assert answer["license"].startswith(("MIT", "Apache-2.0"))
    assert answer["mapping"]
    assert 0 < answer["rounding"] <= 1e-6
    assert answer["expected"]


def test_ids_are_unique_and_every_kind_has_a_layer_and_a_cell() -> None:
    assert len({answer["id"] for answer in ANSWERS}) == len(ANSWERS)
    modules = {answer["module"] for answer in ANSWERS}
    assert modules == {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"}


def test_every_module_has_an_answer_that_publishes_all_its_outputs() -> None:
    complete = {
        answer["module"]
        for answer in ANSWERS
        if answer["expected"].keys() == run(known_answer_case(answer)).keys()
    }
    assert complete == {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"}


@pytest.mark.parametrize(
    ("id", "fault"),
    [
        ("onnxruntime-RNN_bidirectional_bias_initial_zigged_batch", transpose_weight_hh),
        ("onnxruntime-LSTM-ONNXRuntime_TestLSTMForwardCellState", transpose_weight_hh),
        (
            "onnxruntime-GRU-ONNXRuntime_TestGRUOpSequenceLengthWithBidirectionalLinearBeforeReset",
            transpose_weight_hh,
        ),
        ("ngraph-rnn_cell_no_bias", transpose_weight_hh),
        ("ngraph-lstm_cell_no_bias_no_peepholes", transpose_weight_hh),
        ("ngraph-gru_cell_linear_before_reset-row-1", transpose_weight_hh),
        # The hidden bias of n is inside the reset gate, so the biases are not interchangeable.
        ("ngraph-gru_cell_linear_before_reset-row-1", swap_biases),
        ("webnn-baseline-gruCell-with-default-zrn-layout", swap_biases),
    ],
)
def test_a_wrong_module_does_not_come_to_the_published_answer(id: str, fault: Fault) -> None:
    case = case_of(id)
    assert largest_share(case) <= 1
    assert largest_share(case, fault) > 1000


@pytest.mark.parametrize(
    "id",
    [
        "onnxruntime-LSTM-ONNXRuntime_TestLSTMForwardCellState",
        "onnxruntime-LSTM-ONNXRuntime_TestLSTMShorterSeqInMiddle",
        "onnxruntime-GRU-ONNXRuntime_TestGRUOpForwardBatchLinearBeforeReset",
        "ngraph-lstm_cell_no_bias_no_peepholes",
        "ngraph-gru_cell_linear_before_reset-row-1",
    ],
)
@pytest.mark.parametrize("prefixes", [("weight_ih",), ("weight_hh",), ("weight_", "bias_")])
def test_any_two_swapped_gates_show(id: str, prefixes: tuple[str, ...]) -> None:
    case = case_of(id)
    gates = GATES[kind_of(case)]
    for first in range(gates):
        for second in range(first):
            fault = swap(first, second, gates, *prefixes)
            assert largest_share(case, fault) > 100, (first, second)


def test_a_case_holds_the_published_numbers_and_names_their_source() -> None:
    for answer in ANSWERS:
        case = known_answer_case(answer)
        assert cast(dict[str, object], case)["source"] == answer["source"]
        for name, tensor in answer["expected"].items():
            published = np.array(tensor["data"]).reshape(tensor["shape"])
            expected = decode_tensor(case["expected"][name])
            assert expected.dtype == np.float32
            np.testing.assert_allclose(expected, published, rtol=2.0**-24, atol=0)
            budget = decode_tensor(case["budget"][name])
            assert budget.dtype == np.float64
            assert budget.shape == (1,) * expected.ndim


def test_a_number_that_was_copied_wrong_shows() -> None:
    for answer in ANSWERS:
        for name in answer["expected"]:
            wrong = deepcopy(answer)
            wrong["expected"][name]["data"][0] += 2e-5
            assert largest_share(known_answer_case(wrong)) > 1, (answer["id"], name)


def test_the_budget_is_the_rounding_and_eight_roundings_of_the_longest_sum() -> None:
    answer = next(a for a in ANSWERS if a["id"] == "ngraph-lstm_cell_no_bias_no_peepholes")
    assert longest_sum(answer) == 3 + 3 + 2
    budget = decode_tensor(known_answer_case(answer)["budget"]["c_1"])
    assert budget.item() == 5e-8 + 8 * 2.0**-24 * 8**0.5 * 1.4444952

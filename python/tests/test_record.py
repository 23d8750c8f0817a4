"""What is recorded is what torch gives, and nothing else is changed."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torch_parity import Case, record
from torch_parity.fixture import decode_tensor
from torch_parity.training import SGD

OPTIONS: list[dict[str, Any]] = [
    {},
    {"nonlinearity": "relu", "bias": False},
    {"num_layers": 3},
    {"bidirectional": True, "num_layers": 2},
    {"batch_first": True, "bidirectional": True},
    {"dropout": 0.5, "num_layers": 2},
]


def array(case: Case, group: str, name: str) -> npt.NDArray[Any]:
    return decode_tensor(case[group][name])  # type: ignore[literal-required]


def layer(**options: Any) -> nn.RNN:
    torch.manual_seed(2)
    return nn.RNN(3, 4, **options).eval()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("state", [True, False])
def test_outputs_are_those_of_the_module_bit_for_bit(options: dict[str, Any], state: bool) -> None:
    module = layer(**options)
    x = torch.randn(5, 6, 3)
    rows = 5 if module.batch_first else 6
    inputs = {"input": x}
    if state:
        inputs["h_0"] = torch.randn(module.num_layers * (1 + module.bidirectional), rows, 4)
    case = record(module, inputs, id="case")
    with torch.no_grad():
        output, h_n = module(x, inputs.get("h_0"))
    assert array(case, "expected", "output").tobytes() == output.numpy().tobytes()
    assert array(case, "expected", "h_n").tobytes() == h_n.numpy().tobytes()
    assert case["params"].keys() == module.state_dict().keys()
    assert case["inputs"].keys() == inputs.keys()


@pytest.mark.parametrize("options", OPTIONS[2:5])
def test_variable_lengths_are_a_packed_sequence_in_the_callers_order(
    options: dict[str, Any],
) -> None:
    module = layer(**options)
    x = torch.randn(4, 4, 3)
    lengths = torch.tensor([2, 3, 1, 3])
    case = record(module, {"input": x, "lengths": lengths}, id="case")
    first = bool(module.batch_first)
    with torch.no_grad():
        packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        packed_output, h_n = module(packed)
        output, _ = pad_packed_sequence(packed_output, batch_first=first, total_length=4)
    assert array(case, "expected", "output").tobytes() == output.numpy().tobytes()
    assert array(case, "expected", "h_n").tobytes() == h_n.numpy().tobytes()


def test_unbatched_input_that_is_not_contiguous_is_recorded_in_c_order() -> None:
    module = layer()
    x = torch.randn(3, 7).T
    case = record(module, x, id="case")
    assert array(case, "inputs", "input").tolist() == x.tolist()
    assert case["expected"]["output"]["shape"] == [7, 4]
    assert case["expected"]["h_n"]["shape"] == [1, 4]


def test_the_module_and_torch_are_left_as_they_were() -> None:
    module = layer(dropout=0.5, num_layers=2).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    record(module, torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1)), id="case")
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert threads == torch.get_num_threads()


def test_another_module_is_refused() -> None:
    with pytest.raises(
        TypeError,
        match=r"^expected one of RNNCell, LSTMCell, GRUCell, RNN, LSTM, GRU, "
        r"got torch\.nn\.modules\.linear\.Linear\n"
        r"a part of a model can be recorded: record\(model\.rnn, …\)$",
    ):
        record(nn.Linear(2, 2), torch.zeros(1, 2), id="case")


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64])
def test_another_dtype_is_refused(dtype: torch.dtype) -> None:
    module = nn.RNNCell(2, 2)
    for name, parameter in list(module.named_parameters()):
        value = parameter.detach().to(dtype)
        setattr(module, name, nn.Parameter(value, requires_grad=False))
    known = "float16, bfloat16, float32, float64"
    with pytest.raises(
        ValueError, match=rf"^case: expected a module of dtype {known}, got {dtype}$"
    ):
        record(module, torch.zeros(1, 2, dtype=dtype), id="case")


def test_an_unknown_input_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"^case: inputs: expected input, h_0, got h_1$",
    ):
        record(nn.RNNCell(2, 2), {"input": torch.zeros(1, 2), "h_1": torch.zeros(1, 2)}, id="case")
    inputs = {"input": torch.zeros(1, 2), "target": torch.zeros(1, 2), "state": torch.zeros(1, 2)}
    with pytest.raises(
        ValueError,
        match=r"^case: inputs: expected input, h_0, target, got state$",
    ):
        record(nn.RNNCell(2, 2), inputs, id="case", training=SGD)


def test_a_target_without_training_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"^case: inputs: expected input, h_0, got target$",
    ):
        record(
            nn.RNNCell(2, 2), {"input": torch.zeros(1, 2), "target": torch.zeros(1, 2)}, id="case"
        )


@pytest.mark.parametrize(
    ("module", "got"),
    [
        (nn.RNN(3, 4, dropout=0.0, num_layers=2), "dropout 0.0 and 2 layers"),
        (nn.LSTM(3, 4, dropout=1.0, num_layers=2), "dropout 1.0 and 2 layers"),
        (nn.GRU(3, 4, num_layers=1), "dropout 0.0 and 1 layers"),
        (nn.GRUCell(3, 4), "dropout 0.0 and 1 layers"),
    ],
)
def test_dropout_that_cannot_act_is_refused(module: nn.Module, got: str) -> None:
    with pytest.raises(
        ValueError,
        match=rf"^case: expected a dropout between 0 and 1 and several layers, got {got}$",
    ):
        record(module, torch.zeros(2, 3), id="case", dropout=True)


@pytest.mark.filterwarnings("ignore:dropout option adds dropout")
def test_dropout_after_the_only_layer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"several layers, got dropout 0\.5 and 1 layers$"):
        record(nn.GRU(3, 4, dropout=0.5), torch.zeros(2, 3), id="case", dropout=True)


def test_a_run_that_overflows_in_between_is_refused() -> None:
    module = nn.RNNCell(4, 1, nonlinearity="relu", bias=False)
    with torch.no_grad():
        module.weight_ih.copy_(torch.tensor([[3e38, 3e38, -3e38, -3e38]]))
    with pytest.raises(
        ValueError, match=r"^case: h_1: expected the same kind of values as in float64"
    ):
        record(module, torch.ones(1, 4), id="case")


def test_states_are_recorded_where_errors_grow_and_only_there() -> None:
    module = layer(num_layers=2, bidirectional=True)
    lengths = torch.tensor([60, 7])
    x = torch.randn(60, 2, 3)
    assert "states" not in record(module, {"input": x, "lengths": lengths}, id="case")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(12)
    case = record(module, {"input": x, "lengths": lengths}, id="case")
    h_t = decode_tensor(case["states"]["h_t"])
    output, h_n = array(case, "expected", "output"), array(case, "expected", "h_n")
    assert h_t.shape == (60, 4, 2, 4)
    assert array(case, "budget", "h_t").shape == (1, 4, 1, 1)
    # Layer 0 sees what the free run sees, so its states end where h_n does.
    assert (h_t[59, 0, 0] == h_n[0, 0]).all()
    assert (h_t[6, 0, 1] == h_n[0, 1]).all()
    assert (h_t[0, 1] == h_n[1]).all()
    assert not h_t[7:, :, 1].any()
    assert not output[7:, 1].any()
    assert np.abs(h_t[:7, :, 1]).min() > 0


@pytest.mark.parametrize(
    ("module", "given", "options", "message"),
    [
        (nn.RNN(1, 2), {"c_0": torch.zeros(1, 2)}, {}, "expected input, h_0, lengths, .* got c_0"),
        (nn.GRUCell(1, 2), {"lengths": torch.ones(1)}, {}, "expected input, h_0, got lengths"),
        (nn.LSTM(1, 2), {"h_0": torch.zeros(1, 2)}, {}, "expected h_0 and c_0 or neither"),
        (nn.RNN(1, 2), {}, {"training": SGD}, "expected target, got none"),
        (
            nn.RNN(1, 2),
            {"target": torch.zeros(1)},
            {"training": SGD},
            r"target: expected shape \(3, 2\), got \(1,\)",
        ),
        (
            nn.RNN(1, 2),
            {"target": torch.zeros(3, 2)},
            {"training": {**SGD, "optimizer": "RMSprop"}},
            "expected optimizer SGD or Adam, got RMSprop",
        ),
        (
            nn.RNN(1, 2),
            {"target": torch.zeros(3, 2)},
            {"training": {**SGD, "steps": 0}},
            "expected steps of at least 1, got 0",
        ),
        (
            nn.RNN(1, 2),
            {"target": torch.zeros(3, 2)},
            {"training": SGD, "gradients": True},
            "expected gradients or a training, got both",
        ),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    module: nn.Module, given: dict[str, torch.Tensor], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^case: .*{message}"):
        record(module, {"input": torch.zeros(3, 1), **given}, id="case", **options)


def test_rows_of_one_length_may_be_dropped_out_of() -> None:
    lengths = {"lengths": torch.tensor([4, 4])}
    for torch_class in (nn.RNN, nn.LSTM, nn.GRU):
        module = torch_class(3, 5, num_layers=2, dropout=0.5)
        before = torch.get_rng_state()
        case = record(module, {"input": torch.zeros(4, 2, 3), **lengths}, id="case", dropout=True)
        assert case["inputs"]["dropout_mask"]["shape"] == [1, 4, 2, 5]
        assert torch.equal(torch.get_rng_state(), before)


def test_states_past_a_length_are_zero_whatever_the_padding_holds() -> None:
    torch.manual_seed(0)
    module = nn.LSTM(3, 16)
    with torch.no_grad():
        module.get_parameter("weight_hh_l0").mul_(12.0)
    input = torch.randn(60, 2, 3)
    input[7:, 1] = torch.nan
    case = record(module, {"input": input, "lengths": torch.tensor([60, 7])}, id="case")
    for tensor in case["states"].values():
        assert not decode_tensor(tensor)[7:, :, 1].any()


@pytest.mark.parametrize("gradients", [False, True])
def test_a_budget_may_be_left_to_whoever_judges(gradients: bool) -> None:
    module = nn.GRU(3, 4)
    inputs = {"input": torch.ones(5, 2, 3)}
    whole = record(module, inputs, id="a", gradients=gradients)
    del whole["budget"]
    assert record(module, inputs, id="a", gradients=gradients, budget=False) == whole


def test_what_differs_from_the_module_is_refused_without_a_budget_too() -> None:
    module = nn.GRU(3, 4)
    module.register_forward_hook(lambda _, __, outputs: (outputs[0] * 1.01, outputs[1]))
    with pytest.raises(ValueError, match="forward hooks"):
        record(module, {"input": torch.ones(5, 2, 3)}, id="a", budget=False)

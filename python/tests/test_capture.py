"""Captured models: their programs, taps and budgets."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from torch_parity import capture, read_fixture, write_fixture
from torch_parity.fixture import Case, decode_tensor

KAPPA = 4.0


class Small(nn.Module):
    """Convolution, a bidirectional LSTM, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU())
        self.rnn = nn.LSTM(4, 5, bidirectional=True, batch_first=True)
        self.out = nn.Linear(10, 6)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, (h, _) = self.rnn(self.conv(x).transpose(1, 2))
        return self.out(y).log_softmax(-1), h


def small() -> Small:
    torch.manual_seed(3)
    model = Small().eval()
    with torch.no_grad():
        state = model.state_dict()
        for own in state.values():
            if own.is_floating_point():
                own.copy_(torch.randn_like(own) / 2)
        state["conv.1.running_var"].copy_(torch.rand(4) + 0.5)
    return model


@pytest.fixture(scope="module")
def model() -> Small:
    return small()


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    torch.manual_seed(4)
    return torch.randn(2, 3, 7)


@pytest.fixture(scope="module")
def case(model: Small, x: torch.Tensor) -> Case:
    return capture(model, x, id="small")


def test_taps_are_what_modules_give_and_outputs_what_the_model_gives(
    case: Case, model: Small, x: torch.Tensor
) -> None:
    names = [tap["name"] for tap in case["config"]["taps"]]
    assert names == ["conv.0", "conv.1", "conv.2", "rnn.output", "output.1", "out", "output.0"]
    outputs = [tap["name"] for tap in case["config"]["taps"] if tap["output"]]
    with torch.no_grad():
        logits, h = model(x)
    assert outputs == ["output.1", "output.0"]
    for name, wanted in (("output.0", logits), ("output.1", h)):
        np.testing.assert_array_equal(decode_tensor(case["expected"][name]), wanted.numpy())
    conv = model.conv[0](x).detach().numpy()
    np.testing.assert_array_equal(decode_tensor(case["expected"]["conv.0"]), conv)


def test_recurrent_layers_stay_whole_and_say_where_they_stand(case: Case) -> None:
    nodes = {node["name"]: node for node in case["config"]["nodes"]}
    assert nodes["lstm"]["op"] == "aten.lstm.input"
    assert nodes["lstm"]["module"] == "rnn"
    assert nodes["lstm"]["args"]["params"][0] == {"param": "rnn.weight_ih_l0"}
    assert nodes["lstm"]["line"].startswith("test_capture.py:")
    assert nodes["conv1d"]["args"]["input"] == {"input": "x"}


def off(case: Case, other: dict[str, torch.Tensor], budget: str = "budget") -> dict[str, float]:
    """By tap the largest error in shares of what is allowed."""
    shares = {}
    for name, value in other.items():
        error = np.abs(decode_tensor(case["expected"][name]) - value.detach().double().numpy())
        budgets: Any = case[budget]  # type: ignore[literal-required]
        shares[name] = float(np.max(error / (KAPPA * decode_tensor(budgets[name]))))
    return shares


def given_by(model: Small, x: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        conv = model.conv[0](x)
        norm = model.conv[1](conv)
        y, (h, _) = model.rnn(model.conv[2](norm).transpose(1, 2))
        out = model.out(y)
    return {
        "conv.0": conv,
        "conv.1": norm,
        "rnn.output": y,
        "output.1": h,
        "out": out,
        "output.0": out.log_softmax(-1),
    }


def test_exact_arithmetic_is_within_every_budget(case: Case, x: torch.Tensor) -> None:
    shares = off(case, given_by(small().double(), x.double()))
    assert max(shares.values()) < 1
    assert len(shares) == 6


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("conv.0.weight", ["conv.0", "conv.1", "rnn.output", "out", "output.0"]),
        ("conv.1.running_var", ["conv.1", "rnn.output", "out", "output.0"]),
        ("rnn.weight_hh_l0_reverse", ["rnn.output", "output.1", "out", "output.0"]),
        ("out.bias", ["out", "output.0"]),
    ],
)
def test_one_weight_that_is_1_percent_off_is_outside_of_the_budgets(
    case: Case, x: torch.Tensor, name: str, wrong: list[str]
) -> None:
    other = small()
    with torch.no_grad():
        other.state_dict()[name].view(-1)[0].mul_(1.01)
    shares = off(case, given_by(other, x))
    assert {key for key, share in shares.items() if share > 1} >= set(wrong)
    assert all(share < 1 for key, share in shares.items() if key not in {*wrong, "output.1"})


def test_a_tap_alone_has_a_budget_of_its_own(case: Case) -> None:
    # What a layer adds is less than what has come before it.
    whole = decode_tensor(case["budget"]["conv.2"]).max()
    alone = decode_tensor(case["alone"]["conv.2"]).max()
    assert 0 < alone < whole


def test_taps_by_name_and_all_of_them(model: Small, x: torch.Tensor) -> None:
    some = capture(model, x, id="some", taps=["rnn"])
    assert [tap["name"] for tap in some["config"]["taps"]] == ["rnn.output", "output.1", "output.0"]
    every = capture(model, x, id="every", taps="all")
    assert "transpose" in every["expected"]
    with pytest.raises(ValueError, match="taps: expected the name of a module, got nothing"):
        capture(model, x, id="none", taps=["nothing"])


def test_weights_and_programs_stand_once_in_a_file(
    tmp_path: Path, model: Small, x: torch.Tensor, case: Case
) -> None:
    two = capture(model, x + 1, id="two")
    longer = capture(model, torch.cat([x, x], -1), id="longer")
    path = tmp_path / "small.msgpack"
    write_fixture(path, [case, two, longer])
    header, cases = read_fixture(path)
    assert header["version"] == 3
    assert list(cases) == [case, two, longer]
    content = path.read_bytes()
    weight = case["params"]["rnn.weight_ih_l0"]["data"]
    assert content.count(weight) == 1
    assert content.count(b"aten.lstm.input") == 2


def test_a_captured_model_is_refused_in_an_older_version(tmp_path: Path, case: Case) -> None:
    with pytest.raises(ValueError, match="small: expected version 3, got version 1"):
        write_fixture(tmp_path / "a.msgpack", [case], version=1)


class Chosen(nn.Module):
    """Calls a layer as many times as its input says."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        times = int((x.mean() > -100).sum().item()) + 1
        y: torch.Tensor = x
        for _ in range(times):
            y = self.act(self.inner(y))
        return y


def test_what_cannot_be_exported_is_captured_by_what_its_modules_give() -> None:
    torch.manual_seed(0)
    model, x = Chosen().eval(), torch.randn(2, 3)
    with pytest.warns(UserWarning, match="chosen: .* captured by what its modules give"):
        case = capture(model, x, id="chosen")
    names = [tap["name"] for tap in case["config"]["taps"]]
    assert names == ["inner", "act", "inner@2", "act@2", "output"]
    # What stands in memory was written over since.
    np.testing.assert_array_equal(
        decode_tensor(case["expected"]["inner"]), model.inner(x).detach().numpy()
    )
    sources = {node["name"]: node["args"]["input"] for node in case["config"]["nodes"]}
    assert sources["inner@2"] == [{"node": "act", "output": 0}]
    assert all(decode_tensor(own).max() > 0 for own in case["budget"].values())


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(3, 4), nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x)
        self.act(y)
        return cast(torch.Tensor, y * 2)


def test_what_is_written_over_is_recorded_as_it_was() -> None:
    torch.manual_seed(0)
    model, x = InPlace().eval(), torch.randn(2, 3)
    case = capture(model, x, id="in-place")
    assert [tap["name"] for tap in case["config"]["taps"]] == ["first", "act", "output"]
    first = decode_tensor(case["expected"]["first"])
    assert (first < 0).any()
    np.testing.assert_array_equal(decode_tensor(case["expected"]["act"]), np.maximum(first, 0))
    nodes = {node["name"]: node for node in case["config"]["nodes"]}
    assert nodes["relu_"]["op"] == "aten.relu.default"
    assert nodes["mul"]["args"]["self"] == {"node": "relu_"}


class Dropping(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x, 0.5, training=True)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.count: torch.Tensor
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count.add_(1)
        return x + self.count


class Halved(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.half().float()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Dropout(), "expected a model in evaluation mode, got model in training mode"),
        (Dropping().eval(), "expected no random numbers, got aten.dropout.default"),
        (Counting().eval(), "expected a model that changes nothing that it is given"),
        (Halved().eval(), "expected float32 or float64 throughout, got torch.float16"),
        (nn.Linear(3, 2).double().eval(), "expected floats of one dtype"),
    ],
)
def test_what_is_refused(model: nn.Module, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        capture(model, torch.randn(2, 3), id="refused")


def test_a_part_in_training_mode_and_autocast_are_refused() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout()).eval()
    model[1].train()
    with pytest.raises(ValueError, match=r"got model\.1 in training mode"):
        capture(model, torch.randn(2, 3), id="part")
    model.eval()
    with torch.autocast("cpu"), pytest.raises(ValueError, match="expected no autocast"):
        capture(model, torch.randn(2, 3), id="autocast")


class Masked(nn.Module):
    """Logits of which half are not to be chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 10)

    def forward(self, x: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.out(x)).masked_fill(~kept, -1e9)


def test_a_large_number_that_masks_others_says_nothing_of_their_error() -> None:
    torch.manual_seed(0)
    kept = torch.rand(3, 10) > 0.6
    case = capture(Masked().eval(), (torch.randn(3, 4), kept), id="masked")
    budget = np.broadcast_to(decode_tensor(case["budget"]["output"]), (3, 10))
    assert budget[kept.numpy()].max() < 1e-5
    assert (budget[~kept.numpy()] > 100).all()


def test_what_is_written_over_keeps_its_budget() -> None:
    torch.manual_seed(0)
    case = capture(InPlace().eval(), torch.randn(2, 3), id="in-place")
    assert decode_tensor(case["budget"]["first"]).max() < 1e-5


class Ranked(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, order = x.relu().sort(-1)
        return values, order


def test_the_order_of_equal_numbers_is_anybodys_choice() -> None:
    x = torch.tensor([[3.0, -1.0, -2.0, 1.0, -4.0]])
    case = capture(Ranked().eval(), x, id="ties")
    budget = decode_tensor(case["budget"]["output.1"])[0]
    assert (budget[:3] > 0).any()
    np.testing.assert_array_equal(budget[3:], 0)


class Seen(nn.Module):
    """Writes into what is also seen in another shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        flat = y.view(-1)
        y.mul_(3)
        return flat + 1


def test_writing_into_what_is_seen_in_parts_is_no_program() -> None:
    with pytest.raises(ValueError, match="expected no writing into a tensor that others see"):
        capture(Seen().eval(), torch.randn(2, 3), id="seen", hooks=False)


class Odd(nn.Module):
    """Cannot be exported, and does what is asked for beside."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.inner = nn.Linear(3, 3)
        self.calls: torch.Tensor
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if int((x.mean() > -100).sum().item()) > 3:
            return x
        if self.what == "input":
            x.clamp_(-0.5, 0.5)
        if self.what == "buffer":
            self.calls.add_(1)
        if self.what == "random":
            x = x + torch.rand(1)
        return cast(torch.Tensor, self.inner(x))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            "input",
            "expected a model that changes nothing that it is given, got a change of input_0",
        ),
        ("buffer", "expected a model that changes nothing of its own, got a change of calls"),
        ("random", "expected a model that gives the same when it is called again"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_refused_by_hooks(what: str, said: str) -> None:
    x = torch.randn(2, 3)
    before = x.clone()
    with pytest.raises(ValueError, match=said):
        capture(Odd(what).eval(), x, id="odd")
    torch.testing.assert_close(x, before, rtol=0, atol=0)


def test_an_output_that_is_nothing_is_left_out() -> None:
    torch.manual_seed(0)
    model = nn.MultiheadAttention(4, 2, batch_first=True).eval()
    x = torch.randn(1, 3, 4)
    case = capture(model, (x, x, x), kwargs={"need_weights": False}, id="none")
    outputs = [tap["name"] for tap in case["config"]["taps"] if tap["output"]]
    assert outputs == ["output.0"]

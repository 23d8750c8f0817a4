"""Gradients of captured models."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from torch_parity import capture
from torch_parity.fixture import Case, decode_tensor

KAPPA = 4.0


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4), nn.GELU())
        self.rnn = nn.LSTM(4, 5, bidirectional=True, batch_first=True)
        self.out = nn.Linear(10, 6)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, (h, _) = self.rnn(self.conv(x).transpose(1, 2))
        return self.out(y).log_softmax(-1), h


def made() -> tuple[Small, torch.Tensor]:
    torch.manual_seed(3)
    return Small().eval(), torch.randn(2, 3, 7)


def own_gradients(case: Case, change: Any = None) -> dict[str, Any]:
    """In float64, by torch itself, from the model; after a change of it."""
    model, x = made()
    model.double()
    if change is not None:
        change(model)
    x = x.double().requires_grad_()
    cotangents = [torch.tensor(decode_tensor(own)) for own in case["cotangents"].values()]
    names = list(case["cotangents"])
    outputs = dict(zip(("output.0", "output.1"), model(x), strict=True))
    leaves = {"grad_x": x, **{f"grad_{key}": own for key, own in model.named_parameters()}}
    given = [outputs[name] for name in names]
    values = torch.autograd.grad(given, list(leaves.values()), [own.double() for own in cotangents])
    return {key: own.numpy() for key, own in zip(leaves, values, strict=True)}


def off(case: Case, gradients: dict[str, Any]) -> dict[str, float]:
    return {
        name: float(
            np.max(
                np.abs(own - decode_tensor(case["expected"][name]))
                / decode_tensor(case["budget"][name])
            )
        )
        / KAPPA
        for name, own in gradients.items()
    }


def test_exact_gradients_are_within_every_budget_and_no_other() -> None:
    case = capture(*made(), id="small", gradients=True)
    shares = off(case, own_gradients(case))
    assert len(shares) == len(case["config"]["gradients"]) == 15
    assert max(shares.values()) < 1

    def scale(model: Small) -> None:
        with torch.no_grad():
            cast(torch.Tensor, model.conv[1].running_var).mul_(1.01)

    wrong = off(case, own_gradients(case, scale))
    assert wrong["grad_conv.0.weight"] > 10


def test_taps_are_what_they_are_without_gradients() -> None:
    plain, own = capture(*made(), id="small"), capture(*made(), id="small", gradients=True)
    for key in plain["expected"]:
        assert plain["expected"][key] == own["expected"][key]
        assert plain["budget"][key] == own["budget"][key]
    assert own["alone"] == plain["alone"]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 3)
        self.other = nn.Linear(3, 3)
        self.other.weight = self.one.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.other(self.one(x)))


def test_a_tied_weight_has_one_gradient_of_both_uses() -> None:
    torch.manual_seed(0)
    model, x = Tied().eval(), torch.randn(2, 3)
    case = capture(model, x, id="tied", gradients=True)
    (cotangent,) = (torch.tensor(decode_tensor(own)) for own in case["cotangents"].values())
    (wanted,) = torch.autograd.grad(model(x), [model.one.weight], [cotangent])
    names = [own["name"] for own in case["config"]["gradients"] if "weight" in own["name"]]
    assert len(names) == 1
    np.testing.assert_allclose(decode_tensor(case["expected"][names[0]]), wanted, rtol=1e-6)


class Places(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.argmax(-1)


class Nothing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float()


@pytest.mark.parametrize(
    ("model", "x", "said"),
    [
        (Places(), torch.randn(2, 3), "gradients: expected an output of floats, got none"),
        (Nothing(), torch.arange(3), "expected a parameter or an input of floats, got none"),
    ],
)
def test_what_has_no_gradients_is_refused(model: nn.Module, x: torch.Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        capture(model.eval(), x, id="none", gradients=True)


def test_a_model_under_no_grad_and_with_frozen_weights_has_them_too() -> None:
    model, x = made()
    model.requires_grad_(False)
    with torch.no_grad():
        frozen = capture(model, x, id="small", gradients=True)
    assert frozen["expected"] == capture(*made(), id="small", gradients=True)["expected"]

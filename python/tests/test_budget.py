"""The budget lets honest implementations pass and wrong ones fail."""

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from torch_parity import record
from torch_parity.fixture import decode_tensor
from torch_parity.modules import Tensors

#: src/compare.ts has the real one.
KAPPA = 4

Float32 = npt.NDArray[np.float32]


def sequential(module: nn.RNN, x: Float32) -> Float32:
    """output of one layer, every sum from left to right, rounded after every operation."""
    w_ih, w_hh, b_ih, b_hh = (p.detach().numpy() for p in module.parameters())
    h = np.zeros((x.shape[1], w_hh.shape[0]), np.float32)
    output = []
    for x_t in x:
        total = np.broadcast_to(b_ih, h.shape).copy()
        for i in range(w_ih.shape[1]):
            total += x_t[:, i, None] * w_ih[None, :, i]
        total += b_hh
        for i in range(w_hh.shape[1]):
            total += h[:, i, None] * w_hh[None, :, i]
        h = np.tanh(total) if module.nonlinearity == "tanh" else np.maximum(total, 0)
        output.append(h)
    return np.stack(output)


@pytest.mark.parametrize("hidden_size", [1, 2, 7, 64])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_an_honest_evaluator_stays_within_and_one_percent_does_not(
    hidden_size: int, nonlinearity: str
) -> None:
    torch.manual_seed(hidden_size)
    module = nn.RNN(5, hidden_size, nonlinearity=nonlinearity)
    x = torch.randn(9, 3, 5)
    case = record(module, x, id="case")
    budget = decode_tensor(case["budget"]["output"])
    expected = decode_tensor(case["expected"]["output"])
    assert budget.shape == (9, 1, 1)
    honest = sequential(module, x.numpy())
    assert (np.abs(honest - expected) <= KAPPA * budget).all()
    with torch.no_grad():
        next(module.parameters())[0, 0] *= 1.01
        wrong = module(x)[0].numpy()
    assert not (np.abs(wrong - expected) <= KAPPA * budget).all()


@pytest.mark.parametrize(
    ("options", "shape", "output", "h_n"),
    [
        ({}, (5, 2, 3), (5, 1, 1), (1, 1, 1)),
        ({"batch_first": True}, (2, 5, 3), (1, 5, 1), (1, 1, 1)),
        ({"bidirectional": True, "num_layers": 2}, (5, 2, 3), (5, 1, 1), (4, 1, 1)),
        ({}, (5, 3), (5, 1), (1, 1)),
        ({"batch_first": True}, (5, 3), (5, 1), (1, 1)),
    ],
)
def test_it_varies_along_time_and_along_layer_and_direction(
    options: dict[str, Any], shape: tuple[int, ...], output: tuple[int, ...], h_n: tuple[int, ...]
) -> None:
    case = record(nn.RNN(3, 4, **options), torch.randn(shape), id="case")
    assert decode_tensor(case["budget"]["output"]).shape == output
    assert decode_tensor(case["budget"]["h_n"]).shape == h_n


def test_a_cell_has_one_number() -> None:
    case = record(nn.RNNCell(3, 4), torch.randn(2, 3), id="case")
    assert decode_tensor(case["budget"]["h_1"]).shape == (1, 1)


def test_it_covers_torchs_own_error_and_one_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_noise(params: Tensors, inputs: Tensors, *_: object) -> tuple[Tensors, Tensors]:
        return params, inputs

    # The package's own name `record` is the function.
    monkeypatch.setattr(sys.modules["torch_parity.record"], "perturb", no_noise)
    module = nn.RNN(3, 4, 2)
    x = torch.randn(6, 2, 3)
    case = record(module, x, id="case")
    with torch.no_grad():
        exact = module.double()(x.double())[0].numpy()
    own = np.abs(decode_tensor(case["expected"]["output"]) - exact).max(axis=(1, 2), keepdims=True)
    assert own.max() > 0
    wanted = own + 2.0**-23 * np.abs(exact).max() + 2.0**-149
    np.testing.assert_allclose(decode_tensor(case["budget"]["output"]), wanted, rtol=1e-9)


def test_elements_that_are_not_finite_take_no_part() -> None:
    module = nn.RNN(3, 4, nonlinearity="relu")
    x = torch.randn(6, 2, 3)
    x[2, 1, 0] = torch.nan
    budget = decode_tensor(record(module, x, id="case")["budget"]["output"])
    assert np.isfinite(budget).all()
    assert budget.max() < 1e-5


def test_an_empty_batch_has_the_smallest_budget() -> None:
    case = record(nn.RNN(3, 4), torch.zeros(2, 0, 3), id="case")
    assert decode_tensor(case["budget"]["output"]).tolist() == [[[2.0**-149]]] * 2

"""Large taps of captured models: samples of them, and sums of all their numbers."""

from typing import Any, cast

import msgpack
import numpy as np
import pytest
import torch
from torch import nn

from torch_parity import capture
from torch_parity.capture.samples import Sampling
from torch_parity.fixture import Case, decode_tensor

KAPPA = 4.0


class Wide(nn.Module):
    """Two large taps, one of them with minus infinities."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv(x)).masked_fill(x[:, :1] > 2, -torch.inf)
        return cast(torch.Tensor, self.out(y.sigmoid().mean((2, 3))))


def wide_model() -> tuple[Wide, torch.Tensor]:
    torch.manual_seed(0)
    return Wide().eval(), torch.randn(1, 2, 60, 50)


def wide(**given: Any) -> Case:
    return capture(*wide_model(), id="wide", **given)


def test_a_trace_stays_within_its_limit_and_small_taps_stay_whole() -> None:
    whole = wide(taps="all")
    for limit in (30_000, 100_000, 200_000):
        case = wide(taps="all", max_bytes=limit)
        groups = [case["expected"], case["budget"], case["alone"], case["samples"]]
        assert sum(len(msgpack.packb(own)) for own in groups) <= limit
        assert case["expected"].keys() | case["samples"].keys() == whole["expected"].keys()
        assert "output" in case["expected"]
        for name, own in case["expected"].items():
            assert own == whole["expected"][name]
    assert "samples" not in wide(taps="all", max_bytes=2**24)


def test_samples_are_numbers_of_the_tap_and_sums_see_each_number() -> None:
    whole, few = wide(taps="all"), wide(taps="all", max_bytes=60_000)
    for name, own in few["samples"].items():
        numbers = decode_tensor(whole["expected"][name]).astype(np.float64)
        values, sums = decode_tensor(own["values"]), decode_tensor(own["sums"])
        sampling = Sampling(own["stream"], numbers.size, values.size, own["block"])
        assert len(set(sampling.places)) == values.size
        np.testing.assert_array_equal(numbers.ravel()[sampling.places], values)
        np.testing.assert_array_equal(sampling.sums(numbers), sums)
        assert (own["kinds"] > 0) == bool(np.isinf(numbers).any())
        weights = np.abs(sampling.weights())
        assert weights.min() >= 0.5
        assert weights.max() < 1.5
        budget = decode_tensor(own["sums_budget"])
        for place in (0, numbers.size // 2, numbers.size - 1):
            if not np.isfinite(numbers.flat[place]):
                continue
            changed = numbers.copy()
            changed.flat[place] += 1e-2
            off = np.abs(sampling.sums(changed) - sums) > KAPPA * budget
            assert np.nonzero(off)[0].tolist() == [place // own["block"]]


def test_exact_arithmetic_is_within_the_budget_of_every_sum() -> None:
    model, x = wide_model()
    model.double()
    with torch.no_grad():
        exact = model.norm(model.conv(x.double())).numpy()
    own = wide(max_bytes=20_000)["samples"]["norm"]
    sampling = Sampling(own["stream"], exact.size, own["values"]["shape"][0], own["block"])
    off = np.abs(sampling.sums(exact) - decode_tensor(own["sums"]))
    assert np.all(off <= KAPPA * decode_tensor(own["sums_budget"]))


def test_too_small_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wide: max_bytes: expected at least \d+, for 3 taps"):
        wide(max_bytes=1000)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_captured_by_hooks_has_a_limit_too() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return cast(torch.Tensor, self.inner(x)) if float(x.mean()) > -100 else x

    torch.manual_seed(0)
    case = capture(Odd().eval(), torch.randn(4000, 3), id="odd", max_bytes=20_000)
    assert case["samples"].keys() == {"inner", "output"}
    assert "alone" not in case["samples"]["inner"]

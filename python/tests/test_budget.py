"""The budget lets honest implementations pass and wrong ones fail."""

import sys
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from torch_parity import Case, record
from torch_parity.budget import perturb, perturb_runs
from torch_parity.fixture import decode_tensor
from torch_parity.modules import Tensors, call_with_gradients
from torch_parity.values import Stream

#: src/verify/compare.ts has the real one.
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


def no_noise(params: Tensors, inputs: Tensors, *_: object) -> tuple[Tensors, Tensors]:
    return params, inputs


def no_noise_runs(
    params: Tensors, inputs: Tensors, u: float, stream: Stream, runs: int
) -> list[tuple[Tensors, Tensors]]:
    return [(params, inputs)] * runs


def test_runs_at_once_are_those_one_by_one() -> None:
    params = {"weight_ih_l0": torch.randn(3, 4).double(), "bias_ih_l0": torch.randn(3).double()}
    inputs = {"input": torch.randn(5, 4).double(), "lengths": torch.tensor([5])}
    one, other = Stream("noise"), Stream("noise")
    for params_of_run, inputs_of_run in perturb_runs(params, inputs, 2.0**-24, one, 3):
        params_alone, inputs_alone = perturb(params, inputs, 2.0**-24, other)
        for name, tensor in {**params_alone, **inputs_alone}.items():
            assert torch.equal(tensor, {**params_of_run, **inputs_of_run}[name]), name
    assert one.unit() == other.unit()


def test_it_covers_torchs_own_error_and_one_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package's own name `record` is the function.
    monkeypatch.setattr(sys.modules["torch_parity.record"], "perturb_runs", no_noise_runs)
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


SIX: list[type[nn.Module]] = [nn.RNNCell, nn.LSTMCell, nn.GRUCell, nn.RNN, nn.LSTM, nn.GRU]
ROWS = 8


def decoded(case: Case, group: str) -> Tensors:
    tensors = case[group].items()  # type: ignore[literal-required]
    return {name: torch.tensor(decode_tensor(tensor)) for name, tensor in tensors}


def module_and_inputs(torch_class: type[nn.Module], seed: int) -> tuple[nn.Module, Tensors]:
    torch.manual_seed(seed)
    module = torch_class(5, 6)
    steps, states = ((9,), (1,)) if isinstance(module, nn.RNNBase) else ((), ())
    inputs = {"input": torch.randn(*steps, ROWS, 5), "h_0": torch.randn(*states, ROWS, 6)}
    if isinstance(module, (nn.LSTM, nn.LSTMCell)):
        inputs["c_0"] = torch.randn(*states, ROWS, 6)
    return module, inputs


def in_parts(module: nn.Module, inputs: Tensors, cotangents: Tensors, parts: int) -> Tensors:
    """Gradients from parts of the batch: added up by a parameter, one after the other by inputs."""
    whole: Tensors = {}
    for rows in torch.arange(ROWS).chunk(parts):
        own = call_with_gradients(
            module,
            {name: tensor.index_select(-2, rows) for name, tensor in inputs.items()},
            {name: tensor.index_select(-2, rows) for name, tensor in cotangents.items()},
        )
        for name, tensor in own.items():
            if name not in whole:
                whole[name] = tensor
            elif name.startswith(("grad_weight", "grad_bias")):
                whole[name] = whole[name] + tensor
            else:
                whole[name] = torch.cat((whole[name], tensor), -2)
    return whole


def largest_share(actual: Tensors, case: Case) -> float:
    """The largest error of a gradient as a share of its budget."""
    expected, budget = decoded(case, "expected"), decoded(case, "budget")
    names = [name for name in expected if name.startswith("grad_")]
    assert len(names) >= 6
    return max(
        float(((actual[name].double() - expected[name].double()).abs() / budget[name]).max())
        for name in names
    )


@pytest.mark.parametrize("torch_class", SIX)
@pytest.mark.parametrize("seed", range(4))
def test_honest_gradients_stay_within_and_one_percent_does_not(
    torch_class: type[nn.Module], seed: int
) -> None:
    module, inputs = module_and_inputs(torch_class, seed)
    case = record(module, inputs, id="case", seed=seed, gradients=True)
    cotangents = decoded(case, "cotangents")
    exact, exact_inputs = module_and_inputs(torch_class, seed)
    exact.double()
    reference = in_parts(
        exact,
        {name: tensor.double() for name, tensor in exact_inputs.items()},
        {name: tensor.double() for name, tensor in cotangents.items()},
        1,
    )
    # torch's own error is within the budget itself.
    assert 0 < largest_share(reference, case) <= 1
    for parts in (1, 2, ROWS):
        assert largest_share(in_parts(module, inputs, cotangents, parts), case) <= KAPPA
    with torch.no_grad():
        next(p for name, p in module.named_parameters() if "weight_hh" in name)[0, 0] *= 1.01
    assert largest_share(in_parts(module, inputs, cotangents, 1), case) > KAPPA


@pytest.mark.parametrize("torch_class", SIX)
def test_a_gradient_has_one_number_for_the_whole_tensor(torch_class: type[nn.Module]) -> None:
    module, inputs = module_and_inputs(torch_class, 0)
    case = record(module, inputs, id="case", gradients=True)
    for name, tensor in case["expected"].items():
        if name.startswith("grad_"):
            assert case["budget"][name]["shape"] == [1] * len(tensor["shape"])


#: Unit roundoff and smallest subnormal.
HALF = {torch.float16: (2.0**-11, 2.0**-24), torch.bfloat16: (2.0**-8, 2.0**-133)}


@pytest.mark.parametrize("torch_class", SIX)
@pytest.mark.parametrize("dtype", HALF)
def test_in_half_precision_it_covers_torchs_own_error_and_one_rounding(
    torch_class: type[nn.Module], dtype: torch.dtype
) -> None:
    module, inputs = module_and_inputs(torch_class, 1)
    module.to(dtype)
    inputs = {name: tensor.to(dtype) for name, tensor in inputs.items()}
    case = record(module, inputs, id="case", gradients=True)
    cotangents = {name: tensor.double() for name, tensor in decoded(case, "cotangents").items()}
    module.double()
    exact = {name: tensor.double() for name, tensor in inputs.items()}
    reference = call_with_gradients(module, exact, cotangents)
    budget = decoded(case, "budget")
    unit, smallest = HALF[dtype]
    for name, recorded in decoded(case, "expected").items():
        error = (recorded.double() - reference[name]).abs()
        rounding = 2 * unit * reference[name].abs().max() + smallest
        assert error.max() > 0, name
        assert (error + rounding <= budget[name] * (1 + 1e-9)).all(), name
        # No more than that: the last bit of float16 is far from that of bfloat16.
        assert (budget[name] <= 100 * unit * reference[name].abs().max()).all(), name


@pytest.mark.parametrize("torch_class", SIX)
def test_noise_widens_the_budget_of_outputs_and_gradients(
    torch_class: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, inputs = module_and_inputs(torch_class, 3)
    noisy = decoded(record(module, inputs, id="case", gradients=True), "budget")
    recorder = sys.modules["torch_parity.record"]
    monkeypatch.setattr(recorder, "perturb", no_noise)
    monkeypatch.setattr(recorder, "perturb_sums", lambda outputs, *_: outputs)
    monkeypatch.setattr(recorder, "RoundedActivations", lambda *_: nullcontext())
    quiet = decoded(record(module, inputs, id="case", gradients=True), "budget")
    assert all((noisy[name] >= own).all() for name, own in quiet.items())
    wider = [name for name, own in quiet.items() if (noisy[name] > 1.2 * own).any()]
    assert len(wider) > len(quiet) / 2


@pytest.mark.parametrize("torch_class", [nn.RNN])
def test_gradients_through_saturated_units_may_see_activations_rounded(
    torch_class: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, inputs = module_and_inputs(torch_class, 3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(40.0)
    rounded = decoded(record(module, inputs, id="case", gradients=True), "budget")
    monkeypatch.setattr(
        sys.modules["torch_parity.record"], "RoundedActivations", lambda *_: nullcontext()
    )
    exact = decoded(record(module, inputs, id="case", gradients=True), "budget")
    wider = [name for name, own in exact.items() if (rounded[name] > 1.5 * own).any()]
    assert [name for name in wider if name.startswith("grad_")]


def test_gradients_by_parameters_may_be_summed_in_any_order() -> None:
    """A plain float32 sum over 2,048 rows stays within κ of the budget."""
    torch.manual_seed(0)
    module = nn.GRUCell(1, 2)
    x, h = torch.randn(2048, 1), torch.randn(2048, 2)
    case = record(module, {"input": x, "h_0": h}, id="case", gradients=True)
    cotangent = torch.tensor(decode_tensor(case["cotangents"]["h_1"]))
    sums = {name: np.zeros(tuple(p.shape), np.float32) for name, p in module.named_parameters()}
    for row in range(len(x)):
        module.zero_grad()
        module(x[row : row + 1], h[row : row + 1]).backward(cotangent[row : row + 1])
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None
            sums[name] = sums[name] + parameter.grad.numpy()
    budget, expected = decoded(case, "budget"), decoded(case, "expected")
    for name, total in sums.items():
        error = (torch.from_numpy(total) - expected[f"grad_{name}"]).abs()
        assert (error <= KAPPA * budget[f"grad_{name}"]).all(), name

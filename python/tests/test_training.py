"""A recorded training is what a plain loop in torch does."""

from typing import Any

import pytest
import torch
from torch import nn

from torch_parity import Case, record
from torch_parity.fixture import decode_tensor
from torch_parity.modules import Tensors
from torch_parity.training import ADAM, SGD

#: src/verify/compare.ts has the real one.
KAPPA = 4

MOMENTUM = {**SGD, "lr": 0.1, "momentum": 0.9, "dampening": 0.1, "steps": 5}
NESTEROV = {**SGD, "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "steps": 5}
DECAYED_ADAM = {**ADAM, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.01, "steps": 5}
OPTIMIZERS = [{**SGD, "steps": 5}, MOMENTUM, NESTEROV, {**ADAM, "steps": 5}, DECAYED_ADAM]


def task(torch_class: type[nn.Module], dtype: torch.dtype) -> tuple[nn.Module, Tensors]:
    torch.manual_seed(10)
    module = torch_class(3, 4, dtype=dtype)
    steps = (6,) if isinstance(module, nn.RNNBase) else ()
    return module, {
        "input": torch.randn(*steps, 2, 3, dtype=dtype),
        "target": torch.rand(*steps, 2, 4, dtype=dtype),
    }


def plain_loop(module: nn.Module, inputs: Tensors, optimizer: torch.optim.Optimizer) -> Tensors:
    """loss and parameters after each of 5 steps, with nothing of the package."""
    steps: dict[str, list[torch.Tensor]] = {"loss": []}
    for _ in range(5):
        optimizer.zero_grad()
        output = module(inputs["input"])
        while isinstance(output, tuple):
            output = output[0]
        loss = ((output - inputs["target"]) ** 2).mean()
        loss.backward()
        optimizer.step()
        steps["loss"].append(loss.detach())
        for name, parameter in module.named_parameters():
            steps.setdefault(name, []).append(parameter.detach().clone())
    return {name: torch.stack(values) for name, values in steps.items()}


def optimizer_of(module: nn.Module, training: dict[str, Any]) -> torch.optim.Optimizer:
    if training["optimizer"] == "SGD":
        return torch.optim.SGD(
            module.parameters(),
            lr=training["lr"],
            momentum=training["momentum"],
            dampening=training["dampening"],
            nesterov=training["nesterov"],
            weight_decay=training["weight_decay"],
        )
    return torch.optim.Adam(
        module.parameters(),
        lr=training["lr"],
        betas=tuple(training["betas"]),
        eps=training["eps"],
        weight_decay=training["weight_decay"],
    )


def decoded(case: Case, group: str) -> Tensors:
    tensors = case[group].items()  # type: ignore[literal-required]
    return {name: torch.tensor(decode_tensor(tensor)) for name, tensor in tensors}


def check(torch_class: type[nn.Module], training: dict[str, Any], dtype: torch.dtype) -> None:
    module, inputs = task(torch_class, dtype)
    case = record(module, inputs, id="case", training=training)
    expected = decoded(case, "expected")
    wanted = plain_loop(module, inputs, optimizer_of(module, training))
    assert list(expected) == list(wanted)
    for name, own in wanted.items():
        assert expected[name].numpy().tobytes() == own.numpy().tobytes(), name
    assert case["budget"].keys() == wanted.keys()
    assert case["training"] == training


@pytest.mark.parametrize("training", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_optimizer_steps_as_in_a_plain_loop_bit_for_bit(
    training: dict[str, Any], dtype: torch.dtype
) -> None:
    check(nn.GRU, training, dtype)


@pytest.mark.parametrize("torch_class", [nn.RNN, nn.LSTM, nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("training", [MOMENTUM, {**ADAM, "steps": 5}])
def test_every_module_is_trained_as_in_a_plain_loop_bit_for_bit(
    torch_class: type[nn.Module], training: dict[str, Any]
) -> None:
    check(torch_class, training, torch.float32)


@pytest.mark.parametrize("training", [SGD, ADAM])
def test_the_task_is_learnt(training: dict[str, Any]) -> None:
    module, inputs = task(nn.LSTM, torch.float32)
    loss = decoded(record(module, inputs, id="case", training=training), "expected")["loss"]
    assert loss.shape == (20,)
    assert loss[-1] < 0.8 * loss[0]


def test_the_parameters_of_the_case_are_those_before_training() -> None:
    module, inputs = task(nn.LSTM, torch.float32)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    case = record(module, inputs, id="case", training=MOMENTUM)
    params, expected = decoded(case, "params"), decoded(case, "expected")
    assert params.keys() == before.keys()
    assert all(torch.equal(params[name], before[name]) for name in before)
    assert not any(torch.equal(expected[name][0], before[name]) for name in before)
    assert all(torch.equal(module.state_dict()[name], before[name]) for name in before)
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert decoded(case, "inputs").keys() == {"input", "target"}


def test_the_budget_covers_a_loop_in_float64_and_varies_along_the_steps() -> None:
    module, inputs = task(nn.GRU, torch.float32)
    case = record(module, inputs, id="case", training=MOMENTUM)
    budget, expected = decoded(case, "budget"), decoded(case, "expected")
    assert budget["loss"].shape == (5,)
    assert budget["weight_hh_l0"].shape == (5, 1, 1)
    assert budget["bias_hh_l0"].shape == (5, 1)
    module.double()
    exact = plain_loop(
        module,
        {name: tensor.double() for name, tensor in inputs.items()},
        optimizer_of(module, MOMENTUM),
    )
    for name, own in exact.items():
        assert ((own - expected[name]).abs() <= budget[name]).all(), name
        assert (budget[name] < 1e-5).all(), name


def test_the_mask_of_dropout_is_the_same_in_every_step() -> None:
    torch.manual_seed(11)
    module = nn.RNN(3, 4, 2, dropout=0.5, dtype=torch.float64)
    inputs = {
        "input": torch.randn(6, 2, 3, dtype=torch.float64),
        "target": torch.rand(6, 2, 4, dtype=torch.float64),
    }
    still = {**SGD, "lr": 0.0, "steps": 3}
    case = record(module, inputs, id="case", training=still, dropout=True)
    loss = decoded(case, "expected")["loss"]
    assert len(set(loss.tolist())) == 1
    without = decoded(record(module, inputs, id="case", training=still), "expected")["loss"]
    assert loss[0] != without[0]


@pytest.mark.parametrize("torch_class", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("training", [MOMENTUM, {**ADAM, "steps": 5}])
def test_an_honest_training_stays_within_its_budget_and_one_percent_of_lr_does_not(
    torch_class: type[nn.Module], training: dict[str, Any]
) -> None:
    module, inputs = task(torch_class, torch.float32)
    case = record(module, inputs, id="case", training=training)
    budget, expected = decoded(case, "budget"), decoded(case, "expected")

    def share(inputs: Tensors, training: dict[str, Any]) -> float:
        module, _ = task(torch_class, torch.float32)
        steps = plain_loop(module, inputs, optimizer_of(module, training))
        return max(
            float(((own.double() - expected[name].double()).abs() / budget[name]).max())
            for name, own in steps.items()
        )

    # Rows in another order: the same losses from sums in another order.
    turned = {name: tensor.flip(-2) for name, tensor in inputs.items()}
    assert 0 < share(turned, training) <= KAPPA
    assert share(inputs, {**training, "lr": 1.01 * training["lr"]}) > 10 * KAPPA


@pytest.mark.parametrize("training", [MOMENTUM, {**ADAM, "steps": 5}])
def test_the_noise_in_the_budget_is_that_of_the_seed(training: dict[str, Any]) -> None:
    module, inputs = task(nn.GRUCell, torch.float32)
    first, again, other = (
        decoded(record(module, inputs, id="case", seed=seed, training=training), "budget")
        for seed in (0, 0, 1)
    )
    for name, own in first.items():
        assert torch.equal(own, again[name]), name
        assert not torch.equal(own, other[name]), name

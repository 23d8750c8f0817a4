"""Recorded gradients are those of backward() on the outputs times their cotangents."""

from typing import Any

import pytest
import torch
from torch import nn

from torch_parity import Case, record
from torch_parity.fixture import decode_tensor
from torch_parity.modules import Tensors, call

Cell = type[nn.RNNCell | nn.LSTMCell | nn.GRUCell]
Layer = type[nn.RNN | nn.LSTM | nn.GRU]
CELLS: list[Cell] = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]
LAYERS: list[Layer] = [nn.RNN, nn.LSTM, nn.GRU]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
]


def inputs_of(module: nn.Module, *, unbatched: bool = False, lengths: bool = False) -> Tensors:
    """Input and states of 5 steps and 2 rows, drawn in torch's present state."""
    like = next(module.parameters())
    rows: tuple[int, ...] = () if unbatched else (2,)
    inputs: Tensors = {}
    if isinstance(module, nn.RNNBase):
        shape = (*rows, 5) if module.batch_first else (5, *rows)
        rows = (module.num_layers * (1 + module.bidirectional), *rows)
    else:
        shape = rows
    inputs["input"] = torch.randn(*shape, 3).to(like)
    units = getattr(module, "proj_size", 0) or 4
    inputs["h_0"] = torch.randn(*rows, units).to(like)
    if isinstance(module, (nn.LSTM, nn.LSTMCell)):
        inputs["c_0"] = torch.randn(*rows, 4).to(like)
    if lengths:
        inputs["lengths"] = torch.tensor([3, 5])
    return inputs


def decoded(case: Case, group: str) -> Tensors:
    tensors = case[group].items()  # type: ignore[literal-required]
    return {name: torch.tensor(decode_tensor(tensor)) for name, tensor in tensors}


def by_backward(module: nn.Module, inputs: Tensors, cotangents: Tensors) -> Tensors:
    """Gradients as torch accumulates them in .grad."""
    leaves = {
        name: tensor.clone().requires_grad_() if tensor.is_floating_point() else tensor
        for name, tensor in inputs.items()
    }
    module.zero_grad()
    outputs = call(module, leaves)
    total = torch.zeros((), dtype=inputs["input"].dtype)
    for name, cotangent in cotangents.items():
        total = total + (cotangent * outputs[name]).sum()
    total.backward()  # type: ignore[no-untyped-call]
    wanted = {**leaves, **dict(module.named_parameters())}
    return {
        f"grad_{name}": tensor.grad for name, tensor in wanted.items() if tensor.grad is not None
    }


def check(module: nn.Module, inputs: Tensors) -> None:
    case = record(module, inputs, id="case", gradients=True)
    expected = decoded(case, "expected")
    cotangents = decoded(case, "cotangents")
    outputs = {name: tensor for name, tensor in expected.items() if not name.startswith("grad_")}
    assert {name: t.shape for name, t in cotangents.items()} == {
        name: t.shape for name, t in outputs.items()
    }
    wanted = by_backward(module, inputs, cotangents)
    floats = [name for name, tensor in inputs.items() if tensor.is_floating_point()]
    names = [*floats, *dict(module.named_parameters())]
    assert list(expected) == [*outputs, *(f"grad_{name}" for name in names)]
    assert case["budget"].keys() == expected.keys()
    for name, own in wanted.items():
        assert expected[name].shape == own.shape
        assert expected[name].numpy().tobytes() == own.numpy().tobytes(), name
        # A cell without a state multiplies weight_hh with zeros.
        assert own.any() or (name == "grad_weight_hh" and "h_0" not in inputs), name


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("torch_class", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_of_a_layer_are_those_of_backward(
    torch_class: Layer, options: dict[str, Any], dtype: torch.dtype
) -> None:
    torch.manual_seed(5)
    module = torch_class(3, 4, **options, dtype=dtype)
    check(module, inputs_of(module))


@pytest.mark.parametrize("torch_class", LAYERS)
@pytest.mark.parametrize("given", [{"lengths": True}, {"unbatched": True}])
def test_gradients_with_lengths_and_unbatched_are_those_of_backward(
    torch_class: Layer, given: dict[str, bool]
) -> None:
    torch.manual_seed(6)
    module = torch_class(3, 4, 2, bidirectional=True)
    check(module, inputs_of(module, **given))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_gradients_with_proj_size_are_those_of_backward() -> None:
    torch.manual_seed(7)
    module = nn.LSTM(3, 4, 2, proj_size=2, bidirectional=True)
    inputs = inputs_of(module)
    check(module, inputs)
    names = record(module, inputs, id="case", gradients=True)["expected"].keys()
    assert "grad_weight_hr_l1_reverse" in names


@pytest.mark.parametrize("torch_class", CELLS)
@pytest.mark.parametrize("unbatched", [True, False])
def test_gradients_of_a_cell_are_those_of_backward(torch_class: Cell, unbatched: bool) -> None:
    torch.manual_seed(8)
    module = torch_class(3, 4)
    check(module, inputs_of(module, unbatched=unbatched))


@pytest.mark.parametrize("torch_class", [*CELLS, *LAYERS])
def test_without_a_state_there_is_no_gradient_by_it(torch_class: type[nn.Module]) -> None:
    torch.manual_seed(9)
    module = torch_class(3, 4)
    inputs = {"input": inputs_of(module)["input"]}
    check(module, inputs)
    names = record(module, inputs, id="case", gradients=True)["expected"].keys()
    assert not {"grad_h_0", "grad_c_0"} & names


def test_without_being_asked_for_there_are_no_gradients() -> None:
    module = nn.LSTM(3, 4)
    case = record(module, inputs_of(module), id="case")
    assert list(case["expected"]) == ["output", "h_n", "c_n"]
    assert "cotangents" not in case


def test_what_belongs_to_autograd_is_left_alone() -> None:
    module = nn.GRU(3, 4)
    inputs = inputs_of(module)
    inputs["input"].requires_grad_()
    module.bias_hh_l0.requires_grad_(False)
    module(inputs["input"])[0].sum().backward()
    grads = {name: parameter.grad for name, parameter in module.named_parameters()}
    values = {name: grad.clone() for name, grad in grads.items() if grad is not None}
    of_input = inputs["input"].grad
    assert of_input is not None
    value = of_input.clone()
    record(module, inputs, id="case", gradients=True)
    assert torch.is_grad_enabled()
    for name, parameter in module.named_parameters():
        assert parameter.requires_grad == (name != "bias_hh_l0")
        assert parameter.grad is grads[name]
    assert all(torch.equal(grads[name], own) for name, own in values.items())  # type: ignore[arg-type]
    assert len(values) == 3
    assert inputs["input"].requires_grad
    assert inputs["input"].grad is of_input
    assert torch.equal(of_input, value)
    assert not inputs["h_0"].requires_grad


def test_cotangents_depend_on_seed_and_id_alone() -> None:
    def cotangents(id: str, seed: int) -> Tensors:
        module = nn.LSTM(3, 4)
        case = record(module, inputs_of(module), id=id, seed=seed, gradients=True)
        return decoded(case, "cotangents")

    first, again = cotangents("case", 0), cotangents("case", 0)
    assert list(first) == ["output", "h_n", "c_n"]
    assert all(torch.equal(first[name], again[name]) for name in first)
    for other in (cotangents("other", 0), cotangents("case", 1)):
        assert not any(torch.equal(first[name], other[name]) for name in first)
    assert not torch.equal(first["h_n"], first["c_n"])
    # An all-ones gradient hides a reversed sequence.
    assert all(len(set(own.flatten().tolist())) == own.numel() for own in first.values())

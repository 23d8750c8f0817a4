"""Every module of every dtype gives what torch gives, bit for bit."""

from typing import Any

import pytest
import torch
from torch import nn

from torch_parity import record
from torch_parity.fixture import EncodedTensor
from torch_parity.modules import Tensors


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def check_outputs(module: nn.Module, inputs: Tensors) -> None:
    """Outputs are the module's own, called as its page says, by names and in their order."""
    case = record(module, inputs, id="case")
    # torch sums in another order where a gradient is, or may be, asked for.
    module.eval().requires_grad_(False)
    states = [inputs[name] for name in ("h_0", "c_0") if name in inputs]
    given = (tuple(states) if len(states) == 2 else states[0]) if states else None
    with torch.no_grad():
        result = module(inputs["input"], given)
    result = result if isinstance(result, tuple) else (result,)
    if isinstance(module, nn.LSTM):
        result = (result[0], *result[1])
    names = ("h_1", "c_1") if isinstance(module, nn.RNNCellBase) else ("output", "h_n", "c_n")
    assert list(case["expected"]) == list(names[: len(result)])
    for name, wanted in zip(names, result, strict=False):
        recorded: EncodedTensor = case["expected"][name]
        assert recorded["data"] == bits(wanted), name
        assert recorded["shape"] == list(wanted.shape)
        assert recorded["dtype"] == case["dtype"]
    assert list(case["inputs"]) == list(inputs)
    assert all(case["inputs"][name]["data"] == bits(own) for name, own in inputs.items())
    state = module.state_dict()
    assert list(case["params"]) == list(state)
    assert all(case["params"][name]["data"] == bits(own) for name, own in state.items())


OPTIONS: list[dict[str, Any]] = [
    {"num_layers": 3},
    {"bidirectional": True, "num_layers": 2},
    {"batch_first": True, "bidirectional": True},
    {"bias": False},
]
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("torch_class", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_layer_of_any_dtype_gives_what_torch_gives_bit_for_bit(
    torch_class: type[nn.RNN | nn.LSTM | nn.GRU],
    dtype: torch.dtype,
    state: bool,
    options: dict[str, Any],
) -> None:
    torch.manual_seed(3)
    module = torch_class(3, 4, **options).to(dtype)
    inputs = {"input": torch.randn(5, 6, 3).to(dtype)}
    if state:
        rows = 5 if module.batch_first else 6
        count = module.num_layers * (1 + module.bidirectional)
        for name in ("h_0", "c_0") if torch_class is nn.LSTM else ("h_0",):
            inputs[name] = torch.randn(count, rows, 4).to(dtype)
    check_outputs(module, inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("torch_class", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("state", [True, False])
def test_a_cell_of_any_dtype_gives_what_torch_gives_bit_for_bit(
    torch_class: type[nn.RNNCell | nn.LSTMCell | nn.GRUCell], dtype: torch.dtype, state: bool
) -> None:
    torch.manual_seed(4)
    inputs = {"input": torch.randn(2, 3).to(dtype)}
    if state:
        for name in ("h_0", "c_0") if torch_class is nn.LSTMCell else ("h_0",):
            inputs[name] = torch.randn(2, 4).to(dtype)
    check_outputs(torch_class(3, 4).to(dtype), inputs)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_an_lstm_with_proj_size_gives_what_torch_gives_bit_for_bit() -> None:
    torch.manual_seed(5)
    inputs = {
        "input": torch.randn(5, 2, 3),
        "h_0": torch.randn(2, 2, 2),
        "c_0": torch.randn(2, 2, 4),
    }
    check_outputs(nn.LSTM(3, 4, proj_size=2, bidirectional=True), inputs)

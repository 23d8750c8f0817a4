"""Recorded states follow one from the other: each step can be judged alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torch_parity import record
from torch_parity.fixture import EncodedTensor, decode_tensor
from torch_parity.modules import Tensors, call, config_of
from torch_parity.record import step_states
from torch_parity.undecided import is_undecided, says_nothing
from torch_parity.values import Stream

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")

#: src/verify/compare.ts has the real one.
KAPPA = 4

Layer = type[nn.RNN | nn.LSTM | nn.GRU]
SEQ_LEN, BATCH, INPUT_SIZE, HIDDEN_SIZE = 7, 3, 2, 5

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "options": {"bidirectional": True, "num_layers": 3, "batch_first": True},
    "lengths": {"lengths": True, "bidirectional": True, "num_layers": 2},
    "unbatched": {"unbatched": True, "bidirectional": True},
    "no_state": {"no_state": True, "bias": False, "num_layers": 2},
}
PROJECTED = {f"proj_size-{name}": {"proj_size": 3, **variant} for name, variant in VARIANTS.items()}


def make(
    torch_class: Layer,
    *,
    lengths: bool = False,
    unbatched: bool = False,
    no_state: bool = False,
    **options: Any,
) -> tuple[nn.RNN | nn.LSTM | nn.GRU, Tensors]:
    torch.manual_seed(12)
    module = torch_class(INPUT_SIZE, HIDDEN_SIZE, **options)
    rows = () if unbatched else (BATCH,)
    first = module.batch_first and not unbatched
    shape = (*rows, SEQ_LEN) if first else (SEQ_LEN, *rows)
    inputs = {"input": torch.randn(*shape, INPUT_SIZE)}
    if not no_state:
        count = module.num_layers * (1 + module.bidirectional)
        inputs["h_0"] = torch.randn(count, *rows, module.proj_size or HIDDEN_SIZE)
        if torch_class is nn.LSTM:
            inputs["c_0"] = torch.randn(count, *rows, HIDDEN_SIZE)
    if lengths:
        inputs["lengths"] = torch.tensor([4, SEQ_LEN, 1])
    return module, inputs


def chaotic(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(12)
    return module


def states_of(module: nn.Module, inputs: Tensors) -> tuple[Tensors, dict[str, Any]]:
    name = type(module).__name__
    params = dict(module.state_dict())
    with torch.no_grad():
        return step_states(name, config_of(module), params, inputs, Stream("states"))


def lstm_step(own: Tensors, x: torch.Tensor, state: list[torch.Tensor]) -> list[torch.Tensor]:
    """h and c after one step of torch.nn.LSTM, as its page prints it."""
    gates = x @ own["weight_ih"].T + state[0] @ own["weight_hh"].T
    gates = gates + own.get("bias_ih", 0) + own.get("bias_hh", 0)
    i, f, g, o = gates.chunk(4, -1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return [h @ own["weight_hr"].T if "weight_hr" in own else h, c]


def gru_step(own: Tensors, x: torch.Tensor, state: list[torch.Tensor]) -> list[torch.Tensor]:
    from_input = x @ own["weight_ih"].T + own.get("bias_ih", 0)
    from_state = state[0] @ own["weight_hh"].T + own.get("bias_hh", 0)
    (r_i, z_i, n_i), (r_h, z_h, n_h) = from_input.chunk(3, -1), from_state.chunk(3, -1)
    z = torch.sigmoid(z_i + z_h)
    n = torch.tanh(n_i + torch.sigmoid(r_i + r_h) * n_h)
    return [n + z * (state[0] - n)]


def check_steps(
    module: nn.RNN | nn.LSTM | nn.GRU, inputs: Tensors, states: Tensors, budget: dict[str, Any]
) -> None:
    """Each recorded state is one step from the recorded one before it, within its budget."""
    step = lstm_step if isinstance(module, nn.LSTM) else gru_step
    directions = 1 + module.bidirectional
    layer_input = inputs["input"]
    initial = [inputs[name] for name in ("h_0", "c_0") if name in inputs]
    if layer_input.dim() == 2:
        layer_input = layer_input[:, None]
        initial = [state[:, None] for state in initial]
    elif module.batch_first:
        layer_input = layer_input.transpose(0, 1)
    batch = layer_input.shape[1]
    lengths = inputs.get("lengths", torch.full((batch,), SEQ_LEN)).tolist()
    checked = 0
    for layer in range(module.num_layers):
        for direction in range(directions):
            number = layer * directions + direction
            suffix = f"_l{layer}" + "_reverse" * direction
            own = {
                name.removesuffix(suffix): value.double()
                for name, value in module.state_dict().items()
                if name.endswith(suffix)
            }
            for row, length in enumerate(lengths):
                before = [state[number, row] for state in initial]
                before = before or [torch.zeros(t.shape[-1]) for t in states.values()]
                for t in range(length)[:: -1 if direction else 1]:
                    wanted = step(
                        own, layer_input[t, row].double(), [state.double() for state in before]
                    )
                    before = [tensor[t, number, row] for tensor in states.values()]
                    for name, recorded, exact in zip(states, before, wanted, strict=True):
                        allowed = budget[name][0, number, 0, 0]
                        assert 0 < allowed < 1e-4
                        error = (recorded.double() - exact).abs().max().item()
                        assert error <= allowed * (1 + 1e-6), (name, number, row, t)
                        checked += 1
        outputs = states["h_t"][:, layer * directions : (layer + 1) * directions]
        layer_input = outputs.transpose(1, 2).flatten(2)
    assert checked == sum(lengths) * module.num_layers * directions * len(states)


@pytest.mark.parametrize(
    ("torch_class", "variant"),
    [
        *((nn.LSTM, variant) for variant in {**VARIANTS, **PROJECTED}),
        *((nn.GRU, variant) for variant in VARIANTS),
    ],
)
@pytest.mark.parametrize("is_chaotic", [True, False])
def test_each_step_follows_from_the_one_before_within_its_budget(
    torch_class: Layer, variant: str, is_chaotic: bool
) -> None:
    module, inputs = make(torch_class, **{**VARIANTS, **PROJECTED}[variant])
    if is_chaotic:
        chaotic(module)
    states, budget = states_of(module, inputs)
    count = module.num_layers * (1 + module.bidirectional)
    rows = 1 if variant.endswith("unbatched") else BATCH
    widths = {"h_t": module.proj_size or HIDDEN_SIZE}
    widths |= {"c_t": HIDDEN_SIZE} if torch_class is nn.LSTM else {}
    assert {name: tuple(t.shape) for name, t in states.items()} == {
        name: (SEQ_LEN, count, rows, width) for name, width in widths.items()
    }
    assert budget.keys() == widths.keys()
    assert all(own.shape == (1, count, 1, 1) for own in budget.values())
    check_steps(module, inputs, states, budget)


@pytest.mark.parametrize("torch_class", [nn.RNN, nn.LSTM, nn.GRU])
def test_states_are_zero_past_a_length_and_only_there(torch_class: Layer) -> None:
    module, inputs = make(torch_class, **VARIANTS["lengths"])
    states, _ = states_of(module, inputs)
    for tensor in states.values():
        for row, length in enumerate(inputs["lengths"].tolist()):
            assert not tensor[length:, :, row].any()
            assert tensor[:length, :, row].abs().min() > 0


@pytest.mark.parametrize(
    ("torch_class", "variant"),
    [
        *((nn.LSTM, variant) for variant in {**VARIANTS, **PROJECTED}),
        *((cls, variant) for cls in (nn.GRU, nn.RNN) for variant in VARIANTS),
    ],
)
def test_the_last_states_are_those_of_the_free_run(torch_class: Layer, variant: str) -> None:
    module, inputs = make(torch_class, **{**VARIANTS, **PROJECTED}[variant])
    states, _ = states_of(module, inputs)
    with torch.no_grad():
        outputs = call(module, inputs)
    batch = states["h_t"].shape[2]
    lengths = inputs.get("lengths", torch.full((batch,), SEQ_LEN)).tolist()
    for name, tensor in states.items():
        free = outputs[name.replace("_t", "_n")].reshape(-1, batch, tensor.shape[-1])
        for number in range(len(free)):
            is_reverse = module.bidirectional and number % 2 == 1
            last = [0 if is_reverse else length - 1 for length in lengths]
            own = tensor[last, number, range(batch)]
            torch.testing.assert_close(own, free[number], rtol=0, atol=1e-6)


def array(tensor: EncodedTensor) -> torch.Tensor:
    return torch.tensor(decode_tensor(tensor))


@pytest.mark.parametrize("proj_size", [0, 3])
def test_a_case_holds_the_cell_states_where_errors_grow_and_only_there(proj_size: int) -> None:
    torch.manual_seed(13)
    module = nn.LSTM(3, 32, 2, proj_size=proj_size)
    x = torch.randn(60, 2, 3)
    assert "states" not in record(module, x, id="case")
    case = record(chaotic(module), x, id="case")
    shapes = {name: tensor["shape"] for name, tensor in case["states"].items()}
    assert shapes == {"h_t": [60, 2, 2, proj_size or 32], "c_t": [60, 2, 2, 32]}
    assert list(case["budget"]) == ["output", "h_n", "c_n", "h_t", "c_t"]
    # The free run is undecided at its end, a step never is.
    assert array(case["budget"]["output"])[-1].item() > 1e-3
    for name in ("h_t", "c_t"):
        largest = array(case["states"][name]).abs().max().item()
        assert array(case["budget"][name]).max().item() < 1e-4 * largest


def test_a_step_that_is_one_percent_off_is_outside_its_budget() -> None:
    module, inputs = make(nn.LSTM)
    chaotic(module)
    states, budget = states_of(module, inputs)
    with torch.no_grad():
        module.get_parameter("weight_hh_l0")[0, 0] *= 1.01
    wrong, _ = states_of(module, inputs)
    for name, tensor in states.items():
        off = np.abs((wrong[name] - tensor).numpy())[0, 0].max()
        assert off > KAPPA * budget[name].item()


@pytest.mark.parametrize(
    ("values", "budget", "today", "verdict"),
    [
        # Early steps are wide for the largest value.
        ([1.0, 0.5], [1e-7, 1e-4], True, False),
        # 4 budgets are more than 2^-10 of what shares them.
        ([1.0, 1e-4], [1e-7, 1e-5], True, True),
        ([1.0, 0.1], [1e-7, 1e-5], False, False),
        # Steps of one budget are one group, as src/verify/decide.ts has it.
        ([1.0, 1e-4], [1e-5, 1e-5], False, False),
        # Less than 32 roundings of the largest value is always decided.
        ([1.0, 0.0], [1e-7, 4e-7], False, False),
        ([1.0, 0.0], [1e-7, 6e-7], True, True),
        # Of NaN and infinities the kind is judged.
        ([1.0, float("nan")], [1e-7, 1e-5], False, False),
        ([1.0, float("inf")], [1e-7, 1e-5], False, False),
        # Subnormal numbers need none.
        ([0.0, 1e-40], [1e-45, 1e-40], False, False),
    ],
)
def test_states_are_wanted_where_a_verdict_would_be_undecided(
    values: list[float], budget: list[float], today: bool, verdict: bool
) -> None:
    output = torch.tensor(values)[:, None, None]
    own = np.array(budget)[:, None, None]
    assert says_nothing(output, own) == verdict
    assert is_undecided(output, own) == today


def test_a_case_holds_states_where_a_last_state_alone_is_undecided() -> None:
    module: Any = nn.RNN(2, 2, 2)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.fill_(0.1 if name.endswith("_l1") else 0.0)
        # Differences of what is nearly equal are nothing but rounding.
        module.weight_ih_l0.copy_(torch.tensor([[9.0, -9.0], [9.0, -9.0]]))
    x = torch.full((3, 2, 2), 1.0)
    x[..., 1] += 1e-6
    case = record(module, x, id="case")
    output = array(case["expected"]["output"])
    assert not is_undecided(output, decode_tensor(case["budget"]["output"]))
    assert "states" in case
    assert "states" not in record(module, x * torch.tensor([1.0, 0.5]), id="case")

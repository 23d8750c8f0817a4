"""What is recorded is what the user's own module gives; else nothing is, and the reason is said."""

import re
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from torch_parity import record
from torch_parity.agreement import departure
from torch_parity.fixture import decode_tensor
from torch_parity.training import SGD

STEPS = {**SGD, "steps": 2}
DIFFERS = r"expected what the module itself gives, got a recording that differs from it by up to "


def made(torch_class: type[nn.Module] = nn.LSTM, **options: Any) -> nn.Module:
    torch.manual_seed(3)
    return torch_class(3, 4, **options)


def sequence() -> torch.Tensor:
    return torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(4))


def chaotic() -> tuple[nn.Module, torch.Tensor]:
    """Rounding alone leads to other numbers here, late in the sequence."""
    torch.manual_seed(5)
    module = nn.LSTM(3, 32)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(12)
    return module, torch.randn(90, 2, 3)


def scale_output(module: nn.Module, args: Any, outputs: Any) -> Any:
    return (outputs[0] * 1.001, outputs[1])


def scale_state(module: nn.Module, args: Any, outputs: Any) -> Any:
    h_n, c_n = outputs[1]
    return (outputs[0], (h_n, c_n * 1.001))


def double_input(module: nn.Module, args: Any) -> Any:
    return (args[0] * 2, *args[1:])


def look(module: nn.Module, args: Any, outputs: Any) -> None:
    assert isinstance(outputs[0], torch.Tensor)


def first_only(module: nn.Module, args: Any, outputs: Any) -> Any:
    return outputs[0]


def patched(module: nn.Module) -> None:
    forward = module.forward

    def shifted(self: nn.Module, *args: Any) -> Any:
        output, state = forward(*args)
        return output + 1e-3, state

    module.forward = types.MethodType(shifted, module)


def test_a_forward_hook_that_changes_what_comes_out_is_noticed() -> None:
    module = made()
    module.register_forward_hook(scale_output)
    reason = (
        r"likely because it has forward hooks \(.*test_agreement\.scale_output\)\n"
        r"take that off: what torch\.nn\.LSTM computes can be recorded, and nothing else$"
    )
    with pytest.raises(
        ValueError,
        match=rf"^case: output: {DIFFERS}0\.000\d+, where rounding allows \S+e-07\n{reason}",
    ):
        record(module, sequence(), id="case")


def test_a_hook_on_one_state_is_noticed_by_its_name() -> None:
    module = made()
    module.register_forward_hook(scale_state)
    with pytest.raises(ValueError, match=rf"^case: c_n: {DIFFERS}"):
        record(module, sequence(), id="case")


def test_a_forward_pre_hook_that_changes_what_goes_in_is_noticed() -> None:
    module = made(nn.GRU)
    module.register_forward_pre_hook(double_input)
    with pytest.raises(
        ValueError, match=rf"^case: output: {DIFFERS}(.*\n)+?.*forward pre hooks \(.*double_input\)"
    ):
        record(module, sequence(), id="case")


def test_a_hook_that_writes_into_what_goes_in_is_noticed_and_the_input_stays() -> None:
    module, x = made(nn.RNN), sequence()

    def write(module: nn.Module, args: Any) -> None:
        args[0].mul_(2)

    module.register_forward_pre_hook(write)
    with pytest.raises(ValueError, match=rf"^case: output: {DIFFERS}"):
        record(module, x, id="case")
    assert torch.equal(x, sequence())


def test_a_hook_that_looks_and_changes_nothing_is_no_reason_to_refuse() -> None:
    module = made()
    plain = record(module, sequence(), id="case")
    module.register_forward_hook(look)
    assert record(module, sequence(), id="case") == plain


def test_outputs_of_another_form_are_noticed() -> None:
    module = made()
    module.register_forward_hook(first_only)
    with pytest.raises(
        ValueError,
        match=r"^case: expected the module itself to give what torch\.nn\.LSTM gives, "
        r"got ValueError: too many values to unpack(.*\n)+likely because it has forward hooks",
    ):
        record(module, sequence(), id="case")


def test_a_patched_forward_is_noticed() -> None:
    module = made()
    patched(module)
    with pytest.raises(
        ValueError,
        match=rf"^case: output: {DIFFERS}0\.001,(.*\n)+likely because its forward was "
        r"replaced by .*shifted",
    ):
        record(module, sequence(), id="case")


def test_weights_that_the_module_does_not_compute_with_are_noticed() -> None:
    module: Any = made()
    module._flat_weights[1] = torch.zeros(16, 4)
    with pytest.raises(
        ValueError,
        match=rf"^case: output: {DIFFERS}(.*\n)+?likely because it computes with other "
        r"_flat_weights than its parameters\n",
    ):
        record(module, sequence(), id="case")


def test_a_patch_of_torchs_own_class_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = nn.GRU.forward

    def louder(self: nn.GRU, *args: Any) -> Any:
        output, h_n = forward(self, *args)
        return output * 2, h_n

    monkeypatch.setattr(nn.GRU, "forward", louder)
    with pytest.raises(
        ValueError,
        match=r"^case: expected torch's own torch\.nn\.GRU\.forward, got .*louder in its place\n"
        r"take the patch off while you record$",
    ):
        record(made(nn.GRU), sequence(), id="case")


@pytest.fixture
def global_hooks() -> Iterator[list[Any]]:
    handles: list[Any] = []
    yield handles
    for handle in handles:
        handle.remove()


def test_hooks_of_all_modules_are_noticed(global_hooks: list[Any]) -> None:
    global_hooks.append(register_module_forward_hook(scale_output))
    with pytest.raises(
        ValueError, match=rf"^case: output: {DIFFERS}(.*\n)+?.*there are global forward hooks"
    ):
        record(made(), sequence(), id="case")
    global_hooks.pop().remove()
    global_hooks.append(register_module_forward_pre_hook(double_input))
    with pytest.raises(ValueError, match=r"there are global forward pre hooks"):
        record(made(), sequence(), id="case")


def test_in_a_chaotic_run_as_well_a_hook_is_noticed() -> None:
    module, x = chaotic()
    case = record(module, x, id="case")
    assert "states" in case
    # More than what the hook does would be within the budget.
    assert decode_tensor(case["budget"]["output"])[-1].min() > 0.002

    def shift_the_end(module: nn.Module, args: Any, outputs: Any) -> Any:
        output = outputs[0].clone()
        output[-1] *= 1.002
        return (output, outputs[1])

    module.register_forward_hook(shift_the_end)
    with pytest.raises(ValueError, match=rf"^case: output: {DIFFERS}"):
        record(module, x, id="case")


def double_gradient(module: nn.Module, given: Any, wanted: Any) -> Any:
    return tuple(None if gradient is None else gradient * 2 for gradient in given)


def test_hooks_of_the_backward_pass_are_noticed_where_gradients_are_recorded() -> None:
    module = made()
    module.register_full_backward_hook(double_gradient)
    record(module, sequence(), id="case")
    with pytest.raises(
        ValueError, match=rf"^case: grad_input: {DIFFERS}(.*\n)+?.*backward hooks \(.*double"
    ):
        record(module, sequence(), id="case", gradients=True)


@pytest.mark.parametrize("options", [{"gradients": True}, {"training": STEPS}])
def test_hooks_of_parameters_are_noticed_in_gradients_and_trainings(
    options: dict[str, Any],
) -> None:
    module = made(nn.GRU)
    weight: Any = module.get_parameter("weight_hh_l0")
    weight.register_hook(lambda gradient: gradient * 2)
    inputs = {"input": sequence()}
    record(module, inputs, id="case")
    if "training" in options:
        inputs["target"] = torch.zeros(5, 2, 4)
    with pytest.raises(
        ValueError, match=rf"^case: grad_weight_hh_l0: {DIFFERS}(.*\n)+?.*parameters have hooks"
    ):
        record(module, inputs, id="case", **options)


def test_a_hook_is_noticed_in_a_training_as_well() -> None:
    module = made()
    module.register_forward_hook(scale_output)
    inputs = {"input": sequence(), "target": torch.zeros(5, 2, 4)}
    with pytest.raises(ValueError, match=rf"^case: output: {DIFFERS}"):
        record(module, inputs, id="case", training=STEPS)


@pytest.mark.parametrize("torch_class", [nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.GRUCell])
def test_autocast_that_changes_the_numbers_is_refused(torch_class: type[nn.Module]) -> None:
    x = sequence() if issubclass(torch_class, nn.RNNBase) else sequence()[0]
    with (
        torch.autocast("cpu", dtype=torch.bfloat16),
        pytest.raises(
            ValueError, match=r"^case: (.*\n)+?likely because autocast to bfloat16 is on for cpu\n"
        ),
    ):
        record(made(torch_class), x, id="case")


@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
def test_autocast_that_changes_nothing_is_off_inside() -> None:
    plain = record(made(nn.GRU), sequence(), id="case", gradients=True)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        case = record(made(nn.GRU), sequence(), id="case", gradients=True)
    with torch.autocast("cpu", enabled=False):
        assert record(made(nn.GRU), sequence(), id="case", gradients=True) == plain
    assert case == plain


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("dropout", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"gradients": True}, {"training": STEPS}], ids=["run", "gradients", "training"]
)
def test_dropout_is_no_departure_in_whatever_mode_the_module_is(
    is_training: bool, dropout: bool, options: dict[str, Any]
) -> None:
    module = made(num_layers=2, dropout=0.5).train(is_training)
    module.register_forward_hook(look)
    inputs = {"input": sequence()}
    if "training" in options:
        inputs["target"] = torch.zeros(5, 2, 4)
    state = torch.get_rng_state()
    case = record(module, inputs, id="case", dropout=dropout, **options)
    assert ("dropout_mask" in case["inputs"]) == dropout
    assert module.training == is_training
    assert torch.equal(state, torch.get_rng_state())


def test_with_masks_as_well_a_hook_is_noticed() -> None:
    module = made(num_layers=2, dropout=0.5)
    module.register_forward_hook(scale_output)
    with pytest.raises(ValueError, match=rf"^case: output: {DIFFERS}"):
        record(module, sequence(), id="case", dropout=True)


def test_what_hooks_draw_and_write_is_put_back() -> None:
    module = made()
    module.register_buffer("calls", torch.zeros(()))

    def busy(module: nn.Module, args: Any, outputs: Any) -> None:
        module.get_buffer("calls").add_(1)
        torch.rand(3)

    module.register_forward_hook(busy)
    state = torch.get_rng_state()
    record(module, sequence(), id="case")
    record(module, sequence(), id="case", gradients=True)
    assert module.get_buffer("calls").item() == 0
    assert torch.equal(state, torch.get_rng_state())
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize(
    "options", [{}, {"gradients": True}, {"training": STEPS}], ids=["run", "gradients", "training"]
)
@pytest.mark.parametrize("inside", ["module", "input", "both"])
def test_inference_mode_changes_nothing(inside: str, options: dict[str, Any]) -> None:
    def inputs() -> dict[str, torch.Tensor]:
        given = {"input": sequence()}
        return {**given, "target": torch.zeros(5, 2, 4)} if "training" in options else given

    plain = record(made(nn.GRU), inputs(), id="case", **options)
    module, given = made(nn.GRU), inputs()
    with torch.inference_mode():
        if inside in ("module", "both"):
            module = made(nn.GRU)
        if inside in ("input", "both"):
            given = inputs()
        assert record(module, given, id="case", **options) == plain
        assert torch.is_inference_mode_enabled()
    assert record(module, given, id="case", **options) == plain


def test_no_grad_changes_nothing() -> None:
    plain = record(made(), sequence(), id="case", gradients=True)
    with torch.no_grad():
        assert record(made(), sequence(), id="case", gradients=True) == plain
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize(
    "options", [{}, {"gradients": True}, {"training": {**STEPS, "optimizer": "Adam"}}]
)
def test_other_defaults_of_torch_change_nothing(options: dict[str, Any]) -> None:
    options = dict(options)
    inputs = {"input": sequence()}
    if "training" in options:
        options["training"] = {"optimizer": "Adam", "steps": 2}
        inputs["target"] = torch.zeros(5, 2, 4)
    module = made()
    plain = record(module, inputs, id="case", **options)
    torch.set_default_dtype(torch.float64)
    try:
        assert record(module, inputs, id="case", **options) == plain
    finally:
        torch.set_default_dtype(torch.float32)
    torch.set_default_device("meta")
    try:
        assert record(module, inputs, id="case", **options) == plain
    finally:
        torch.set_default_device(None)


def test_states_are_recorded_whatever_the_default_device_is() -> None:
    module, x = chaotic()
    plain = record(module, x, id="case")
    assert "states" in plain
    with torch.device("meta"):
        assert record(module, x, id="case") == plain


@pytest.mark.parametrize("dropout", [True, False])
def test_lengths_and_masks_take_no_notice_of_the_default_device(dropout: bool) -> None:
    module = made(num_layers=2, dropout=0.5)
    inputs = {"input": sequence(), "lengths": torch.tensor([2, 5])}
    plain = record(module, inputs, id="case", dropout=dropout)
    with torch.device("meta"):
        assert record(module, inputs, id="case", dropout=dropout) == plain


def test_a_departure_is_more_than_rounding_and_never_nan() -> None:
    a = torch.tensor([1.0, float("nan"), float("inf"), 0.0])
    assert departure(a, a.clone(), None, is_strict=False) is None
    for wrong in (float("nan"), float("inf")):
        off = a.clone()
        off[3] = wrong
        found = departure(off, a, None, is_strict=False)
        assert found is not None
        assert found[0] == float("inf")
    assert departure(a * 1.001, a, None, is_strict=False) is not None


def test_the_message_names_the_difference() -> None:
    module = made()
    module.register_forward_hook(
        lambda module, args, outputs: (outputs[0] * float("nan"), outputs[1])
    )
    with pytest.raises(ValueError, match=re.escape("differs from it by NaN or infinities")):
        record(module, sequence(), id="case")

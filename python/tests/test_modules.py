"""A dropout mask acts where torch's own dropout does, and nowhere else."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torch_parity import Case, record
from torch_parity.fixture import decode_tensor
from torch_parity.modules import Tensors, build, call, config_of, dropping_out

P = 0.3
SEQ_LEN, BATCH, INPUT_SIZE, HIDDEN_SIZE, NUM_LAYERS = 5, 4, 3, 4, 3

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")

Layer = type[nn.RNN | nn.LSTM | nn.GRU]
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "bidirectional": {"bidirectional": True},
    "batch_first": {"batch_first": True, "bidirectional": True},
    "lengths": {"lengths": True, "bidirectional": True},
    "lengths-batch_first": {"lengths": True, "batch_first": True},
    "unbatched": {"unbatched": True},
    "no_state": {"no_state": True},
    "proj_size": {"proj_size": 2, "bidirectional": True},
}
EVERY: list[tuple[Layer, str]] = [
    (torch_class, variant)
    for torch_class in (nn.RNN, nn.LSTM, nn.GRU)
    for variant in VARIANTS
    if torch_class is nn.LSTM or variant != "proj_size"
]


def make(
    torch_class: Layer,
    dtype: torch.dtype,
    *,
    lengths: bool = False,
    unbatched: bool = False,
    no_state: bool = False,
    **options: Any,
) -> tuple[nn.RNN | nn.LSTM | nn.GRU, Tensors]:
    """A module with dropout, and what goes into it but for the mask."""
    torch.manual_seed(3)
    module = torch_class(INPUT_SIZE, HIDDEN_SIZE, NUM_LAYERS, dropout=P, dtype=dtype, **options)
    rows = () if unbatched else (BATCH,)
    shape = (*rows, SEQ_LEN) if module.batch_first else (SEQ_LEN, *rows)
    inputs = {"input": torch.randn(*shape, INPUT_SIZE, dtype=dtype)}
    if not no_state:
        count = NUM_LAYERS * (1 + module.bidirectional)
        for name in ("h_0", "c_0") if torch_class is nn.LSTM else ("h_0",):
            units = module.proj_size if name == "h_0" and module.proj_size else HIDDEN_SIZE
            inputs[name] = torch.randn(count, *rows, units, dtype=dtype)
    if lengths:
        inputs["lengths"] = torch.tensor([2, 5, 1, 3])
    return module, inputs


def one_by_one(module: nn.RNN | nn.LSTM | nn.GRU, inputs: Tensors, masks: torch.Tensor) -> Tensors:
    """output, h_n and c_n from modules of one layer in evaluation mode, and masks in between."""
    directions = 1 + module.bidirectional
    # Time first in between: the strides decide how torch sums.
    turned = module.batch_first and inputs["input"].dim() == 3
    input, lengths = inputs["input"], inputs.get("lengths")
    input = input.transpose(0, 1) if turned else input
    states: dict[str, list[torch.Tensor]] = {"h_n": [], "c_n": []}
    for layer in range(NUM_LAYERS):
        options = {**config_of(module), "num_layers": 1, "dropout": 0.0, "batch_first": False}
        single = type(module)(**{**options, "input_size": input.shape[-1]}, dtype=input.dtype)
        own = {
            name.replace(f"_l{layer}", "_l0"): parameter
            for name, parameter in module.state_dict().items()
            if f"_l{layer}" in name
        }
        single.load_state_dict(own)
        # Like the recorder's modules: torch sums in another order where a weight has a gradient.
        single.eval().requires_grad_(False)
        rows = slice(layer * directions, (layer + 1) * directions)
        given = [inputs[name][rows] for name in ("h_0", "c_0") if name in inputs]
        state = (tuple(given) if len(given) == 2 else given[0]) if given else None
        if lengths is None:
            input, after = single(input, state)
        else:
            packed = pack_padded_sequence(input, lengths, enforce_sorted=False)
            packed_output, after = single(packed, state)
            input, _ = pad_packed_sequence(packed_output, total_length=SEQ_LEN)
        states["h_n"].append(after[0] if isinstance(after, tuple) else after)
        if isinstance(after, tuple):
            states["c_n"].append(after[1])
        if layer < NUM_LAYERS - 1:
            mask = masks[layer][:, 0] if input.dim() == 2 else masks[layer]
            # torch divides the mask, not the product: that rounds once less.
            input = input * (mask / (1 - P))
    output = input.transpose(0, 1) if turned else input
    return {"output": output, **{name: torch.cat(own) for name, own in states.items() if own}}


def tensor(case: Case, group: str, name: str) -> torch.Tensor:
    return torch.tensor(decode_tensor(case[group][name]))  # type: ignore[literal-required]


@pytest.mark.parametrize(("torch_class", "variant"), EVERY)
def test_a_mask_acts_between_layers_bit_for_bit_in_float64(
    torch_class: Layer, variant: str
) -> None:
    module, inputs = make(torch_class, torch.float64, **VARIANTS[variant])
    case = record(module, inputs, id="case", dropout=True)
    masks = tensor(case, "inputs", "dropout_mask")
    rows = 1 if variant == "unbatched" else BATCH
    width = (module.proj_size or HIDDEN_SIZE) * (1 + module.bidirectional)
    assert masks.shape == (NUM_LAYERS - 1, SEQ_LEN, rows, width)
    assert set(masks.flatten().tolist()) == {0.0, 1.0}
    with torch.no_grad():
        wanted = one_by_one(module, inputs, masks)
    assert case["expected"].keys() == wanted.keys()
    for name, own in wanted.items():
        assert tensor(case, "expected", name).numpy().tobytes() == own.numpy().tobytes(), name
    without = tensor(record(module, inputs, id="case"), "expected", "output")
    assert not torch.equal(without, wanted["output"])


@pytest.mark.parametrize(("torch_class", "variant"), EVERY)
def test_a_mask_acts_between_layers_within_rounding_in_float32(
    torch_class: Layer, variant: str
) -> None:
    module, inputs = make(torch_class, torch.float32, **VARIANTS[variant])
    case = record(module, inputs, id="case", dropout=True)
    with torch.no_grad():
        wanted = one_by_one(module, inputs, tensor(case, "inputs", "dropout_mask"))
    for name, own in wanted.items():
        torch.testing.assert_close(tensor(case, "expected", name), own, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("torch_class", "variant"), EVERY)
def test_gradients_pass_through_the_mask(torch_class: Layer, variant: str) -> None:
    module, inputs = make(torch_class, torch.float64, **VARIANTS[variant])
    case = record(module, inputs, id="case", dropout=True, gradients=True)
    leaf = inputs["input"].clone().requires_grad_()
    masks = tensor(case, "inputs", "dropout_mask")
    wanted = one_by_one(module, {**inputs, "input": leaf}, masks)
    total = sum((tensor(case, "cotangents", name) * own).sum() for name, own in wanted.items())
    (gradient,) = torch.autograd.grad(total, leaf)  # type: ignore[arg-type]
    torch.testing.assert_close(tensor(case, "expected", "grad_input"), gradient, rtol=0, atol=1e-13)
    assert "grad_dropout_mask" not in case["expected"]


def built(num_layers: int) -> tuple[nn.Module, Tensors]:
    torch.manual_seed(4)
    module = nn.GRU(2, 3, num_layers, dropout=0.5)
    return build("GRU", config_of(module), dict(module.state_dict())), {
        "input": torch.randn(4, 2, 2)
    }


def test_a_mask_too_many_is_refused() -> None:
    module, inputs = built(2)
    with pytest.raises(RuntimeError, match=r"^expected torch to draw 2 masks, it drew 1$"):
        call(module, {**inputs, "dropout_mask": torch.ones(2, 4, 2, 3)})
    assert not module.training


def test_a_mask_too_few_is_refused() -> None:
    module, inputs = built(3)
    with pytest.raises(RuntimeError, match="expected torch to draw 1 masks, it draws more"):
        call(module, {**inputs, "dropout_mask": torch.ones(1, 4, 2, 3)})
    assert not module.training


def test_it_is_in_training_mode_only_while_it_runs() -> None:
    module, inputs = built(2)
    with dropping_out(module, {**inputs, "dropout_mask": torch.ones(1, 4, 2, 3)}):
        assert module.training
        module(inputs["input"])
    assert not module.training
    with dropping_out(module, inputs):
        assert not module.training


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_left_in_its_mode(training: bool) -> None:
    module, inputs = make(nn.LSTM, torch.float32)
    module.train(training)
    record(module, inputs, id="case", dropout=True, gradients=True)
    assert [own.training for own in module.modules()] == [training]


def masks_of(torch_class: Layer, dtype: torch.dtype, id: str, seed: int) -> torch.Tensor:
    module, inputs = make(torch_class, dtype)
    case = record(module, inputs, id=id, seed=seed, dropout=True)
    return tensor(case, "inputs", "dropout_mask").double()


def test_masks_depend_on_seed_and_id_alone() -> None:
    first = masks_of(nn.RNN, torch.float32, "case", 0)
    assert torch.equal(masks_of(nn.LSTM, torch.float64, "case", 0), first)
    assert not torch.equal(masks_of(nn.RNN, torch.float32, "other", 0), first)
    assert not torch.equal(masks_of(nn.RNN, torch.float32, "case", 1), first)
    assert not torch.equal(first[0], first[1])


def test_a_mask_is_zero_with_the_probability_of_dropout() -> None:
    module = nn.RNN(1, 100, 2, dropout=0.1)
    case = record(module, torch.zeros(10, 10, 1), id="case", dropout=True)
    zeros = float(np.mean(decode_tensor(case["inputs"]["dropout_mask"]) == 0))
    assert abs(zeros - 0.1) < 0.01

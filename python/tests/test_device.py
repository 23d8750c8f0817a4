"""Where torch computes. The meta device stands for a GPU: its tensors have shapes and no
numbers, and operations refuse to mix them with the CPU's as they refuse a GPU's."""

import argparse
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from torch_parity import suites
from torch_parity.cases import CaseSpec, generate
from torch_parity.device import CPU, describe, find_device, run_on, tensor_float_32
from torch_parity.dump import add_arguments, dump
from torch_parity.errors import UsageError
from torch_parity.fixture import producer
from torch_parity.models import EncoderDecoder, build_model
from torch_parity.models.blocks import cross_entropy, mean_over_time
from torch_parity.modules import DropoutMask, Tensors, build, call, call_with_gradients
from torch_parity.record_model import evaluate_model, run_model
from torch_parity.suites.models import ModelSpec, generate_model, model_suites
from torch_parity.training import ADAM, train

CUDA = torch.device("cuda:0")
META = torch.device("meta")
GENERAL = {"num_layers": 2, "bias": True, "batch_first": True, "dropout": 0.5}


@pytest.mark.parametrize("name", ["tpu", "meta", "cuda:x", ""])
def test_another_device_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^--device: expected cpu, cuda or cuda:N, got {name}$"):
        find_device(name)


def test_a_gpu_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert find_device("cuda").type == "cuda"
    version = re.escape(torch.__version__)
    wanted = (
        f"^--device: expected a GPU that torch {version} can use, got cuda:1 of 1\n"
        "a torch that is built for the GPU's driver, or --device cpu$"
    )
    with pytest.raises(ValueError, match=wanted):
        find_device("cuda:1")


def test_the_command_says_what_is_wrong_with_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(UsageError, match="got cuda of 0\n"):
        dump(parser.parse_args(["--device", "cuda"]))
    with pytest.raises(UsageError, match="--tf32: expected a --device that has it, got cpu"):
        dump(parser.parse_args(["--tf32"]))


def test_tf32_is_allowed_for_a_while() -> None:
    def allowed() -> tuple[bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    before = allowed()
    for wanted in (True, False):
        with tensor_float_32(wanted):
            assert allowed() == (wanted, wanted)
        assert allowed() == before


def test_a_header_names_the_device_and_not_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of {device}")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    with tensor_float_32(True):
        about = {"device": "cuda:0: GPU of cuda:0", "cudnn": "91002", "tf32": True}
        assert describe(CUDA) == about
        assert producer(CUDA) == {**producer(), **about}
    assert describe(CPU) == {}


def test_a_mask_stands_where_a_gpu_draws_its_dropout() -> None:
    x = torch.arange(1.0, 7.0).requires_grad_()
    mask = torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]])
    with DropoutMask(mask, None) as mode:
        dropped, kept = torch.ops.aten.native_dropout(x, 0.25, True)
    assert mode.used == 1
    assert kept.dtype == torch.bool
    assert torch.equal(dropped, x * mask[0] / 0.75)
    (gradient,) = torch.autograd.grad(dropped.sum(), [x])
    assert torch.allclose(gradient, mask[0] / 0.75)


Compute = Callable[[torch.nn.Module, Tensors], Tensors]


def watched(compute: Compute, module: torch.nn.Module, there: Tensors) -> Tensors:
    """Computes, sees that all of it is on the device, and gives what can be brought back."""
    given = compute(module, there)
    assert {tensor.device for tensor in given.values()} == {META}
    return {name: torch.zeros(tensor.shape) for name, tensor in given.items()}


def params_of(name: str, config: dict[str, Any]) -> Tensors:
    return dict(getattr(torch.nn, name)(**config).state_dict())


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_everything_that_is_computed_with_is_brought_to_the_device(name: str) -> None:
    config: dict[str, Any] = {"input_size": 3, "hidden_size": 4, "bias": True}
    is_cell = name.endswith("Cell")
    if not is_cell:
        config |= {**GENERAL, "bidirectional": True}
    params = params_of(name, config)
    given = {"input": torch.zeros(2, 3) if is_cell else torch.zeros(2, 5, 3)}
    outputs = call(build(name, config, params), given)
    cotangents = {key: torch.ones_like(tensor) for key, tensor in outputs.items()}
    given |= {"target": next(iter(outputs.values())), **cotangents}
    computations: list[Compute] = [
        lambda module, there: call(module, {"input": there["input"]}),
        lambda module, there: call_with_gradients(
            module, {"input": there["input"]}, {key: there[key] for key in cotangents}
        ),
        lambda module, there: train(
            module, {"input": there["input"]}, there["target"], {**ADAM, "steps": 2}
        ),
    ]
    for compute in computations:
        back = run_on(META, partial(watched, compute), partial(build, name, config), params, given)
        assert back.keys() & {*outputs, "loss"}
        for key in back.keys() & outputs.keys():
            assert back[key].shape == outputs[key].shape


@pytest.mark.parametrize(
    "spec",
    # The meta device has no packed sequences; lengths are for the next test.
    [
        spec
        for specs in model_suites().values()
        for spec in specs
        if spec.model != "char_rnn" and spec.lengths is None
    ],
    ids=lambda spec: f"{spec.model}-{spec.id}",
)
def test_models_make_what_they_need_on_the_device(spec: ModelSpec) -> None:
    asked: list[tuple[Any, ...]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suites.models, "record_model", lambda *a, **k: asked.append(a))
        generate_model("suite", spec, 0)
    ((name, config, params, inputs),) = asked
    computed = evaluate_model(name, config, params, inputs)
    back = run_on(
        META, partial(watched, run_model), partial(build_model, name, config), params, inputs
    )
    assert {key: tensor.shape for key, tensor in back.items()} == {
        key: tensor.shape for key, tensor in computed.items()
    }


def test_lengths_of_the_cpu_reach_what_is_on_the_device() -> None:
    lengths = torch.tensor([3, 1])
    states, target = torch.zeros(3, 2, 4, device=META), torch.zeros(3, 2, dtype=torch.long)
    assert mean_over_time(states, lengths).device == META
    assert cross_entropy(states, target.to(META), lengths).device == META
    sizes = {"source_embeddings": 5, "target_embeddings": 5, "embedding_dim": 3, "hidden_size": 4}
    model = EncoderDecoder(
        rnn="GRU",
        context="dot",
        injection="every_step",
        decoding="greedy",
        max_len=2,
        bos=0,
        eos=1,
        device=META,
        **sizes,
    )
    assert model.attend(torch.zeros(2, 4, device=META), states, lengths).device == META


def test_masks_turn_cudnn_off_and_gradients_turn_its_dropout_off() -> None:
    config = {"input_size": 3, "hidden_size": 4, **GENERAL, "bidirectional": False}
    seen: list[object] = []

    def look(module: torch.nn.Module, there: Tensors) -> Tensors:
        seen.append((torch.backends.cudnn.enabled, module.training, module.dropout))
        return {}

    masked = {"dropout_mask": torch.ones(1, 5, 2, 4)}
    for given in ({}, masked):
        run_on(META, look, partial(build, "GRU", config), params_of("GRU", config), given)
    assert seen == [(True, True, 0.0), (False, False, 0.5)]


def test_the_cpu_is_what_it_was_without_a_device() -> None:
    spec = CaseSpec(id="a", module="LSTM", input_size=2, hidden_size=3, gradients=True)
    assert generate("suite", spec, 0) == generate("suite", spec, 0, CPU)

"""Records one run of a model: every tensor on its way, and the error each may have."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_parity.budget import (
    RUNS,
    UNIT,
    Array,
    RoundedActivations,
    measure,
    noise_bound,
    perturb,
    perturb_sums,
    sees_rounding,
)
from torch_parity.device import CPU, run_on
from torch_parity.fixture import Case, encode_tensor
from torch_parity.given import quiet
from torch_parity.ids import check_id
from torch_parity.models import build_model
from torch_parity.modules import Tensors
from torch_parity.record import check_kinds, encode
from torch_parity.threads import own_threads
from torch_parity.values import Stream
from torch_parity.weights import plain_tensor

#: What goes in as whole numbers.
SYMBOLS = ("source", "target", "lengths", "forced")


def record_model(
    name: str,
    config: Mapping[str, Any],
    params: Tensors,
    inputs: Tensors,
    *,
    id: str,
    seed: int = 0,
    gradients: bool = False,
    device: torch.device = CPU,
    budget: bool = True,
) -> Case:
    """Records a model of torch_parity.models.

    params: its state_dict; inputs: see the model's forward. gradients: also those of the loss by
    everything that went in, times a random number. device: where the expected outputs are computed.
    budget: measured here; else whoever judges measures it.
    As `record`, it takes one thread and no autocast.

    Raises:
        ValueError: The run overflows in between, or there is no loss to take gradients of.
    """
    check_id(id)
    with own_threads(), quiet():
        params = {key: plain_tensor(value) for key, value in params.items()}
        dtype = next(iter(params.values())).dtype
        cotangent = torch.as_tensor(Stream(seed, id, "cotangent", "loss").normal()).to(dtype)
        given = {**inputs, **({"cotangent": cotangent} if gradients else {})}
        expected = run_on(device, run_model, partial(build_model, name, config), params, given)
        if gradients and "loss" not in expected:
            raise ValueError(f"{id}: expected a target, of which a loss is made, got none")
        case: Case = {
            "id": id,
            "module": name,
            "config": dict(config),
            "dtype": str(dtype).removeprefix("torch."),
            "params": encode(params),
            "inputs": encode(inputs),
            "expected": encode({key: tensor.to(dtype) for key, tensor in expected.items()}),
        }
        if budget:
            noise = Stream(seed, id, "noise")
            measured = model_budget(name, config, params, given, expected, noise, id)
            case["budget"] = {key: encode_tensor(value) for key, value in measured.items()}
        elif not all(bool(torch.isfinite(tensor).all()) for tensor in expected.values()):
            # What is finite is so in float64, where less overflows.
            exact_reference(name, config, params, given, expected, id)
        if gradients:
            case["cotangents"] = encode({"loss": cotangent})
        return case


def evaluate_model(
    name: str, config: Mapping[str, Any], params: Tensors, given: Tensors
) -> Tensors:
    return run_model(build_model(name, config, params), given)


def run_model(model: nn.Module, given: Tensors) -> Tensors:
    """What the model names, and the gradients where a cotangent of the loss is given."""
    inputs = {key: tensor for key, tensor in given.items() if key != "cotangent"}
    if "cotangent" not in given:
        with torch.no_grad():
            return dict(model(inputs))
    with torch.enable_grad():
        leaves = {key: inputs[key].detach().requires_grad_() for key in ("input",) if key in inputs}
        wanted = {**leaves, **dict(model.requires_grad_().named_parameters())}
        outputs = model({**inputs, **leaves})
        gradients = torch.autograd.grad(outputs["loss"], list(wanted.values()), given["cotangent"])
        model.requires_grad_(False)
    named = {f"grad_{key}": grad for key, grad in zip(wanted, gradients, strict=True)}
    return {key: tensor.detach() for key, tensor in {**outputs, **named}.items()}


def exact_of(given: Tensors) -> Tensors:
    return {key: value if key in SYMBOLS else value.double() for key, value in given.items()}


def exact_reference(
    name: str,
    config: Mapping[str, Any],
    params: Tensors,
    given: Tensors,
    expected: Tensors,
    where: str,
) -> Tensors:
    """The run in float64, with the symbols that were chosen.

    Raises:
        ValueError: The run overflows in between.
    """
    if "symbols" in expected:
        given = {**given, "forced": expected["symbols"]}
    exact_params = {key: value.double() for key, value in params.items()}
    reference = evaluate_model(name, config, exact_params, exact_of(given))
    for key, tensor in expected.items():
        check_kinds(tensor, reference[key], f"{where}: {key}")
    return reference


def model_budget(
    name: str,
    config: Mapping[str, Any],
    params: Tensors,
    given: Tensors,
    expected: Tensors,
    stream: Stream,
    where: str,
) -> dict[str, Array]:
    """As `torch_parity.record.budget_of`, with the symbols that were chosen: those are exact."""
    dtype = next(iter(params.values())).dtype
    if "symbols" in expected:
        given = {**given, "forced": expected["symbols"]}
    exact_params = {key: value.double() for key, value in params.items()}
    exact = exact_of(given)
    reference = exact_reference(name, config, params, given, expected, where)
    runs: list[Mapping[str, torch.Tensor]] = [expected]
    for _ in range(RUNS):
        floats = {key: value for key, value in exact.items() if key not in SYMBOLS}
        noisy_params, noisy = perturb(exact_params, floats, UNIT[dtype], stream)
        if not sees_rounding(config["rnn"], backward="cotangent" in given):
            runs.append(evaluate_model(name, config, noisy_params, {**exact, **noisy}))
            continue
        with RoundedActivations(UNIT[dtype], stream):
            run = evaluate_model(name, config, noisy_params, {**exact, **noisy})
        runs.append(perturb_sums(run, expected["logits"].shape[:-1].numel(), UNIT[dtype], stream))
    floats = {key: tensor for key, tensor in reference.items() if key != "symbols"}
    # Three axes are time, batch and units: errors grow along time.
    axes = {
        key: 0 if tensor.dim() == 3 and not key.startswith("grad_") else None
        for key, tensor in floats.items()
    }
    budget = measure(floats, runs, axes, dtype)
    if "loss" in budget:
        # A mean of so many terms, added in any order. Noise in parameters cancels out over rows.
        terms = expected["logits"].shape[:-1].numel()
        budget["loss"] = budget["loss"] + noise_bound(terms, UNIT[dtype]) * abs(
            float(floats["loss"])
        )
    if "symbols" in expected:
        budget["symbols"] = np.zeros((1, 1))
    return budget

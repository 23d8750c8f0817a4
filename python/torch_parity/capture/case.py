"""Captures a model: what went in, what came out, every tap on the way, and the error of each."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import fx, nn

from torch_parity.budget import Array
from torch_parity.capture.budgets import budgets
from torch_parity.capture.exported import Exported, NotExportableError, export, records
from torch_parity.capture.gradients import check_gradients, gradients_of
from torch_parity.capture.hooked import capture_by_hooks
from torch_parity.capture.run import run
from torch_parity.capture.taps import Taps, taps_of
from torch_parity.capture.tensors import described, dtype_of, encode_whole, named, own_copy, whole
from torch_parity.capture.trace import traced
from torch_parity.fixture import Case, encode_tensor
from torch_parity.given import quiet
from torch_parity.ids import check_id
from torch_parity.threads import own_threads


def capture(
    model: nn.Module,
    example_inputs: torch.Tensor | Sequence[Any],
    *,
    id: str,
    name: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
    taps: str | Sequence[str] = "modules",
    seed: int = 0,
    hooks: bool = True,
    max_bytes: int | None = None,
    gradients: bool = False,
) -> Case:
    """Captures a model as it is, by torch.export, in the shapes of its example inputs.

    example_inputs: what `model(*example_inputs)` takes. name: what an engine knows the model by,
    its class's name when absent. taps: `modules`, what every module gives; `all`, what every
    operation gives; or names. seed: of the noise that measures the budget. hooks: a model that
    torch.export does not take is captured by what its modules give, with a warning. max_bytes: what
    the taps and their budgets may take in all; the largest are then kept as samples and sums.
    gradients: also those by every parameter and every input of floats, of the outputs times random
    cotangents.

    Raises:
        ValueError: The model cannot be captured: it is in training mode, draws random numbers, has
            floats of several dtypes, overflows, or is not what its program computes.
    """
    check_id(id)
    name = type(model).__name__ if name is None else name
    check_id(name)
    check_mode(model, id)
    args = (example_inputs,) if isinstance(example_inputs, torch.Tensor) else tuple(example_inputs)
    with own_threads(), quiet():
        try:
            exported = export(model, args, kwargs or {}, id)
        except NotExportableError as error:
            if not hooks or gradients:
                raise
            warnings.warn(
                f"{str(error).splitlines()[0]}: captured by what its modules give; what is between "
                "them is not known, and our own engine does not compute it",
                stacklevel=2,
            )
            return capture_by_hooks(model, args, kwargs or {}, id, name, seed, max_bytes)
        given = inputs_of(exported, args, kwargs or {})
        dtype = dtype_of({**exported.tensors, **given}, id)
        chosen = taps_of(exported, taps, id)
        values = run(exported, exported.tensors, given)
        expected = {key: whole(values[node], dtype, f"{id}: {key}") for key, node in chosen.items()}
        measured = budgets(exported, given, chosen, values, dtype, seed, id)
        outputs = {key: values[node] for key, node in exported.outputs.items()}
        check_same(model, args, kwargs or {}, outputs, measured.budget, id)
        config = {"name": name, **program_of(exported, chosen, given)}
        more: dict[str, Any] = {}
        if gradients:
            own = gradients_of(exported, given, dtype, seed, id)
            check_gradients(model, args, kwargs or {}, own, id)
            config["gradients"] = own.leaves
            more = {"cotangents": {key: encode_tensor(by) for key, by in own.cotangents.items()}}
            expected |= own.expected
            measured = measured.with_more(own.budget, own.exact, own.runs)
        record = {
            "id": id,
            "module": "ExportedProgram",
            "config": config,
            "dtype": named(dtype),
            "params": {
                key: encode_tensor(whole(own, dtype, f"{id}: {key}"))
                for key, own in exported.tensors.items()
            },
            "inputs": {key: encode_whole(own) for key, own in given.items()},
            **traced(expected, measured, max_bytes, seed, id),
            **more,
        }
        return cast(Case, record)


def inputs_of(
    exported: Exported, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """The tensors that go in, by the names that the program has for them."""
    flat = torch.utils._pytree.tree_leaves((args, dict(kwargs)))
    return {
        name: own.detach().clone()
        for name, own in zip(exported.order, flat, strict=True)
        if name in exported.inputs.values()
    }


#: So many budgets an answer may be off, as whoever judges has it.
KAPPA = 4.0


def check_same(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    outputs: Mapping[str, torch.Tensor],
    budget: Mapping[str, Array],
    id: str,
) -> None:
    """Refuses a program that is not what the model computes."""
    own_args, own_kwargs = torch.utils._pytree.tree_map(own_copy, (args, dict(kwargs)))
    given = torch.utils._pytree.tree_leaves(model(*own_args, **own_kwargs))
    own = [each for each in given if isinstance(each, torch.Tensor)]
    for (name, value), wanted in zip(outputs.items(), own, strict=True):
        one, other = value.double().numpy(), wanted.detach().double().numpy()
        with np.errstate(invalid="ignore"):
            same = (one == other) | (np.isnan(one) & np.isnan(other))
            near = np.abs(one - other) <= KAPPA * budget[name]
        if not bool(np.all(same | near)):
            raise ValueError(
                f"{id}: {name}: expected what the model gives, got other numbers of its program"
            )


def check_mode(model: nn.Module, id: str) -> None:
    """Raises:
    ValueError: A part of the model is in training mode, or torch would round in between.
    """
    for path, module in model.named_modules():
        if module.training:
            part = f"model.{path}" if path else "model"
            raise ValueError(
                f"{id}: expected a model in evaluation mode, got {part} in training mode\n"
                "call model.eval() first"
            )
    if torch.is_autocast_enabled("cpu"):
        raise ValueError(
            f"{id}: expected no autocast, which computes in other dtypes than the model's, got it\n"
            "capture outside of torch.autocast"
        )


def program_of(exported: Exported, taps: Taps, given: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """What an engine is told beside weights and inputs."""
    return {
        "nodes": list(records(exported)),
        "taps": [
            {"name": key, "value": value_of(exported, node), "output": key in exported.outputs}
            for key, node in taps.items()
        ],
        "params": {key: described(own) for key, own in exported.tensors.items()},
        "inputs": {key: described(own) for key, own in given.items()},
    }


def value_of(exported: Exported, node: fx.Node) -> dict[str, Any]:
    if node.op == "placeholder":
        own = exported.params.get(node.name)
        return {"param": own} if own is not None else {"input": exported.inputs[node.name]}
    if len(node.args) == 2 and "getitem" in str(node.target):
        return {"node": node.args[0].name, "output": node.args[1]}  # type: ignore[union-attr]
    return {"node": node.name}

"""A model that torch.export does not take, by what its modules give."""

import copy
import re
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from torch_parity.budget import RUNS, UNIT, RoundedActivations, noise_bound
from torch_parity.capture.budgets import Measured, budget_of
from torch_parity.capture.tensors import (
    described,
    dtype_of,
    encode_whole,
    named,
    own_copy,
    whole,
)
from torch_parity.capture.trace import traced
from torch_parity.fixture import Case, encode_tensor
from torch_parity.record import check_kinds
from torch_parity.values import Stream

#: What a module gives, by its path; of several tensors each with its place: `rnn.0`.
Given = dict[str, torch.Tensor]


def leaves_of(value: Any) -> list[torch.Tensor]:
    return [own for own in torch.utils._pytree.tree_leaves(value) if isinstance(own, torch.Tensor)]


class Hooks:
    """Calls a model and keeps what every module of it gives, in order of computation."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.nodes: list[dict[str, Any]] = []
        self.values: list[list[torch.Tensor]] = []
        self._kept: list[torch.Tensor] = []
        self._calls: dict[str, int] = {}
        self._makers: dict[int, dict[str, Any]] = {}

    def call(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], inputs: Mapping[str, torch.Tensor]
    ) -> list[torch.Tensor]:
        """What the model gives. inputs: what goes in, by name."""
        for name, tensor in inputs.items():
            self._makers[tensor.untyped_storage().data_ptr()] = {"input": name}
        handles = [
            module.register_forward_hook(
                lambda module, given, value, path=path: self._seen(path, module, given, value)
            )
            for path, module in self._model.named_modules()
            if path
        ]
        try:
            with torch.no_grad():
                return leaves_of(self._model(*args, **kwargs))
        finally:
            for handle in handles:
                handle.remove()

    def _seen(self, path: str, module: nn.Module, given: Any, value: Any) -> None:
        self._calls[path] = self._calls.get(path, 0) + 1
        times = self._calls[path]
        name = path if times == 1 else f"{path}@{times}"
        tensors = leaves_of(value)
        if not tensors:
            return
        self.nodes.append(
            {
                "name": name,
                "op": f"torch.nn.{type(module).__name__}",
                "args": {"input": self._sources(given)},
                "shapes": [list(own.shape) for own in tensors],
                "dtypes": [str(own.dtype).removeprefix("torch.") for own in tensors],
                "module": path,
                "line": "",
            }
        )
        # Copies, since whoever comes next may write into them; they themselves stay where they are.
        self.values.append([own.clone() for own in tensors])
        self._kept.extend(tensors)
        for place, tensor in enumerate(tensors):
            self._makers[tensor.untyped_storage().data_ptr()] = {"node": name, "output": place}

    def _sources(self, given: Any) -> list[dict[str, Any]]:
        """Where what goes in comes from; what is computed in between, from the last module."""
        found = [self._makers.get(own.untyped_storage().data_ptr()) for own in leaves_of(given)]
        if None in found or not found:
            last = {"node": self.nodes[-1]["name"]} if self.nodes else None
            found = [own if own is not None else last for own in found] or [last]
        return [own for own in found if own is not None]


def perturbed(tensor: torch.Tensor, u: float, stream: Stream) -> torch.Tensor:
    """Each number times 1 + δ, and each row of a weight times one more; |δ| ≤ u·√K."""
    terms = tensor[0].numel() if tensor.dim() > 1 else 1
    bound = noise_bound(terms, u)
    own = tensor * torch.as_tensor(1 + stream.uniform(bound, *tensor.shape))
    if tensor.dim() < 2:
        return own
    rows = torch.as_tensor(1 + stream.uniform(bound, tensor.shape[0]))
    return own * rows.reshape(-1, *[1] * (tensor.dim() - 1))


def noisy_runs(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    dtype: torch.dtype,
    stream: Stream,
) -> list[list[torch.Tensor]]:
    """The model in float64, and then as many times with noise of the size of rounding.

    Raises:
        ValueError: What the noise changes decides which modules are called.
    """
    runs = []
    for which in range(RUNS + 1):
        own = copy.deepcopy(model).double()
        flat, spec = torch.utils._pytree.tree_flatten((args, dict(kwargs)))
        flat = [
            each.double() if isinstance(each, torch.Tensor) and each.is_floating_point() else each
            for each in flat
        ]
        hooks = Hooks(own)
        if which > 0:
            params = {key: each.detach() for key, each in own.state_dict().items()}
            floats = {key: each for key, each in params.items() if each.is_floating_point()}
            given = {
                str(i): each
                for i, each in enumerate(flat)
                if isinstance(each, torch.Tensor) and each.is_floating_point()
            }
            noisy = {key: perturbed(each, UNIT[dtype], stream) for key, each in floats.items()}
            noisy_given = {key: perturbed(each, UNIT[dtype], stream) for key, each in given.items()}
            own.load_state_dict({**params, **noisy})
            flat = [noisy_given.get(str(i), each) for i, each in enumerate(flat)]
        own_args, own_kwargs = torch.utils._pytree.tree_unflatten(flat, spec)
        if which == 0:
            outputs = hooks.call(own_args, own_kwargs, {})
        else:
            with RoundedActivations(UNIT[dtype], stream):
                outputs = hooks.call(own_args, own_kwargs, {})
        runs.append([*(each for values in hooks.values for each in values), *outputs])
        if [each.shape for each in runs[-1]] != [each.shape for each in runs[0]]:
            raise ValueError("expected the same modules in every run, got others after rounding")
    return runs


def call_alike(
    model: nn.Module,
    seen: Hooks,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    given: Mapping[str, torch.Tensor],
    id: str,
) -> list[torch.Tensor]:
    """What the model gives, which must be the same when it is called again.

    Raises:
        ValueError: It is not, or the model changes what it is given, or something of its own.
    """
    before = {key: own_copy(own) for key, own in model.state_dict().items()}
    own_args, own_kwargs = torch.utils._pytree.tree_map(own_copy, (args, dict(kwargs)))
    tensors = dict(zip(given, leaves_of((own_args, own_kwargs)), strict=True))
    outputs = [own.clone() for own in seen.call(own_args, own_kwargs, tensors)]
    for name, own in tensors.items():
        if not is_same(own, given[name]):
            raise ValueError(
                f"{id}: expected a model that changes nothing that it is given, "
                f"got a change of {name}"
            )
    for name, own in model.state_dict().items():
        if not is_same(own, before[name]):
            raise ValueError(
                f"{id}: expected a model that changes nothing of its own, got a change of {name}"
            )
    own_args, own_kwargs = torch.utils._pytree.tree_map(own_copy, (args, dict(kwargs)))
    again = Hooks(model).call(own_args, own_kwargs, {})
    if len(again) != len(outputs) or not all(map(is_same, outputs, again)):
        raise ValueError(
            f"{id}: expected a model that gives the same when it is called again, got another\n"
            "call model.eval() first, or hand its random numbers in"
        )
    return outputs


def is_same(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape:
        return False
    same = one == other
    if one.is_floating_point():
        same |= torch.isnan(one) & torch.isnan(other)
    return bool(same.all())


def capture_by_hooks(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    id: str,
    name: str,
    seed: int,
    max_bytes: int | None,
) -> Case:
    """What every module gives, with the budget of a whole run; nothing says what is between."""
    given = {f"input_{i}": own_copy(own) for i, own in enumerate(leaves_of((args, dict(kwargs))))}
    params = {
        key: own_copy(own) for key, own in model.state_dict().items() if own.is_floating_point()
    }
    dtype = dtype_of({**dict(model.state_dict()), **given}, id)
    seen = Hooks(model)
    outputs = call_alike(model, seen, args, kwargs, given, id)
    try:
        exact, *runs = noisy_runs(model, args, kwargs, dtype, Stream(seed, id, "noise"))
    except ValueError as error:
        raise ValueError(f"{id}: {error}") from error
    names = [
        node["name"] if len(values) == 1 else f"{node['name']}.{i}"
        for node, values in zip(seen.nodes, seen.values, strict=True)
        for i in range(len(values))
    ]
    values = [
        {"node": node["name"], "output": i}
        for node, own in zip(seen.nodes, seen.values, strict=True)
        for i in range(len(own))
    ]
    result = {
        "name": "outputs of the model",
        "op": f"torch.nn.{type(model).__name__}",
        "args": {"input": [{"node": seen.nodes[-1]["name"]}] if seen.nodes else []},
        "shapes": [list(own.shape) for own in outputs],
        "dtypes": [named(own.dtype) for own in outputs],
        "module": "",
        "line": "",
    }
    # A module may be called what the model's outputs are.
    names = [f"{key}:module" if re.fullmatch(r"output(\.\d+)?", key) else key for key in names]
    names += ["output"] if len(outputs) == 1 else [f"output.{i}" for i in range(len(outputs))]
    values += [{"node": result["name"], "output": i} for i in range(len(outputs))]
    own = [*(each for tensors in seen.values for each in tensors), *outputs]
    first = len(own) - len(outputs)
    expected = {
        key: whole(value, dtype, f"{id}: {key}") for key, value in zip(names, own, strict=True)
    }
    for key, reference in zip(names, exact, strict=True):
        check_kinds(expected[key], reference.double(), f"{id}: {key}")
    by_run: list[Mapping[str, torch.Tensor]] = [
        dict(zip(names, run, strict=True)) for run in (*runs, own)
    ]
    wanted = dict(zip(names, exact, strict=True))
    budget = {key: budget_of(wanted[key], [run[key] for run in by_run], dtype) for key in names}
    measured = Measured(budget, {}, wanted, by_run)
    record = {
        "id": id,
        "module": "ExportedProgram",
        "config": {
            "name": name,
            "nodes": [*seen.nodes, result],
            "taps": [
                {"name": key, "value": value, "output": i >= first}
                for i, (key, value) in enumerate(zip(names, values, strict=True))
            ],
            "params": {key: described(each) for key, each in params.items()},
            "inputs": {key: described(each) for key, each in given.items()},
        },
        "dtype": named(dtype),
        "params": {key: encode_tensor(each) for key, each in params.items()},
        "inputs": {key: encode_whole(each) for key, each in given.items()},
        **traced(expected, measured, max_bytes, seed, id),
    }
    return cast(Case, record)

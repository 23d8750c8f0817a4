"""Gradients of captured models: by what goes in and by parameters, of the outputs' cotangents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from torch_parity.budget import RUNS, UNIT, Array
from torch_parity.capture.budgets import budget_of, doubled
from torch_parity.capture.exported import Exported
from torch_parity.capture.run import Noise, run
from torch_parity.record import check_kinds
from torch_parity.values import Stream

Tensors = Mapping[str, torch.Tensor]
#: A gradient's name, and {"param": …} or {"input": …}.
Leaf = dict[str, Any]


@dataclass(frozen=True)
class Gradients:
    """The leaves by which gradients are taken, and what came of it."""

    leaves: list[Leaf]
    cotangents: dict[str, torch.Tensor]
    expected: dict[str, torch.Tensor]
    budget: dict[str, Array]
    exact: dict[str, torch.Tensor]
    runs: list[Tensors]


def gradients_of(
    exported: Exported, given: Tensors, dtype: torch.dtype, seed: int, id: str
) -> Gradients:
    """The gradients by every parameter and every input of floats.

    Raises:
        ValueError: There is nothing to differentiate, or torch refuses it.
    """
    leaves = leaves_of(exported, given, id)
    cotangents: dict[str, torch.Tensor] = {}
    for name, node in exported.outputs.items():
        shape = node.meta["val"]
        if shape.is_floating_point():
            numbers = Stream(seed, id, "cotangent", name).normal(*shape.shape)
            cotangents[name] = torch.as_tensor(numbers).to(dtype)
    if not cotangents:
        raise ValueError(f"{id}: gradients: expected an output of floats, got none")
    try:
        expected = backward(exported, exported.tensors, given, cotangents, leaves)
        double = torch.float64
        params, inputs, by = (
            {key: doubled(own) for key, own in tensors.items()}
            for tensors in (exported.tensors, given, cotangents)
        )
        exact = backward(exported, params, inputs, by, leaves, dtype=double)
        stream = Stream(seed, id, "noise", "gradients")
        runs: list[Tensors] = [
            backward(exported, params, inputs, by, leaves, dtype=double, noise=Noise(dtype, stream))
            for _ in range(RUNS)
        ]
    except RuntimeError as error:
        said = str(error).split("\n")[0]
        raise ValueError(f"{id}: gradients: expected a model with gradients, got {said}") from error
    runs.append(expected)
    for key, own in expected.items():
        check_kinds(own, exact[key], f"{id}: {key}")
    budget = {
        key: decided(budget_of(exact[key], [own[key] for own in runs], dtype), exact[key], dtype)
        for key in expected
    }
    return Gradients(leaves, cotangents, expected, budget, exact, runs)


def decided(budget: Array, exact: torch.Tensor, dtype: torch.dtype) -> Array:
    """One for all where some part is all rounding, and so would say nothing of itself."""
    sizes = np.where(np.isfinite(exact.numpy()), np.abs(exact.numpy()), 0.0)
    shared = tuple(axis for axis, size in enumerate(budget.shape) if size == 1)
    largest = sizes.max(axis=shared, keepdims=True, initial=0.0)
    floor = 32 * UNIT[dtype] * float(sizes.max(initial=0.0))
    if np.all(4 * budget <= np.maximum(2.0**-10 * largest, floor)):
        return budget
    return np.full([1] * budget.ndim, budget.max(initial=0.0))


def leaves_of(exported: Exported, given: Tensors, id: str) -> list[Leaf]:
    """Every input of floats, then every parameter; buffers have no gradients."""
    names = set(exported.outputs)
    leaves: list[Leaf] = []
    for kind, tensors in (("input", given), ("param", exported.tensors)):
        for name, own in tensors.items():
            if not own.is_floating_point() or (kind == "param" and not is_parameter(own)):
                continue
            grad = f"grad_{name}" if f"grad_{name}" not in names else f"grad_{kind}_{name}"
            names.add(grad)
            leaves.append({"name": grad, "value": {kind: name}})
    if not leaves:
        raise ValueError(f"{id}: gradients: expected a parameter or an input of floats, got none")
    return leaves


def is_parameter(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, nn.Parameter)


def backward(
    exported: Exported,
    params: Tensors,
    given: Tensors,
    cotangents: Tensors,
    leaves: list[Leaf],
    *,
    dtype: torch.dtype | None = None,
    noise: Noise | None = None,
) -> dict[str, torch.Tensor]:
    """The gradient by each leaf, by its name; zeros by what nothing depends on."""
    asked = {(kind, own) for leaf in leaves for kind, own in leaf["value"].items()}

    def own_of(kind: str, tensors: Tensors) -> dict[str, torch.Tensor]:
        return {
            name: own.detach().clone().requires_grad_((kind, name) in asked)
            for name, own in tensors.items()
        }

    with torch.enable_grad():
        own = {"param": own_of("param", params), "input": own_of("input", given)}
        seen = noise_on_the_way_back(noise) if noise is not None else lambda _, value: value
        # What writes into a leaf would be refused; none does, but numbers go in as they are.
        values = run(exported, own["param"], own["input"], dtype=dtype, noise=noise, seen=seen)
        pairs = [
            (values[exported.outputs[name]], by)
            for name, by in cotangents.items()
            if values[exported.outputs[name]].requires_grad
        ]
        wanted = [own[kind][name] for leaf in leaves for kind, name in leaf["value"].items()]
        given_back = (
            torch.autograd.grad(
                [value for value, _ in pairs],
                wanted,
                [by for _, by in pairs],
                allow_unused=True,
                materialize_grads=True,
            )
            if pairs
            else [torch.zeros_like(each) for each in wanted]
        )
    return {leaf["name"]: own.detach() for leaf, own in zip(leaves, given_back, strict=True)}


def noise_on_the_way_back(noise: Noise) -> Any:
    """Rounds the gradient by what each operation gives, as sums over all its rows are rounded."""

    def seen(node: fx.Node, value: Any) -> Any:
        for own in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(own, torch.Tensor) and own.requires_grad and own.numel() > 0:
                # Sums go over its rows, or over the units of one.
                units = max(own.shape, default=1)
                terms = max(own.numel() // units, units)
                noise.on_the_way_back(own, terms)
        return value

    return seen


def check_gradients(
    model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], own: Gradients, id: str
) -> None:
    """Refuses gradients of the program that are not the model's own."""
    parameters = dict(model.named_parameters())
    wanted = {
        leaf["name"]: parameters[leaf["value"]["param"]]
        for leaf in own.leaves
        if leaf["value"].get("param") in parameters
    }
    # A model whose parameters are frozen has no gradients of its own.
    asked = {name: each for name, each in wanted.items() if each.requires_grad}
    if not asked:
        return
    with torch.enable_grad():
        given = torch.utils._pytree.tree_leaves(model(*args, **dict(kwargs)))
        floats = [each for each in given if isinstance(each, torch.Tensor)]
        floats = [each for each in floats if each.is_floating_point()]
        pairs = list(zip(floats, own.cotangents.values(), strict=True))
        pairs = [(each, by) for each, by in pairs if each.requires_grad]
        values = torch.autograd.grad(
            [each for each, _ in pairs],
            list(asked.values()),
            [by for _, by in pairs],
            allow_unused=True,
            materialize_grads=True,
        )
    for name, value in zip(asked, values, strict=True):
        off = np.abs(value.double().numpy() - own.expected[name].double().numpy())
        if not bool(np.all((off <= 4 * own.budget[name]) | np.isnan(off))):
            raise ValueError(
                f"{id}: {name}: expected what the model gives, got other numbers of its program"
            )

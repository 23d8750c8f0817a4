"""Captures a model: what went in, what came out, every tap on the way, and the error of each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from torch_parity.budget import RUNS, SMALLEST, UNIT, Array, largest_along
from torch_parity.capture.exported import Exported, export, records
from torch_parity.capture.run import Noise, run
from torch_parity.capture.taps import Taps, taps_of
from torch_parity.fixture import Case, encode_tensor
from torch_parity.given import quiet
from torch_parity.ids import check_id
from torch_parity.record import check_kinds
from torch_parity.threads import own_threads
from torch_parity.values import Stream

#: So large whole numbers are exact in each dtype.
LARGEST_WHOLE = {torch.float32: 2**24, torch.float64: 2**53}


def capture(
    model: nn.Module,
    example_inputs: torch.Tensor | Sequence[Any],
    *,
    id: str,
    name: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
    taps: str | Sequence[str] = "modules",
    seed: int = 0,
) -> Case:
    """Captures a model as it is, by torch.export, in the shapes of its example inputs.

    example_inputs: what `model(*example_inputs)` takes. name: what an engine knows the model by,
    its class's name when absent. taps: `modules`, what every module gives; `all`, what every operation
    gives; or names. seed: of the noise that measures the budget.

    Raises:
        ValueError: The model cannot be exported, is in training mode, draws random numbers, has
            floats of several dtypes, overflows, or is not what its program computes.
    """
    check_id(id)
    name = type(model).__name__ if name is None else name
    check_id(name)
    if model.training:
        raise ValueError(
            f"{id}: expected a model in evaluation mode, got one in training mode\n"
            "call model.eval() first"
        )
    args = (example_inputs,) if isinstance(example_inputs, torch.Tensor) else tuple(example_inputs)
    with own_threads(), quiet():
        exported = export(model, args, kwargs or {}, id)
        given = inputs_of(exported, args, kwargs or {})
        dtype = dtype_of({**exported.tensors, **given}, id)
        chosen = taps_of(exported, taps, id)
        values = run(exported, exported.tensors, given, dtype=dtype)
        expected = {key: whole(values[node], dtype, f"{id}: {key}") for key, node in chosen.items()}
        check_same(
            model, args, kwargs or {}, [values[own] for own in exported.outputs.values()], id
        )
        budget, alone = budgets(exported, given, chosen, values, dtype, seed, id)
        return {
            "id": id,
            "module": "ExportedProgram",
            "config": {"name": name, **program_of(exported, chosen, given)},
            "dtype": named(dtype),
            "params": {
                key: encode_tensor(whole(own, dtype, f"{id}: {key}"))
                for key, own in exported.tensors.items()
            },
            "inputs": {key: encode_whole(own) for key, own in given.items()},
            "expected": {key: encode_tensor(own) for key, own in expected.items()},
            "budget": {key: encode_tensor(own) for key, own in budget.items()},
            "alone": {key: encode_tensor(own) for key, own in alone.items()},
        }


def named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


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


def dtype_of(tensors: Mapping[str, torch.Tensor], id: str) -> torch.dtype:
    floats = {own.dtype for own in tensors.values() if own.is_floating_point()} or {torch.float32}
    if len(floats) != 1 or not floats <= LARGEST_WHOLE.keys():
        got = ", ".join(sorted(named(own) for own in floats)) or "none"
        raise ValueError(f"{id}: expected floats of one dtype, float32 or float64, got {got}")
    return floats.pop()


def whole(value: torch.Tensor, dtype: torch.dtype, where: str) -> torch.Tensor:
    """A tensor in the case's dtype: whole numbers and booleans as numbers."""
    if value.is_complex():
        raise ValueError(f"{where}: expected real numbers, got {named(value.dtype)}")
    if not value.is_floating_point() and value.numel() > 0:
        most = int(value.to(torch.int64).abs().max())
        if most > LARGEST_WHOLE[dtype]:
            raise ValueError(
                f"{where}: expected whole numbers that {named(dtype)} holds, got {most}"
            )
    return value.to(dtype)


def encode_whole(value: torch.Tensor) -> Any:
    return encode_tensor(value if value.is_floating_point() else value.to(torch.int64))


def check_same(
    model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], outputs: list[Any], id: str
) -> None:
    """Refuses a program that is not what the model computes."""
    own = torch.utils._pytree.tree_leaves(model(*args, **kwargs))
    for value, wanted in zip(outputs, own, strict=True):
        if not torch.allclose(
            value.double(), wanted.double(), rtol=1e-4, atol=1e-5, equal_nan=True
        ):
            raise ValueError(
                f"{id}: expected what the model gives, got other numbers of its program"
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


def described(value: torch.Tensor) -> dict[str, Any]:
    return {"shape": list(value.shape), "dtype": named(value.dtype)}


def value_of(exported: Exported, node: fx.Node) -> dict[str, Any]:
    if node.op == "placeholder":
        own = exported.params.get(node.name)
        return {"param": own} if own is not None else {"input": exported.inputs[node.name]}
    if len(node.args) == 2 and "getitem" in str(node.target):
        return {"node": node.args[0].name, "output": node.args[1]}  # type: ignore[union-attr]
    return {"node": node.name}


def budgets(
    exported: Exported,
    given: Mapping[str, torch.Tensor],
    taps: Taps,
    values: Mapping[fx.Node, Any],
    dtype: torch.dtype,
    seed: int,
    id: str,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Of a run from the model's inputs; and of each tap alone, from PyTorch's own before it."""
    exact_params = {key: doubled(own) for key, own in exported.tensors.items()}
    exact_inputs = {key: doubled(own) for key, own in given.items()}
    tapped = set(taps.values())

    def reference(alone: bool, noise: Noise | None) -> dict[str, torch.Tensor]:
        kept: dict[fx.Node, Any] = {}

        def seen(node: fx.Node, value: Any) -> Any:
            if node in tapped:
                kept[node] = value
                if alone:
                    return doubled(values[node])
            return value

        own = run(exported, exact_params, exact_inputs, dtype=torch.float64, noise=noise, seen=seen)
        return {key: kept.get(node, own[node]) for key, node in taps.items()}

    stream = Stream(seed, id, "noise")
    both = []
    for alone in (False, True):
        exact = reference(alone, None)
        for key, node in taps.items():
            check_kinds(whole(values[node], dtype, id), exact[key].double(), f"{id}: {key}")
        runs = [reference(alone, Noise(dtype, stream)) for _ in range(RUNS)]
        runs.append({key: values[node] for key, node in taps.items()})
        both.append({key: budget_of(exact[key], [own[key] for own in runs], dtype) for key in taps})
    return both[0], both[1]


def doubled(value: Any) -> Any:
    return value.double() if value.is_floating_point() else value


#: An axis has a budget for each of its indices where that says so much more than one for all.
GAIN = 1.5
#: So many elements share one at least.
FEWEST = 4


def budget_of(exact: torch.Tensor, runs: list[torch.Tensor], dtype: torch.dtype) -> Array:
    """The largest deviation of any run, for each index of the axis along which it differs most."""
    wanted = exact.double().numpy()
    finite = np.isfinite(wanted)
    deviation = np.zeros(wanted.shape)
    for own in runs:
        with np.errstate(invalid="ignore", over="ignore"):
            deviation = np.maximum(deviation, np.abs(own.double().numpy() - wanted))
    deviation = np.where(finite, np.nan_to_num(deviation, nan=0.0, posinf=0.0), 0.0)
    if not exact.is_floating_point():
        # What is chosen is chosen otherwise where two are as near as rounding.
        return deviation if deviation.any() else np.zeros([1] * deviation.ndim)
    largest = float(np.max(np.abs(wanted), where=finite, initial=0.0))
    least = 2 * UNIT[dtype] * largest + SMALLEST[dtype]
    best: Array = largest_along(deviation, None) + least
    score = np.log(GAIN)
    for axis in range(deviation.ndim):
        size: int = deviation.shape[axis]
        if size < 2 or deviation.size // size < FEWEST:
            continue
        along: Array = largest_along(deviation, axis) + least
        gain = float(np.mean(np.log(best.max() / along)))
        if gain > score:
            best, score = along, gain
    return best

"""Runs a program node by node: as it is, in float64, and with noise of the size of rounding."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx

from torch_parity.budget import UNIT, RoundedActivations, noise_bound
from torch_parity.capture.exported import Exported, writes
from torch_parity.capture.operations import CHOOSING, EXACT, FACTORIES, PRODUCTS, RECURRENT, SUMS
from torch_parity.values import Stream

#: Told what each operation gives; what it answers is read by those that follow.
Seen = Callable[[fx.Node, Any], Any]


def run(
    exported: Exported,
    params: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    *,
    dtype: torch.dtype | None = None,
    noise: "Noise | None" = None,
    seen: Seen = lambda _, value: value,
) -> dict[fx.Node, Any]:
    """The value of every node.

    dtype: what stands in the place of the model's own, of parameters and inputs as well; its own
    where there is none.
    """
    values: dict[fx.Node, Any] = {}
    # What an operation gives is what it gave, whoever writes into it afterwards.
    given_once: dict[fx.Node, Any] = {}
    is_written = any(writes(node) for node in exported.graph.nodes)

    def given(value: Any) -> Any:
        if isinstance(value, fx.Node):
            return values[value]
        if isinstance(value, torch.dtype) and dtype is not None:
            return dtype if value in (torch.float32, torch.float64) else value
        if isinstance(value, (list, tuple)):
            return [given(own) for own in value]
        return value

    for node in exported.graph.nodes:
        if node.op == "placeholder":
            if node.name in exported.params:
                values[node] = params[exported.params[node.name]]
            elif node.name in exported.inputs:
                values[node] = inputs[exported.inputs[node.name]]
        elif node.op == "call_function":
            args = [given(own) for own in node.args]
            kwargs = {key: given(own) for key, own in node.kwargs.items()}
            if node.target is operator.getitem:
                value = args[0][args[1]]
            else:
                if dtype is not None and with_dtype(node, kwargs):
                    kwargs["dtype"] = dtype
                if noise is not None:
                    args = noise.before(node, args)
                    with noise.activations:
                        value = node.target(*args, **kwargs)
                    value = noise.after(node, args, value)
                else:
                    value = node.target(*args, **kwargs)
            values[node] = seen(node, value)
            if is_written:
                given_once[node] = torch.utils._pytree.tree_map(copied, values[node])
    return {**values, **given_once}


def copied(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


def with_dtype(node: fx.Node, kwargs: Mapping[str, Any]) -> bool:
    """Whether torch's default dtype would be taken, as `torch.ones(3)` takes it."""
    if kwargs.get("dtype") is not None or not isinstance(node.meta["val"], torch.Tensor):
        return False
    floats = node.meta["val"].dtype in (torch.float32, torch.float64)
    return base_of(node) in FACTORIES and floats


def base_of(node: fx.Node) -> str:
    return str(node.target).split(".")[1].removesuffix("_")


def terms_of(node: fx.Node, args: list[Any], value: Any) -> int:
    """How many terms the longest sum of an operation has, as far as it is known."""
    base = base_of(node)
    first = args[0] if args and isinstance(args[0], torch.Tensor) else None
    if base in RECURRENT:
        return max(own.shape[1] for own in tensors_in(args) if own.dim() == 2)
    if base in PRODUCTS:
        matrix = first if base not in ("addmm", "baddbmm") else args[1]
        return int(matrix.shape[-1]) if isinstance(matrix, torch.Tensor) and matrix.dim() else 1
    if base.startswith("conv") or base in ("_convolution", "convolution"):
        weight = args[1]
        return int(max(weight[0].numel(), weight[:, 0].numel()))
    if base in SUMS and first is not None and isinstance(value, torch.Tensor):
        whole = first.numel() // max(value.numel(), 1)
        return int(max(whole, max(first.shape, default=1)))
    return 1


def tensors_in(values: Any) -> list[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        return [values]
    if isinstance(values, (list, tuple)):
        return [own for value in values for own in tensors_in(value)]
    return []


class Noise:
    """What rounding may change at every operation, as torch_parity.budget has it.

    What goes into a sum of K terms is multiplied by 1 + δ, |δ| ≤ u·√K, each element by one of its
    own, and so is what comes out; what comes out of any other operation by 1 + δ, |δ| ≤ 2u.
    """

    def __init__(self, dtype: torch.dtype, stream: Stream) -> None:
        self._u = UNIT[dtype]
        self._stream = stream
        self.activations = RoundedActivations(self._u, stream)

    def _times(self, tensor: torch.Tensor, bound: float) -> torch.Tensor:
        if not tensor.is_floating_point():
            return tensor
        return tensor * torch.as_tensor(1 + self._stream.uniform(bound, *tensor.shape))

    def on_the_way_back(self, tensor: torch.Tensor, terms: int) -> None:
        """Noise in the gradient by a tensor, when it comes."""
        bound = max(2 * self._u, noise_bound(terms, self._u))
        tensor.register_hook(lambda by: self._times(by, bound))  # type: ignore[no-untyped-call]

    def before(self, node: fx.Node, args: list[Any]) -> list[Any]:
        base = base_of(node)
        if base in CHOOSING:
            return [self._apart(own) if isinstance(own, torch.Tensor) else own for own in args]
        if base in EXACT:
            return args
        terms = terms_of(node, args, node.meta["val"])
        if terms == 1:
            return args
        bound = noise_bound(terms, self._u)
        if base in RECURRENT:
            return self._recurrent(args, bound)

        def noisy(value: Any) -> Any:
            if isinstance(value, torch.Tensor):
                return self._times(value, bound)
            if isinstance(value, list) and tensors_in(value):
                return [noisy(own) for own in value]
            return value

        return [noisy(own) for own in args]

    def _apart(self, tensor: torch.Tensor) -> torch.Tensor:
        """So that which of two equal numbers comes first is anybody's choice."""
        if not tensor.is_floating_point() or tensor.numel() == 0:
            return tensor
        finite = torch.where(torch.isfinite(tensor), tensor.abs(), torch.zeros_like(tensor))
        size = float(finite.detach().max())
        return tensor + torch.as_tensor(self._stream.uniform(2 * self._u * size, *tensor.shape))

    def _recurrent(self, args: list[Any], bound: float) -> list[Any]:
        """A weight and its bias have one common factor for each row, as in torch_parity.budget."""
        place = next(
            i
            for i, own in enumerate(args)
            if isinstance(own, list) and any(each.dim() == 2 for each in tensors_in(own))
        )
        rows: dict[int, torch.Tensor] = {}
        weights = []
        for i, weight in enumerate(args[place]):
            size = weight.shape[0]
            if weight.dim() == 2:
                rows[i] = torch.as_tensor(1 + self._stream.uniform(bound, size))
                row = rows[i][:, None]
            else:
                # weight_ih, weight_hh, bias_ih, bias_hh
                row = rows.get(i - 2, torch.ones(size, dtype=weight.dtype))
            weights.append(self._times(weight, bound) * row)
        return [*args[:place], weights, *args[place + 1 :]]

    def after(self, node: fx.Node, args: list[Any], value: Any) -> Any:
        if base_of(node) in EXACT:
            return value
        terms = terms_of(node, args, value)
        bound = max(2 * self._u, noise_bound(terms, self._u) if terms > 1 else 0.0)
        if base_of(node) in RECURRENT:
            bound = 2 * self._u
        if isinstance(value, torch.Tensor):
            return self._times(value, bound)
        return tuple(self._times(own, bound) for own in value)

"""The error that a correct implementation may make, measured. DESIGN: "The error budget"."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from torch_parity.modules import Tensors
from torch_parity.values import Stream

RUNS = 8

#: Unit roundoff and smallest subnormal of each dtype.
UNIT = {
    torch.float16: 2.0**-11,
    torch.bfloat16: 2.0**-8,
    torch.float32: 2.0**-24,
    torch.float64: 2.0**-53,
}
SMALLEST = {
    torch.float16: 2.0**-24,
    torch.bfloat16: 2.0**-133,
    torch.float32: 2.0**-149,
    torch.float64: 2.0**-1074,
}
SMALLEST_NORMAL = {
    torch.float16: 2.0**-14,
    torch.bfloat16: 2.0**-126,
    torch.float32: 2.0**-126,
    torch.float64: 2.0**-1022,
}

#: What is exact by its nature.
EXACT = ("lengths", "dropout_mask")

Array = npt.NDArray[np.float64]


def noise_bound(terms: int, u: float) -> float:
    """The size of δ, u·√K for a sum of K terms: what rounding in another order looks like."""
    return u * math.sqrt(max(terms, 1))


def perturb(params: Tensors, inputs: Tensors, u: float, stream: Stream) -> tuple[Tensors, Tensors]:
    """Parameters and inputs in float64, each element times 1 + δ, each weight row and bias by one
    1 + δ_row.

    δ is uniform within `noise_bound` of the longest dot product.
    """
    longest = max((p.shape[1] for p in params.values() if p.dim() == 2), default=1)
    bound = noise_bound(longest, u)
    # weight_ih_l0 and bias_ih_l0 are rows of one product.
    rows = {row_of(name): parameter.shape[0] for name, parameter in params.items()}
    floats = {name: tensor for name, tensor in inputs.items() if name not in EXACT}
    # All numbers are drawn at once, because small tensors are many.
    sizes = [*rows.values(), *(t.numel() for t in (*params.values(), *floats.values()))]
    draws = torch.split(torch.from_numpy(1 + stream.uniform(bound, sum(sizes))), sizes)
    common = dict(zip(rows, draws[: len(rows)], strict=True))
    own = iter(draws[len(rows) :])
    noisy: Tensors = {}
    for name, parameter in params.items():
        row = common[row_of(name)]
        row = row if parameter.dim() == 1 else row[:, None]
        noisy[name] = parameter * next(own).reshape(parameter.shape) * row
    noisy_inputs = {
        name: tensor * next(own).reshape(tensor.shape) for name, tensor in floats.items()
    }
    return noisy, {**inputs, **noisy_inputs}


def sees_rounding(rnn: str, backward: bool) -> bool:
    """Whether the rounding of an activation can count for more than itself.

    It does where it is subtracted: 1 - h² in a backward pass, and n + z (h - n) of a GRU.
    """
    return backward or rnn.startswith("GRU")


class RoundedActivations(TorchDispatchMode):
    """Multiplies what tanh and sigmoid give by 1 + δ, as if they were rounded.

    Where units are saturated, 1 - h² is nothing but the rounding of h and of the formula, which a
    run in float64 does not have.
    """

    def __init__(self, u: float, stream: Stream) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._bound = 2 * u
        self._stream = stream

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, func, types, args=(), kwargs=None
    ):
        result = func(*args, **(kwargs or {}))
        if func in ACTIVATIONS:
            noise = torch.as_tensor(1 + self._stream.uniform(self._bound, *result.shape))
            result.mul_(noise).clamp_(-1.0, 1.0)
        return result


ATEN = torch.ops.aten
ACTIVATIONS = (
    ATEN.tanh.default,
    ATEN.tanh_.default,
    ATEN.sigmoid.default,
    ATEN.sigmoid_.default,
)


def perturb_sums(outputs: Tensors, terms: int, u: float, stream: Stream) -> Tensors:
    """Gradients by parameters are sums over all steps and rows, of so many terms."""
    bound = noise_bound(terms, u)
    return {
        name: tensor * torch.as_tensor(1 + stream.uniform(bound, *tensor.shape))
        if name.startswith("grad_") and row_of(name) != name
        else tensor
        for name, tensor in outputs.items()
    }


def row_of(name: str) -> str:
    """The same for a weight and its bias, such as weight_ih_l0 and bias_ih_l0."""
    return name.replace("weight", "").replace("bias", "")


def largest_along(deviation: Array, axis: int | None) -> Array:
    """The largest deviation for each index of an axis, or of all, in a shape that broadcasts."""
    deviation = np.nan_to_num(deviation, nan=0.0, posinf=0.0)
    others = tuple(i for i in range(deviation.ndim) if i != axis)
    largest: Array = np.max(deviation, axis=others, keepdims=True, initial=0.0)
    return largest


def measure(
    reference: Mapping[str, torch.Tensor],
    runs: list[Mapping[str, torch.Tensor]],
    axes: Mapping[str, int | None],
    dtype: torch.dtype,
) -> dict[str, Array]:
    """For each output, the largest deviation of any run from the reference, and one rounding.

    Elements whose reference is not finite take no part: for them only the kind of value is judged.
    """
    budget: dict[str, Array] = {}
    for name, tensor in reference.items():
        wanted = tensor.numpy()
        finite = np.isfinite(wanted)
        largest = float(np.max(np.abs(wanted), where=finite, initial=0.0))
        total = np.zeros([1 if i != axes[name] else n for i, n in enumerate(wanted.shape)])
        for run in runs:
            with np.errstate(invalid="ignore", over="ignore"):
                deviation = np.abs(run[name].double().numpy() - wanted)
            total = np.maximum(total, largest_along(np.where(finite, deviation, 0.0), axes[name]))
        budget[name] = total + 2 * UNIT[dtype] * largest + SMALLEST[dtype]
    return budget

"""What is recorded is what the user's own module gives, or nothing is recorded."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from torch_parity.borrow import borrowed
from torch_parity.budget import SMALLEST_NORMAL, UNIT, Array
from torch_parity.device import STAYS, tensor_float_32
from torch_parity.modules import INPUTS, STATES, Tensors, masking, run
from torch_parity.subject import Subject
from torch_parity.weights import own_parameters

#: As src/verify/compare.ts: two computations may differ by so many budgets.
KAPPA = 4

#: Of the largest value, or in roundings: no more than this is rounding where something is known
#: that may change the numbers, however wide the budget is, or where none was measured.
PART = 2.0**-10
ROUNDINGS = 64


def own_outputs(
    subject: Subject,
    given: Tensors,
    cotangents: Tensors,
    packed: PackedSequence | None,
    id: str,
    *,
    is_same_device: bool,
) -> Tensors:
    """What the user's module gives by itself, with all that hangs on it, in the settings it is in.

    It is called once, in evaluation mode, or in training mode with the masks that are given.
    cotangents: of the outputs, where gradients are compared as well.

    Raises:
        ValueError: It does not run on what a module of torch runs on.
    """
    device = subject.device
    inputs = {
        # A hook may write into what it is given.
        key: value if key == STAYS else (value.clone() if subject.reasons else value).to(device)
        for key, value in given.items()
        if key in INPUTS
    }
    with ExitStack() as stack:
        stack.enter_context(borrowed(subject, training="dropout_mask" in given))
        if device.type == "cuda":
            if not is_same_device:
                stack.enter_context(tensor_float_32(False))
            # cuDNN draws dropout by itself, and has no gradients in evaluation mode.
            if cotangents or "dropout_mask" in given:
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        try:
            # Parameters that were made in inference mode have no gradients to compare with.
            if cotangents and not any(own.is_inference() for own in subject.core.parameters()):
                outputs = with_gradients(subject, inputs, cotangents)
            else:
                with torch.no_grad(), masking(inputs):
                    outputs = run_own(subject, inputs, packed)
            return {key: tensor.detach().cpu() for key, tensor in outputs.items()}
        except Exception as error:
            raise ValueError(
                f"{id}: expected the module itself to give what torch.nn.{subject.name} gives, "
                f"got {type(error).__name__}: {error}\n{likely(subject)}"
            ) from error


def run_own(subject: Subject, inputs: Tensors, packed: PackedSequence | None = None) -> Tensors:
    batch_first = bool(subject.config.get("batch_first", False))
    if packed is not None and packed.data.device != subject.device:
        packed = packed._replace(data=packed.data.to(subject.device))
    forward: Callable[..., Any] = subject.module
    if isinstance(subject.core, torch.jit.ScriptModule) and not hasattr(subject.core, "forward"):
        # A scripted layer has a forward for a tensor and one for a PackedSequence.
        forward = getattr(subject.core, "forward__1" if "lengths" in inputs else "forward__0")
    return run(subject.name, forward, batch_first, inputs, packed)


def with_gradients(subject: Subject, inputs: Tensors, cotangents: Tensors) -> Tensors:
    """The outputs, and the gradients by what went in and by every parameter that has one."""
    with torch.inference_mode(False), torch.enable_grad():
        leaves = {
            key: tensor.detach().requires_grad_()
            for key, tensor in inputs.items()
            if key in ("input", *STATES)
        }
        with masking(inputs):
            outputs = run_own(subject, {**inputs, **leaves})
        wanted = {
            **leaves,
            **{key: own for key, own in own_parameters(subject).items() if own.requires_grad},
        }
        gradients = torch.autograd.grad(
            [outputs[key] for key in cotangents],
            list(wanted.values()),
            [cotangent.to(subject.device) for cotangent in cotangents.values()],
            allow_unused=True,
        )
    return {
        **outputs,
        **{
            f"grad_{key}": torch.zeros_like(wanted[key]) if grad is None else grad
            for key, grad in zip(wanted, gradients, strict=True)
        },
    }


def check_agreement(
    subject: Subject,
    own: Tensors,
    recorded: Tensors,
    budget: dict[str, Array],
    id: str,
) -> None:
    """Refuses a recording that departs from the module itself by more than rounding.

    Raises:
        ValueError: It does; says by how much and why that may be.
    """
    for key, tensor in own.items():
        expected = recorded[key]
        where = f"{id}: {key}: expected what the module itself gives"
        if tensor.dtype != expected.dtype or tensor.shape != expected.shape:
            raise ValueError(
                f"{where}, {describe(tensor)}, got {describe(expected)}\n{likely(subject)}"
            )
        found = departure(tensor, expected, budget.get(key), is_strict=bool(subject.reasons))
        if found is not None:
            largest, allowed = found
            by = f"up to {largest:.3g}" if largest < np.inf else "NaN or infinities"
            raise ValueError(
                f"{where}, got a recording that differs from it by {by}, "
                f"where rounding allows {allowed:.2g}\n{likely(subject)}"
            )


def describe(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def likely(subject: Subject) -> str:
    if not subject.reasons:
        return "nothing is known that makes it compute something else: please report it"
    return (
        f"likely because {'; '.join(subject.reasons)}\n"
        f"take that off: what torch.nn.{subject.name} computes can be recorded, and nothing else"
    )


def departure(
    own: torch.Tensor, recorded: torch.Tensor, budget: Array | None, *, is_strict: bool
) -> tuple[float, float] | None:
    """The largest difference that is more than rounding, and what was allowed there."""
    a: Any = own.double().numpy()
    b: Any = recorded.double().numpy()
    # Two NaN, or two infinities of one sign, are the same.
    with np.errstate(invalid="ignore"):
        difference = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    if not difference.any():
        return None
    u, smallest = UNIT[own.dtype], SMALLEST_NORMAL[own.dtype]
    largest = float(np.max(np.abs(b), where=np.isfinite(b), initial=0.0))
    bound = max(PART, ROUNDINGS * u) * largest + smallest
    if budget is None:
        bound = ROUNDINGS * ROUNDINGS * u * largest + smallest
    allowed = np.full(difference.shape, bound)
    if budget is not None:
        allowed = np.broadcast_to(KAPPA * budget, difference.shape)
        if is_strict:
            allowed = np.minimum(allowed, bound)
    # A difference of NaN is never allowed.
    wrong = ~(difference <= allowed)
    if not wrong.any():
        return None
    sizes = np.where(np.isnan(difference), np.inf, difference)
    worst = np.where(wrong, sizes, -1.0).argmax()
    return float(sizes.flat[worst]), float(allowed.flat[worst])

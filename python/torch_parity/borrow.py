"""The user's module, lent for one call: afterwards it is as it was, and so is torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from torch_parity.subject import Subject


def bits_equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors hold the same, NaN for NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and bool(torch.equal(a, b) or same_nan(a, b))


def same_nan(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def has_buffers(core: nn.Module) -> bool:
    return next(core.buffers(), None) is not None


@contextmanager
def borrowed(subject: Subject, *, training: bool) -> Iterator[None]:
    """Lends the user's module in one mode; it and torch's generators come back as they were."""
    parts = list(subject.module.modules())
    # A frozen scripted module has no mode.
    modes = [(part, part.training) for part in parts if hasattr(part, "training")]
    restore = keep(subject, parts) if subject.reasons or has_buffers(subject.core) else None
    devices = [subject.device] if subject.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            for part, mode in modes:
                if mode != training:
                    part.training = training
            yield
        finally:
            for part, mode in modes:
                if part.training != mode:
                    part.training = mode
            if restore is not None:
                restore()


def keep(subject: Subject, parts: list[nn.Module]) -> Callable[[], None]:
    """Remembers what hooks and patches may change; what it returns puts that back."""
    named = (*subject.module.named_parameters(), *subject.module.named_buffers())
    values = [(tensor, tensor.detach().clone()) for _, tensor in named if not tensor.is_meta]
    plain = [part for part in parts if not isinstance(part, torch.jit.ScriptModule)]
    attributes = [
        (part, name, value)
        for part in plain
        for name, value in vars(part).items()
        if isinstance(value, torch.Tensor)
    ]
    lists = [
        (part, name, value, list(value))
        for part in plain
        for name, value in vars(part).items()
        if name.startswith("_flat_weight") and isinstance(value, list)
    ]

    def restore() -> None:
        for tensor, value in values:
            if not bits_equal(tensor.detach(), value):
                with torch.inference_mode(tensor.is_inference()), torch.no_grad():
                    tensor.copy_(value)
        for part, name, value in attributes:
            vars(part)[name] = value
        for part, name, own, held in lists:
            own[:] = held
            vars(part)[name] = own

    return restore

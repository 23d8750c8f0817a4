"""Tensors of captured models as a fixture holds them: floats of one dtype."""

from collections.abc import Mapping
from typing import Any

import torch

from torch_parity.fixture import encode_tensor

#: So large whole numbers are exact in each dtype.
LARGEST_WHOLE = {torch.float32: 2**24, torch.float64: 2**53}


def named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


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


def described(value: torch.Tensor) -> dict[str, Any]:
    return {"shape": list(value.shape), "dtype": named(value.dtype)}


def own_copy(value: Any) -> Any:
    """The same tensor in memory of its own; what is none, as it is."""
    return value.detach().clone() if isinstance(value, torch.Tensor) else value

"""Where torch computes what is recorded: on the CPU, or on a GPU.

Parameters, inputs and the error budget are made on the CPU whatever the device is, so that two
recordings differ in what was computed and in nothing else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypedDict

import torch
from torch import nn

from torch_parity.modules import Tensors

CPU = torch.device("cpu")


class About(TypedDict, total=False):
    """A device beside the CPU, as a fixture's header says it."""

    device: str
    cudnn: str
    tf32: bool


#: pack_padded_sequence wants lengths on the CPU, wherever the rows are.
STAYS = "lengths"


def find_device(name: str) -> torch.device:
    """The device of a name such as cpu, cuda or cuda:1.

    Raises:
        ValueError: There is no such device here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"--device: expected cpu, cuda or cuda:N, got {name}") from None
    if device.type == "cpu":
        return CPU
    if device.type != "cuda":
        raise ValueError(f"--device: expected cpu, cuda or cuda:N, got {name}")
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        raise ValueError(
            f"--device: expected a GPU that torch {torch.__version__} can use, "
            f"got {name} of {count}\n"
            "a torch that is built for the GPU's driver, or --device cpu"
        )
    return device


@contextmanager
def tensor_float_32(allowed: bool) -> Iterator[None]:
    """Whether products of float32 on a GPU may round what goes in to TF32's 10 bits."""
    before = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def describe(device: torch.device) -> About:
    """What a fixture's header says of a device; nothing of the CPU."""
    if device.type == "cpu":
        return {}
    return {
        "device": f"{device}: {torch.cuda.get_device_name(device)}",
        "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
        "tf32": bool(torch.backends.cudnn.allow_tf32),
    }


def run_on(
    device: torch.device,
    compute: Callable[[nn.Module, Tensors], Tensors],
    build: Callable[[Tensors], nn.Module],
    params: Tensors,
    given: Tensors,
) -> Tensors:
    """What `compute` gives of a module and its inputs on a device, brought back to the CPU."""
    if device.type == "cpu":
        return compute(build(params), given)
    masked = "dropout_mask" in given
    module = build({name: value.to(device) for name, value in params.items()})
    for layer in module.modules():
        if isinstance(layer, nn.RNNBase):
            # One block of memory, as a module has that was moved to a GPU.
            layer.flatten_parameters()
            layer.dropout = layer.dropout if masked else 0.0
    # cuDNN has gradients in training mode alone, where dropout would act; masks set it themselves.
    module.train(not masked)
    there = {key: value if key == STAYS else value.to(device) for key, value in given.items()}
    # cuDNN draws dropout by itself: masks can be put into torch's own kernels only.
    tf32 = torch.backends.cudnn.allow_tf32
    with torch.backends.cudnn.flags(enabled=not masked, allow_tf32=tf32):
        outputs = compute(module, there)
    return {name: tensor.cpu() for name, tensor in outputs.items()}

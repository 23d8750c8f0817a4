"""Weights that are nowhere at their defaults, so that whoever leaves one out is wrong."""

import math

import torch
from torch import nn

from torch_parity.values import Stream

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


@torch.no_grad()
def draw(model: nn.Module, stream: Stream) -> None:
    """Draws every parameter and buffer of floats, in place.

    Matrices and kernels are uniform with variance 2 / terms of a sum, embeddings nearly normal,
    biases and running means in ±½, the weights of norms and running variances in 1 ± ½.
    """
    for module in model.modules():
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in own:
            if tensor.is_floating_point():
                tensor.copy_(torch.from_numpy(values(module, name, tensor, stream)))


def values(module: nn.Module, name: str, tensor: torch.Tensor, stream: Stream) -> object:
    if isinstance(module, nn.Embedding):
        return stream.normal(*tensor.shape)
    around_one = name == "running_var" or (isinstance(module, NORMS) and name == "weight")
    if tensor.dim() < 2:
        return stream.uniform(0.5, *tensor.shape) + (1.0 if around_one else 0.0)
    return stream.uniform(math.sqrt(6.0 / tensor[0].numel()), *tensor.shape)

"""Steps of an optimizer on a small task: what a training loop in torch does, written out."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from torch_parity.modules import Tensors, call

#: The shape of a sum and how many terms it has → what to multiply it by: 1 + δ.
Rounding = Callable[[torch.Size, int], torch.Tensor]

OPTIMIZERS: dict[str, Any] = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}

#: Arguments by torch's names, as a case holds them.
SGD: dict[str, Any] = {
    "optimizer": "SGD",
    "lr": 0.5,
    "weight_decay": 0.0,
    "momentum": 0.0,
    "dampening": 0.0,
    "nesterov": False,
    "steps": 20,
}
ADAM: dict[str, Any] = {
    "optimizer": "Adam",
    "lr": 0.02,
    "weight_decay": 0.0,
    "betas": [0.9, 0.999],
    "eps": 1e-8,
    "steps": 20,
}


#: What torch takes for what is not said; it has no number of steps.
DEFAULTS: dict[str, dict[str, Any]] = {
    "SGD": {**SGD, "lr": 1e-3},
    "Adam": {**ADAM, "lr": 1e-3},
}


def complete(training: Mapping[str, Any], id: str) -> dict[str, Any]:
    """The training with torch's own value for everything it does not say.

    Raises:
        ValueError: It is none that can be recorded.
    """
    optimizer = training.get("optimizer")
    if optimizer not in DEFAULTS:
        raise ValueError(
            f"{id}: training: expected optimizer {' or '.join(DEFAULTS)}, got {optimizer}"
        )
    defaults = DEFAULTS[optimizer]
    for unknown in training.keys() - defaults.keys():
        raise ValueError(f"{id}: training: expected {', '.join(defaults)}, got {unknown}")
    steps = training.get("steps", defaults["steps"])
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"{id}: training: expected steps of at least 1, got {steps}")
    return {**defaults, **training}


def train(
    module: nn.Module,
    inputs: Tensors,
    target: torch.Tensor,
    training: Mapping[str, Any],
    rounding: Rounding | None = None,
) -> Tensors:
    """Steps on the mean squared error of the first output against the target.

    rounding: what each loss and each parameter after a step is multiplied by, to see what another
    rounding of the step would lead to.

    Returns loss: (steps), before each step, and each parameter: (steps, …), after each step.
    The module's own parameters are exchanged for others, whose numbers are changed.
    """
    options = {key: value for key, value in training.items() if key not in ("optimizer", "steps")}
    with torch.enable_grad():
        for parameter in module.parameters():
            parameter.data = parameter.data.clone()
            parameter.requires_grad_()
        optimizer = OPTIMIZERS[training["optimizer"]](module.parameters(), foreach=False, **options)
        losses = []
        after: dict[str, list[torch.Tensor]] = {name: [] for name, _ in module.named_parameters()}
        for _ in range(training["steps"]):
            optimizer.zero_grad()
            output = next(iter(call(module, inputs).values()))
            loss = nn.functional.mse_loss(output, target)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            # A loss is a sum of as many terms as the output has elements.
            losses.append(loss.detach() * (rounding(loss.shape, output.numel()) if rounding else 1))
            for name, parameter in module.named_parameters():
                if rounding is not None:
                    parameter.data *= rounding(parameter.shape, parameter.shape[-1])
                after[name].append(parameter.detach().clone())
        for parameter in module.parameters():
            parameter.requires_grad_(False)
    steps = {name: torch.stack(values) for name, values in after.items()}
    return {"loss": torch.stack(losses), **steps}

"""A user's module, and the recurrent module of torch that computes what it computes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.nn.modules import module as module_globals
from torch.nn.modules import rnn as torch_rnn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from torch_parity.modules import KINDS, config_of, parameter_names

#: A subclass that has its own of these computes something else.
COMPUTES = (
    *("forward", "forward_impl", "forward_tensor", "forward_packed", "permute_hidden"),
    *("__call__", "_call_impl", "_wrapped_call_impl", "__getattr__", "__getattribute__"),
)

#: What makes a weight of other parameters before each run.
REWEIGHTS = (WeightNorm, SpectralNorm, BasePruningMethod)


@dataclass(frozen=True)
class Subject:
    """module: as it was given. core: the recurrent module in it. name: of the torch class.

    made_of: the parameters that a weight is computed of, where they are not the weights.
    reasons: why it may compute something else than a module of torch.
    """

    module: nn.Module
    core: nn.Module
    name: str
    config: dict[str, Any]
    made_of: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def device(self) -> torch.device:
        return next((tensor.device for tensor in self.core.parameters()), torch.device("cpu"))


def path_of(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else full_name(kind)


def full_name(thing: Any) -> str:
    module = getattr(thing, "__module__", None) or "?"
    return f"{module}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"


def find_subject(module: object, id: str) -> Subject:
    """What is recorded of a module.

    torch.compile and DataParallel are looked through; scripted and traced modules, subclasses
    that compute nothing by themselves, and weights that are computed of others are understood.

    Raises:
        TypeError: There is no recurrent module of torch in it.
        ValueError: The class of torch was patched, or the configuration is not known.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"expected one of {', '.join(KINDS)}, got {path_of(type(module))}")
    core, wrappers = unwrap(module)
    if isinstance(core, torch.jit.ScriptModule):
        name = str(core.original_name)
        if name not in KINDS:
            raise refused(core, f"a scripted {name}")
        config = scripted_config(core, name, id)
        wrappers.append("it was scripted or traced by torch.jit")
    else:
        name = class_of(core)
        config = config_of(core, name)
    check_untouched(name, id)
    weights = parameter_names(name, config)
    held = [own for own, _ in core.named_parameters(remove_duplicate=False)]
    # A parameter beside the weights is of no matter; one in place of a weight is.
    made_of = (
        ()
        if all(own in held for own in weights)
        else tuple(own for own in held if own not in weights)
    )
    reasons = (*wrappers, *reasons_of(module, core))
    if not made_of and is_stale(core, weights):
        reasons = (*reasons, "it computes with other _flat_weights than its parameters")
    if made_of:
        reasons = (*reasons, f"its weights are computed of {', '.join(made_of)}")
    return Subject(module, core, name, config, made_of, reasons)


def unwrap(module: nn.Module) -> tuple[nn.Module, list[str]]:
    """The module inside torch.compile and DataParallel, and what was taken off."""
    reasons: list[str] = []
    while True:
        if type(module).__name__ == "OptimizedModule" and "_orig_mod" in module._modules:
            module = cast(nn.Module, module._modules["_orig_mod"])
            reasons.append("it was compiled by torch.compile")
        elif isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            reasons.append(f"it is inside {path_of(type(module))}")
            module = module.module
        else:
            return module, reasons


def class_of(core: nn.Module) -> str:
    """The torch class that a module computes as.

    Raises:
        TypeError: It is none, or a subclass that computes something else.
    """
    kind = type(core)
    if ".quantized.dynamic." in kind.__module__:
        dtype = str(getattr(core, "dtype", "int8"))
        raise TypeError(
            f"expected a float module, got {path_of(kind)}: a dynamically quantised "
            f"{kind.__name__}, whose weights are {dtype.removeprefix('torch.').removeprefix('q')}\n"
            "record the float module that it was made from"
        )
    for name, known in KINDS.items():
        if not isinstance(core, known.torch_class):
            continue
        own = kind.__mro__[: kind.__mro__.index(known.torch_class)]
        for attribute in COMPUTES:
            if any(attribute in vars(derived) for derived in own):
                raise TypeError(
                    f"expected a torch.nn.{name} that computes as torch's, got {path_of(kind)}, "
                    f"which overrides {attribute}\n"
                    f"what it adds is no part of a recording: record a torch.nn.{name} that holds "
                    "its weights"
                )
        return name
    raise refused(core, path_of(kind))


def refused(core: nn.Module, got: str) -> TypeError:
    """Names the parts that can be recorded."""
    parts = [
        name
        for name, part in core.named_modules()
        if name and isinstance(part, tuple(known.torch_class for known in KINDS.values()))
    ]
    shown = ", ".join(f"model.{name}" for name in parts[:4]) or "model.rnn"
    return TypeError(
        f"expected one of {', '.join(KINDS)}, got {got}\n"
        f"a part of a model can be recorded: record({shown}, …)"
    )


def check_untouched(name: str, id: str) -> None:
    """Refuses to record with a class that somebody has patched: every number would be theirs."""
    forward = KINDS[name].torch_class.forward
    if getattr(forward, "__globals__", None) is not vars(torch_rnn):
        raise ValueError(
            f"{id}: expected torch's own torch.nn.{name}.forward, "
            f"got {full_name(forward)} in its place\n"
            "take the patch off while you record"
        )


def scripted_config(core: nn.Module, name: str, id: str) -> dict[str, Any]:
    """The configuration of a scripted module by its attributes, of a traced one by its graph.

    Raises:
        ValueError: Neither says it.
    """
    if hasattr(core, "hidden_size"):
        return config_of(core, name)
    weights = {own: tuple(tensor.shape) for own, tensor in core.named_parameters()}
    kind = KINDS[name]
    suffix = "_l0" if kind.is_layer else ""
    nodes = list(cast(Any, core).inlined_graph.nodes())
    try:
        gates = {"LSTM": 4, "GRU": 3}.get(name.removesuffix("Cell"), 1)
        rows, input_size = weights[f"weight_ih{suffix}"]
        config: dict[str, Any] = {"input_size": input_size, "hidden_size": rows // gates}
        if "nonlinearity" in kind.options:
            is_relu = any("relu" in own.kind() for own in nodes)
            config["nonlinearity"] = "relu" if is_relu else "tanh"
        config["bias"] = f"bias_ih{suffix}" in weights
        if kind.is_layer:
            node = next(
                own
                for own in nodes
                if own.kind() in ("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu")
            )
            # input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
            said = [own.toIValue() for own in list(node.inputs())[3:9]]
            config |= {
                "num_layers": said[1],
                "batch_first": said[5],
                "dropout": said[2],
                "bidirectional": said[4],
            }
            if "proj_size" in kind.options:
                config["proj_size"] = weights.get("weight_hr_l0", (0,))[0]
        return {own: config[own] for own in ("input_size", "hidden_size", *kind.options)}
    except (KeyError, IndexError, StopIteration, ValueError) as error:
        raise ValueError(
            f"{id}: expected a traced {name} that says its configuration, got none\n"
            "record the module that it was traced from"
        ) from error


def is_reweight(hook: object) -> bool:
    return isinstance(hook, REWEIGHTS)


def reasons_of(module: nn.Module, core: nn.Module) -> Iterator[str]:
    """What may make a module compute something else than its class and its weights say."""
    for part in {id(module): module, id(core): core}.values():
        for kind in ("forward_pre_hooks", "forward_hooks", "backward_pre_hooks", "backward_hooks"):
            hooks = getattr(part, f"_{kind}", None) or {}
            if names := [full_name(own) for own in hooks.values() if not is_reweight(own)]:
                yield f"it has {kind.replace('_', ' ')} ({', '.join(names)})"
        if "forward" in vars(part):
            yield f"its forward was replaced by {full_name(vars(part)['forward'])}"
    for kind in ("forward_pre_hooks", "forward_hooks", "backward_pre_hooks", "backward_hooks"):
        if getattr(module_globals, f"_global_{kind}", None):
            yield f"there are global {kind.replace('_', ' ')}"
    if any(getattr(parameter, "_backward_hooks", None) for parameter in core.parameters()):
        yield "its parameters have hooks"
    if type(core) not in known_classes() and not isinstance(core, torch.jit.ScriptModule):
        if parametrize.is_parametrized(core):
            yield "it is parametrized"
        else:
            yield f"it is of the subclass {path_of(type(core))}"
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            dtype = str(torch.get_autocast_dtype(device)).removeprefix("torch.")
            yield f"autocast to {dtype} is on for {device}"


def is_stale(core: nn.Module, weights: list[str]) -> bool:
    """Whether somebody has exchanged the list that a layer computes with, or a weight under it."""
    flat = vars(core).get("_flat_weights")
    if not isinstance(flat, list) or len(flat) != len(weights):
        return False
    return any(
        isinstance(used, torch.Tensor) and used is not getattr(core, own, None)
        for used, own in zip(flat, weights, strict=True)
    )


def known_classes() -> tuple[type[nn.Module], ...]:
    return tuple(known.torch_class for known in KINDS.values())

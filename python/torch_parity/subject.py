"""A user's module, and the recurrent module of torch that computes what it computes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

from torch_parity.budget import UNIT
from torch_parity.modules import KINDS, Tensors, config_of, parameter_names, state_size

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


def known_classes() -> tuple[type[nn.Module], ...]:
    return tuple(known.torch_class for known in KINDS.values())


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
    modes = [(part, part.training) for part in parts]
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


def effective_params(subject: Subject, id: str) -> Tensors:
    """The weights by torch's names, as the module computes with them, on the CPU.

    Call it while the module is borrowed.

    Raises:
        ValueError: They are none that can be recorded.
    """
    core, name, config = subject.core, subject.name, subject.config
    with torch.no_grad():
        for hook in core._forward_pre_hooks.values():
            if is_reweight(hook):
                hook(core, ())
        params: Tensors = {}
        for own in parameter_names(name, config):
            weight = getattr(core, own, None)
            if not isinstance(weight, torch.Tensor):
                raise ValueError(f"{id}: {own}: expected a weight, got none")
            if weight.is_meta:
                raise ValueError(f"{id}: {own}: expected numbers, got a tensor on meta")
            params[own] = plain_tensor(weight)
    first, dtype = next((own, tensor.dtype) for own, tensor in params.items())
    if dtype not in UNIT:
        expected_dtypes = ", ".join(str(known).removeprefix("torch.") for known in UNIT)
        raise ValueError(f"{id}: expected a module of dtype {expected_dtypes}, got {dtype}")
    shapes = parameter_shapes(name, config)
    for own, tensor in params.items():
        if tensor.dtype != dtype:
            raise ValueError(
                f"{id}: {own}: expected dtype {dtype}, which {first} has, got {tensor.dtype}"
            )
        if tuple(tensor.shape) != shapes[own]:
            raise ValueError(
                f"{id}: {own}: expected shape {shapes[own]}, got {tuple(tensor.shape)}"
            )
    return params


def plain_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers on the CPU, without autograd and out of inference mode; strides are kept."""
    own = tensor.detach().cpu()
    return own.clone() if own.is_inference() else own


def parameter_shapes(name: str, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """As torch's state_dict has them."""
    rows = {"LSTM": 4, "GRU": 3}.get(name.removesuffix("Cell"), 1) * config["hidden_size"]
    state = state_size(config)
    below = (2 if config.get("bidirectional") else 1) * state
    shapes: dict[str, tuple[int, ...]] = {}
    for own in parameter_names(name, config):
        is_first = "_l" not in own or own.removesuffix("_reverse").endswith("_l0")
        if own.startswith("weight_ih"):
            shapes[own] = (rows, config["input_size"] if is_first else below)
        elif own.startswith("weight_hh"):
            shapes[own] = (rows, state)
        else:
            shapes[own] = (state, config["hidden_size"]) if "_hr" in own else (rows,)
    return shapes


def own_parameters(subject: Subject) -> dict[str, nn.Parameter]:
    """The parameters that are weights, by torch's names."""
    weights = parameter_names(subject.name, subject.config)
    return {own: value for own, value in subject.core.named_parameters() if own in weights}


def check_own_parameters(subject: Subject, what: str, id: str) -> None:
    """Refuses gradients where the weights are not parameters of their own.

    Raises:
        ValueError: They are computed of others, or two are one.
    """
    if subject.made_of:
        raise ValueError(
            f"{id}: expected weights that are parameters for {what}, "
            f"got weights that are computed of {', '.join(subject.made_of)}\n"
            "record the run alone, or take parametrizations and pruning off first"
        )
    places: dict[tuple[torch.device, int], str] = {}
    for own in parameter_names(subject.name, subject.config):
        weight = getattr(subject.core, own)
        if not isinstance(weight, nn.Parameter):
            raise ValueError(
                f"{id}: {own}: expected a parameter for {what}, got a tensor that is none"
            )
        if weight.numel() == 0:
            continue
        place = (weight.device, weight.data_ptr())
        if place in places:
            raise ValueError(
                f"{id}: expected parameters of their own for {what}, "
                f"got {places[place]} and {own} in one\n"
                "a fixture has a gradient for each: record the run alone"
            )
        places[place] = own
    weights = own_parameters(subject)
    frozen = [own for own, weight in weights.items() if not weight.requires_grad]
    if what == "a training" and 0 < len(frozen) < len(weights):
        raise ValueError(
            f"{id}: expected parameters that are all trained, got {', '.join(frozen)} frozen"
        )

"""What differs between torch's recurrent modules: everything else is written once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.utils._python_dispatch import TorchDispatchMode

Tensors = dict[str, torch.Tensor]

LAYER_OPTIONS = ("num_layers", "bias", "batch_first", "dropout", "bidirectional")
FLAGS = ("bias", "batch_first", "bidirectional")


@dataclass(frozen=True)
class ModuleKind:
    """A torch class, and the constructor arguments that a fixture records."""

    torch_class: type[nn.Module]
    options: tuple[str, ...]
    is_layer: bool
    has_cell_state: bool = False


KINDS: dict[str, ModuleKind] = {
    "RNNCell": ModuleKind(nn.RNNCell, ("bias", "nonlinearity"), is_layer=False),
    "LSTMCell": ModuleKind(nn.LSTMCell, ("bias",), is_layer=False, has_cell_state=True),
    "GRUCell": ModuleKind(nn.GRUCell, ("bias",), is_layer=False),
    "RNN": ModuleKind(nn.RNN, ("nonlinearity", *LAYER_OPTIONS), is_layer=True),
    "LSTM": ModuleKind(nn.LSTM, (*LAYER_OPTIONS, "proj_size"), is_layer=True, has_cell_state=True),
    "GRU": ModuleKind(nn.GRU, LAYER_OPTIONS, is_layer=True),
}

#: Each class without its start: on "meta" it changes nothing, and takes longer than small cases.
BLANKS: dict[str, type[nn.Module]] = {
    name: type(name, (kind.torch_class,), {"reset_parameters": lambda self: None})
    for name, kind in KINDS.items()
}

#: What may go into a module beside its input.
STATES = ("h_0", "c_0")
INPUTS = ("input", *STATES, "lengths", "dropout_mask")


def name_of(module: nn.Module) -> str:
    """The torch class that a module is an instance of.

    Raises:
        TypeError: The module is none that can be recorded.
    """
    for name, kind in KINDS.items():
        if type(module) is kind.torch_class:
            return name
    raise TypeError(
        f"expected one of {', '.join(KINDS)}, got {type(module).__name__}\n"
        "a part of a model can be recorded: record(model.rnn, …)"
    )


def config_of(module: nn.Module, name: str | None = None) -> dict[str, Any]:
    """The module's constructor arguments, by torch's names.

    name: of the torch class, where the module's own class is another.
    """
    kind = KINDS[name or name_of(module)]
    names = ("input_size", "hidden_size", *kind.options)
    # RNNCell(3, 4, "relu") has "relu" for its bias.
    return {
        own: bool(getattr(module, own)) if own in FLAGS else getattr(module, own) for own in names
    }


def parameter_names(name: str, config: Mapping[str, Any]) -> list[str]:
    """The names in a state_dict, in its order."""
    own = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if config["bias"] else [])]
    if not KINDS[name].is_layer:
        return own
    if config.get("proj_size"):
        own.append("weight_hr")
    directions = ("", "_reverse") if config["bidirectional"] else ("",)
    return [
        f"{weight}_l{layer}{direction}"
        for layer in range(config["num_layers"])
        for direction in directions
        for weight in own
    ]


def state_size(config: Mapping[str, Any]) -> int:
    """How many units h has: proj_size of an LSTM that has one, else hidden_size."""
    return int(config.get("proj_size", 0) or config["hidden_size"])


def blank(name: str, config: Mapping[str, Any]) -> nn.Module:
    """A module of shapes without numbers; torch's own start of the parameters is left out."""
    torch_class = KINDS[name].torch_class
    module = BLANKS[name](**config, device="meta")
    # Nothing but the start was another class's.
    module.__class__ = torch_class
    return module


def build(name: str, config: Mapping[str, Any], params: Tensors) -> nn.Module:
    """A module in evaluation mode that shares the parameters given; nothing random is drawn."""
    return filled(blank(name, config), params)


def filled(module: nn.Module, params: Tensors) -> nn.Module:
    """A blank module that has become one in evaluation mode, with the parameters given."""
    module.load_state_dict(params, assign=True)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module.eval()


def exchange(module: nn.Module, params: Tensors) -> None:
    """Gives a module other parameters of the same shapes, faster than building another."""
    for name, parameter in module.named_parameters():
        parameter.data = params[name]


class DropoutMask(TorchDispatchMode):
    """Puts given masks where torch's dropout draws its own, one for each layer but the last."""

    def __init__(self, masks: torch.Tensor, lengths: torch.Tensor | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._masks = masks
        self._lengths = lengths
        self.used = 0

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, func, types, args=(), kwargs=None
    ):
        if func is torch.ops.aten.native_dropout.default:
            # A GPU's dropout draws, multiplies and scales at once.
            mask = self._next(args[0])
            return args[0] * mask / (1 - args[1]), mask.bool()
        if func is not torch.ops.aten.bernoulli_.float:
            return func(*args, **(kwargs or {}))
        # torch's own draw is left out, so that its generator stays where it is.
        return args[0].copy_(self._next(args[0]))

    def _next(self, drawn: torch.Tensor) -> torch.Tensor:
        """The next mask, of the shape that torch draws."""
        if self.used == len(self._masks):
            raise RuntimeError(f"expected torch to draw {self.used} masks, it draws more")
        mask = self._masks[self.used]
        self.used += 1
        if self._lengths is not None:
            # torch drops out of the packed rows.
            mask = pack_padded_sequence(mask, self._lengths, enforce_sorted=False).data
        if mask.numel() != drawn.numel():
            raise RuntimeError(
                f"expected dropout_mask to have {drawn.numel()} elements for each layer, "
                f"got {mask.numel()}"
            )
        # Rows of one length are not packed for every module.
        return mask.reshape(drawn.shape)


@contextmanager
def dropping_out(module: nn.Module, inputs: Tensors) -> Iterator[None]:
    """Training mode with the dropout of inputs["dropout_mask"], where it is given.

    Raises:
        RuntimeError: torch has not drawn as many masks as there are.
    """
    if "dropout_mask" not in inputs:
        yield
        return
    mode_before = module.training
    module.train()
    try:
        with masking(inputs):
            yield
    finally:
        module.train(mode_before)


@contextmanager
def masking(inputs: Tensors) -> Iterator[None]:
    """Puts inputs["dropout_mask"], where it is given, in place of what torch would draw.

    Raises:
        RuntimeError: torch has not drawn as many masks as there are.
    """
    masks = inputs.get("dropout_mask")
    if masks is None:
        yield
        return
    with DropoutMask(masks, inputs.get("lengths")) as mode:
        yield
    if mode.used != len(masks) and masks.numel() > 0:
        raise RuntimeError(f"expected torch to draw {len(masks)} masks, it drew {mode.used}")


def call(module: nn.Module, inputs: Tensors) -> Tensors:
    """Runs a module of ours, without the hooks that somebody may have given to all modules."""
    name = name_of(module)
    with dropping_out(module, inputs):
        return run(name, module.forward, bool(getattr(module, "batch_first", False)), inputs)


def run(
    name: str,
    forward: Callable[..., Any],
    batch_first: bool,
    inputs: Tensors,
    packed: PackedSequence | None = None,
) -> Tensors:
    """Calls `forward` and names what it gives: output, h_n, c_n of a layer, h_1, c_1 of a cell.

    packed: goes in as it is instead of `input` and `lengths`, which say the same.
    """
    kind = KINDS[name]
    states = [inputs[name] for name in STATES if name in inputs]
    given = ((tuple(states) if kind.has_cell_state else states[0]),) if states else ()
    input, lengths = inputs["input"], inputs.get("lengths")
    if not kind.is_layer:
        return named("h_1", "c_1", forward(input, *given))
    if lengths is None:
        output, state = forward(input, *given)
    else:
        if packed is None:
            packed = pack_padded_sequence(
                input, lengths, batch_first=batch_first, enforce_sorted=False
            )
        packed_output, state = forward(packed, *given)
        seq_len = input.shape[1 if batch_first else 0]
        output, _ = pad_packed_sequence(
            packed_output, batch_first=batch_first, total_length=seq_len
        )
    return {"output": output, **named("h_n", "c_n", state)}


def named(h: str, c: str, state: torch.Tensor | tuple[torch.Tensor, torch.Tensor]) -> Tensors:
    """The state of a module by its names: a tensor, or a pair of an LSTM."""
    return {h: state} if isinstance(state, torch.Tensor) else {h: state[0], c: state[1]}


def call_with_gradients(
    module: nn.Module,
    inputs: Tensors,
    cotangents: Tensors | Callable[[Tensors], Tensors],
    activations: AbstractContextManager[object] | None = None,
) -> Tensors:
    """What `call` gives, and the gradients by everything that went in, from those by each output.

    cotangents: those by each output, or what draws them for outputs. activations: what the forward
    pass runs in.

    The gradients are called grad_input, grad_h_0, grad_c_0 and grad_ and a parameter's name.
    """
    with torch.enable_grad():
        leaves = {
            name: tensor.detach().requires_grad_()
            for name, tensor in inputs.items()
            if name in ("input", *STATES)
        }
        params = dict(module.named_parameters())
        for parameter in params.values():
            parameter.requires_grad_()
        try:
            with activations or nullcontext():
                outputs = call(module, {**inputs, **leaves})
            wanted = {**leaves, **params}
            if callable(cotangents):
                cotangents = cotangents(outputs)
            gradients = torch.autograd.grad(
                [outputs[name] for name in cotangents],
                list(wanted.values()),
                list(cotangents.values()),
            )
        finally:
            for parameter in params.values():
                parameter.requires_grad_(False)
    named = {f"grad_{name}": grad for name, grad in zip(wanted, gradients, strict=True)}
    return {name: tensor.detach() for name, tensor in {**outputs, **named}.items()}

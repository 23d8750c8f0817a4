"""What to record: module, configuration, shapes, and what kind of numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_parity.device import CPU
from torch_parity.fixture import Case, EncodedTensor, encode_tensor, generated_tensor
from torch_parity.modules import KINDS, Tensors, blank, filled, state_size
from torch_parity.record import record, record_bare
from torch_parity.training import ADAM
from torch_parity.values import Array, Generated, Stream

DEFAULTS: dict[str, Any] = {
    "nonlinearity": "tanh",
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
}


@dataclass(frozen=True)
class CaseSpec:
    """One case to record.

    batch: None when unbatched. lengths: of each row, for a PackedSequence. state: whether h_0 is
    given, and c_0. contiguous: whether torch sees its input in C order.
    profile: what kind of numbers, see `fill`. gradients, masked, training: see `record`, which
    calls masked dropout. generated: whether the file names large tensors instead of holding them.
    """

    id: str
    module: str
    input_size: int
    hidden_size: int
    seq_len: int = 1
    batch: int | None = 4
    options: dict[str, Any] = field(default_factory=dict)
    lengths: tuple[int, ...] | None = None
    state: bool = True
    dtype: str = "float32"
    profile: str = "default"
    contiguous: bool = True
    gradients: bool = False
    masked: bool = False
    training: Mapping[str, Any] | None = None
    generated: bool = False

    @property
    def config(self) -> dict[str, Any]:
        """The module's constructor arguments."""
        kind = KINDS[self.module]
        options = {name: self.options.get(name, DEFAULTS[name]) for name in kind.options}
        return {"input_size": self.input_size, "hidden_size": self.hidden_size, **options}


def with_id(spec: CaseSpec) -> CaseSpec:
    """Names a case by its shapes and by what differs from the default."""
    parts = [f"seq_len-{spec.seq_len}"] if KINDS[spec.module].is_layer else []
    parts.append("unbatched" if spec.batch is None else f"batch-{spec.batch}")
    parts += [f"input-{spec.input_size}", f"hidden-{spec.hidden_size}"]
    parts += [] if spec.training is None else [optimizer_label(spec.training)]
    short = {"num_layers": "layers", "bidirectional": "bidirectional", "batch_first": "batch_first"}
    for name, value in spec.options.items():
        if value != DEFAULTS[name]:
            label = short.get(name, name)
            parts.append(label if value is True else f"{label}-{value}")
    parts += [] if spec.state else ["no_state"]
    parts += ["lengths"] if spec.lengths is not None else []
    parts += ["masked"] if spec.masked else []
    parts += ["gradients"] if spec.gradients else []
    parts += [spec.dtype] if spec.dtype != "float32" else []
    parts += [spec.profile] if spec.profile != "default" else []
    return replace(spec, id="-".join(parts).replace("-False", "-off"))


def optimizer_label(training: Mapping[str, Any]) -> str:
    """Adam-weight_decay, SGD-momentum-nesterov, …"""
    named = [name for name in ("momentum", "nesterov", "weight_decay") if training.get(name)]
    named += ["betas"] if training.get("betas", ADAM["betas"]) != ADAM["betas"] else []
    return "-".join([training["optimizer"], *named])


def generate(suite: str, spec: CaseSpec, seed: int, device: torch.device = CPU) -> Case:
    """Makes the parameters and inputs of a case and records it.

    They depend on seed, suite, id and the tensor's name alone.
    """
    module, inputs = make(suite, spec, seed)
    case = record(
        module,
        inputs,
        id=spec.id,
        seed=seed,
        gradients=spec.gradients,
        dropout=spec.masked,
        training=spec.training,
        device=device,
    )
    return naming_numbers(case, suite, spec, seed) if spec.generated else case


def generate_bare(suite: str, spec: CaseSpec, seed: int, states: bool = False) -> Case:
    """`generate` without a budget: whoever asks measures it."""
    module, inputs = make(suite, spec, seed)
    return record_bare(
        module,
        inputs,
        id=spec.id,
        seed=seed,
        gradients=spec.gradients,
        dropout=spec.masked,
        training=spec.training,
        states=states,
    )


def make(suite: str, spec: CaseSpec, seed: int) -> tuple[nn.Module, Tensors]:
    """The module of a case, and what goes into it."""

    def stream(tensor: str) -> Stream:
        return Stream(seed, suite, spec.id, tensor)

    config = spec.config
    module = blank(spec.module, config)
    dtype = getattr(torch, spec.dtype)
    params = {
        name: as_tensor(parameter(spec, name, tuple(meta.shape), stream(name)), dtype)
        for name, meta in module.state_dict().items()
    }
    inputs: Tensors = {}
    data = fill(spec, "input", input_shape(spec), stream("input"))
    inputs["input"] = as_tensor(data, dtype, spec.contiguous)
    if spec.state:
        shapes_of_states = {"h_0": state_shape(spec, state_size(config))}
        if KINDS[spec.module].has_cell_state:
            shapes_of_states["c_0"] = state_shape(spec, spec.hidden_size)
        for name, shape in shapes_of_states.items():
            data = fill(spec, name, shape, stream(name))
            inputs[name] = as_tensor(data, dtype, spec.contiguous)
    if spec.lengths is not None:
        inputs["lengths"] = torch.tensor(spec.lengths)
    if spec.training is not None:
        # Within what tanh gives, so that there is something to learn.
        shape = target_shape(spec)
        inputs["target"] = as_tensor(stream("target").uniform(0.9, *shape), dtype)
    return filled(module, params), inputs


#: A tensor of fewer bytes is held: naming it takes more.
LEAST_GENERATED = 512


def naming_numbers(case: Case, suite: str, spec: CaseSpec, seed: int) -> Case:
    """The same with its large random tensors named instead of held.

    Raises:
        ValueError: What is named is not what is held.
    """

    def named(tensor: EncodedTensor, generated: Generated) -> EncodedTensor:
        if len(tensor["data"]) < LEAST_GENERATED:
            return tensor
        own: EncodedTensor = {
            "dtype": tensor["dtype"],
            "shape": tensor["shape"],
            "generated": generated,
        }
        if encode_tensor(generated_tensor(own)) != tensor:
            raise ValueError(f"{spec.id}: expected numbers that can be made again, got others")
        return own

    def normal(*names: object, scale: float = 1.0) -> Generated:
        stream = "/".join(str(name) for name in names)
        return {"stream": stream, "kind": "normal", "bound": 1.0, "scale": scale}

    def uniform(name: str) -> Generated:
        bound, scale = start_of(spec, name)
        stream = f"{seed}/{suite}/{spec.id}/{name}"
        return {"stream": stream, "kind": "uniform", "bound": bound, "scale": scale}

    params = {name: named(tensor, uniform(name)) for name, tensor in case["params"].items()}
    tiny = SCALES[spec.profile][0] if spec.profile == "tiny" else 1.0
    inputs = {
        name: named(tensor, normal(seed, suite, spec.id, name, scale=tiny))
        if name in ("input", "h_0", "c_0")
        else tensor
        for name, tensor in case["inputs"].items()
    }
    changed: Case = {**case, "params": params, "inputs": inputs}
    if "cotangents" in case:
        changed["cotangents"] = {
            name: named(tensor, normal(seed, spec.id, "cotangent", name))
            for name, tensor in case["cotangents"].items()
        }
    return changed


def as_tensor(values: Array, dtype: torch.dtype, contiguous: bool = True) -> torch.Tensor:
    with np.errstate(over="ignore"):
        tensor = torch.from_numpy(values).to(dtype)
    # The same numbers, every second one of a tensor twice as large.
    return tensor if contiguous else torch.stack((tensor, tensor), -1)[..., 0]


def input_shape(spec: CaseSpec) -> tuple[int, ...]:
    rows = () if spec.batch is None else (spec.batch,)
    if not KINDS[spec.module].is_layer:
        return (*rows, spec.input_size)
    if spec.batch is not None and spec.config["batch_first"]:
        return (*rows, spec.seq_len, spec.input_size)
    return (spec.seq_len, *rows, spec.input_size)


def state_shape(spec: CaseSpec, units: int) -> tuple[int, ...]:
    rows = () if spec.batch is None else (spec.batch,)
    if not KINDS[spec.module].is_layer:
        return (*rows, units)
    directions = 2 if spec.config["bidirectional"] else 1
    return (spec.config["num_layers"] * directions, *rows, units)


def target_shape(spec: CaseSpec) -> tuple[int, ...]:
    """That of output, or of h_1."""
    units = state_size(spec.config)
    if KINDS[spec.module].is_layer and spec.config["bidirectional"]:
        units *= 2
    return (*input_shape(spec)[:-1], units)


#: How much larger than torch's default the weights of a profile are: weight_ih and biases, then
#: weight_hh.
SCALES = {
    "large": (4.0, 2.0),
    "chaotic": (1.0, 5.0),
    "saturated": (40.0, 3.0),
    "tiny": (2.0**-20, 1.0),
    "subnormal": (1.0, 0.5),
}

#: Gates damp errors, so that chaos needs larger weights.
CHAOTIC_GATED = (1.0, 12.0)


def start_of(spec: CaseSpec, name: str) -> tuple[float, float]:
    """The bound of a parameter, ±1/√hidden_size as torch starts it, and its scale by profile."""
    bound = 1.0 / float(np.sqrt(max(spec.hidden_size, 1)))
    other, recurrent = SCALES.get(spec.profile, (1.0, 1.0))
    if spec.profile == "chaotic" and not spec.module.startswith("RNN"):
        other, recurrent = CHAOTIC_GATED
    return bound, recurrent if name.startswith(("weight_hh", "weight_hr")) else other


def parameter(spec: CaseSpec, name: str, shape: tuple[int, ...], stream: Stream) -> Array:
    """A parameter, uniform within its bound, larger or smaller by profile."""
    bound, scale = start_of(spec, name)
    values = stream.uniform(bound, *shape) * scale
    if spec.profile == "positive":
        return np.abs(values)
    if spec.profile == "subnormal" and name.startswith("bias"):
        return values * 2.0**-135
    if spec.profile == "sparse":
        return np.where(stream.unit(*shape) < 0.6, 0.0, values)
    if spec.profile == "negative_zero" and name.startswith("bias"):
        return np.full(shape, -0.0)
    return values


def fill(spec: CaseSpec, name: str, shape: tuple[int, ...], stream: Stream) -> Array:
    """An input or initial state: nearly normal, with what the profile is about."""
    values = stream.normal(*shape)
    chosen = stream.unit(*shape)
    match spec.profile:
        case "positive":
            return np.abs(values)
        case "huge":
            # From 1 to 1e30 with either sign; no sum of them leaves float32.
            return values * np.where(chosen < 0.3, 1e30, np.where(chosen < 0.6, 1e5, 1.0))
        case "tiny":
            return values * 2.0**-20
        case "subnormal":
            return values * 2.0**-135
        case "sparse":
            return np.where(chosen < 0.7, 0.0, values)
        case "negative_zero":
            return np.where(chosen < 0.5, -0.0, values)
        case _:
            return not_finite(spec, name, values, chosen)


#: One such element stands in the input.
SINGLE = {"nan": np.nan, "infinite": np.inf, "negative_infinite": -np.inf}


def not_finite(spec: CaseSpec, name: str, values: Array, chosen: Array) -> Array:
    """The same with what is not finite, where the profile says so."""
    if spec.profile == "nan_state" and name in ("h_0", "c_0"):
        values.flat[values.size // 2] = np.nan
    if name != "input":
        return values
    match spec.profile:
        case "nan" | "infinite" | "negative_infinite" if spec.lengths:
            # The middle of all may be where a row has ended, which nothing reads.
            row = len(spec.lengths) // 2
            place = (spec.lengths[row] // 2, row, spec.input_size // 2)
            steps_of(spec, values)[place] = SINGLE[spec.profile]
        case "nan" | "infinite" | "negative_infinite":
            # One element in the middle, so that rows and steps before it stay finite.
            values.flat[values.size // 2] = SINGLE[spec.profile]
        case "nan_padding":
            return padded(spec, values, np.nan)
        case "infinite_padding":
            return padded(spec, values, np.where(chosen < 0.5, -np.inf, np.inf))
        case "infinite_last":
            return with_infinite_end(spec, values)
    return values


def steps_of(spec: CaseSpec, values: Array) -> Array:
    """A view of the input of a layer as (seq_len, batch, input_size)."""
    if spec.batch is None:
        return values[:, None]
    return values.swapaxes(0, 1) if spec.config["batch_first"] else values


def padded(spec: CaseSpec, values: Array, special: Array | float) -> Array:
    """The same with something else where each row has ended, which torch never reads."""
    if spec.lengths is None:
        return values
    shape = steps_of(spec, values).shape
    ended = np.arange(shape[0])[:, None, None] >= np.array(spec.lengths)[:, None]
    outside = np.broadcast_to(ended, shape)
    if spec.config["batch_first"]:
        outside = outside.swapaxes(0, 1)
    return np.where(outside, special, values)


def with_infinite_end(spec: CaseSpec, values: Array) -> Array:
    """The same with an infinity at the last step of the shortest row: no step follows it there."""
    if not KINDS[spec.module].is_layer or values.size == 0:
        return values
    steps = steps_of(spec, values)
    lengths = spec.lengths or (spec.seq_len,) * steps.shape[1]
    row = int(np.argmin(lengths))
    steps[lengths[row] - 1, row, 0] = np.inf
    return values


def record_suite(suite: str, specs: list[CaseSpec], seed: int) -> Iterator[Case]:
    """Records the cases of a suite one by one."""
    for spec in specs:
        yield generate(suite, spec, seed)

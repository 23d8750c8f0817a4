"""Records one run of a torch module: what went in, what came out, and the error it may have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_parity.budget import RUNS, SMALLEST_NORMAL, UNIT, Array, measure, perturb
from torch_parity.fixture import Case, EncodedTensor, encode_tensor
from torch_parity.modules import KINDS, Tensors, build, call, config_of, exchange, name_of
from torch_parity.values import Stream

#: The free run cannot decide a step whose budget is more than this part of the largest value.
UNDECIDED = 2.0**-14


def record(
    module: nn.Module, inputs: torch.Tensor | Mapping[str, torch.Tensor], *, id: str, seed: int = 0
) -> Case:
    """Records a torch.nn.RNN or RNNCell, in evaluation mode; the module is left as it was.

    inputs: `input` alone, or a mapping of `input`, `h_0` and `lengths` (int64, for a PackedSequence
    whose padded form `input` is), of the shapes that fixtures/README.md gives.
    seed: of the noise that measures the budget.

    Raises:
        TypeError: The module is none that can be recorded.
        ValueError: Its dtype is neither float32 nor float64, an input is unknown, or the run
            overflows in between.
        RuntimeError: torch does not accept the inputs.
    """
    name = name_of(module)
    config = config_of(module)
    given = {"input": inputs} if isinstance(inputs, torch.Tensor) else dict(inputs)
    for unknown in given.keys() - {"input", "h_0", "lengths"}:
        raise ValueError(f"{id}: inputs: expected input, h_0, lengths, got {unknown}")
    params = {key: value.detach().cpu() for key, value in module.state_dict().items()}
    dtype = next(iter(params.values())).dtype
    if dtype not in UNIT:
        raise ValueError(f"{id}: expected a module of dtype float32 or float64, got {dtype}")
    # Strides are kept: torch must see a tensor that is not contiguous as its owner would give it.
    given = {key: value.detach().cpu() for key, value in given.items()}
    with torch.no_grad():
        expected = call(build(name, config, params), given)
        budget = budget_of(name, config, params, given, expected, Stream(seed, id, "noise"), id)
        case: Case = {
            "id": id,
            "module": name,
            "config": config,
            "dtype": str(dtype).removeprefix("torch."),
            "params": encode(params),
            "inputs": encode(given),
            "expected": encode(expected),
            "budget": {key: encode_tensor(value) for key, value in budget.items()},
        }
        if KINDS[name].is_layer and is_undecided(expected["output"], budget["output"]):
            stream = Stream(seed, id, "noise of steps")
            states, allowed = step_states(name, config, params, given, stream)
            case["states"] = encode(states)
            case["budget"] |= {key: encode_tensor(value) for key, value in allowed.items()}
    return case


def encode(tensors: Tensors) -> dict[str, EncodedTensor]:
    return {name: encode_tensor(tensor.numpy()) for name, tensor in tensors.items()}


def growth_axes(name: str, config: Mapping[str, Any], expected: Tensors) -> dict[str, int | None]:
    """The axis along which errors grow: time in output, layer and direction in h_n."""
    if not KINDS[name].is_layer:
        return dict.fromkeys(expected)
    batched = expected["output"].dim() == 3
    return {"output": 1 if batched and config["batch_first"] else 0, "h_n": 0}


def budget_of(
    name: str,
    config: Mapping[str, Any],
    params: Tensors,
    inputs: Tensors,
    expected: Tensors,
    stream: Stream,
    where: str,
) -> dict[str, Array]:
    """The budget of each expected tensor, from a reference in float64 and noisy runs around it."""
    dtype = next(iter(params.values())).dtype
    exact_params = {key: value.double() for key, value in params.items()}
    exact_inputs = {
        key: value.double() if value.is_floating_point() else value for key, value in inputs.items()
    }
    exact = build(name, config, exact_params)
    reference = call(exact, exact_inputs)
    for key, tensor in expected.items():
        check_kinds(tensor, reference[key], f"{where}: {key}")
    runs: list[Mapping[str, torch.Tensor]] = [expected]
    for _ in range(RUNS):
        noisy_params, noisy_inputs = perturb(exact_params, exact_inputs, UNIT[dtype], stream)
        exchange(exact, noisy_params)
        runs.append(call(exact, noisy_inputs))
    return measure(reference, runs, growth_axes(name, config, expected), dtype)


def check_kinds(expected: torch.Tensor, reference: torch.Tensor, where: str) -> None:
    """Refuses runs that overflow in between: there the order of summation decides."""
    rounded = reference.to(expected.dtype)
    same = torch.isfinite(expected) & torch.isfinite(rounded)
    same |= torch.isnan(expected) & torch.isnan(rounded)
    same |= torch.isinf(expected) & (expected == rounded)
    if not bool(same.all()):
        raise ValueError(
            f"{where}: expected the same kind of values as in float64, got others\n"
            "the run overflows in between, so that the order of summation decides: "
            "use smaller values"
        )


def is_undecided(output: torch.Tensor, budget: Array) -> bool:
    """Whether errors grow so much that late steps must be judged one at a time."""
    values = output.double().numpy()
    largest = float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    return bool((budget > max(UNDECIDED * largest, SMALLEST_NORMAL[output.dtype])).any())


def step_states(
    name: str, config: Mapping[str, Any], params: Tensors, inputs: Tensors, stream: Stream
) -> tuple[Tensors, dict[str, Array]]:
    """The state of every layer and direction after every step, and the budget of one such step.

    Returns h_t: (seq_len, D * num_layers, batch, hidden_size), and its budget:
    (1, D * num_layers, 1, 1).
    """
    hidden_size, num_layers = config["hidden_size"], config["num_layers"]
    directions = 2 if config["bidirectional"] else 1
    layer_input = inputs["input"]
    h_0 = inputs.get("h_0")
    if layer_input.dim() == 2:
        layer_input = layer_input[:, None]
        h_0 = None if h_0 is None else h_0[:, None]
    elif config["batch_first"]:
        layer_input = layer_input.transpose(0, 1)
    seq_len, batch, _ = layer_input.shape
    lengths = inputs.get("lengths", torch.full((batch,), seq_len))
    if h_0 is None:
        h_0 = layer_input.new_zeros(directions * num_layers, batch, hidden_size)
    inside = torch.arange(seq_len)[:, None] < lengths
    h_t = layer_input.new_zeros(seq_len, directions * num_layers, batch, hidden_size)
    allowed = np.zeros((1, directions * num_layers, 1, 1))
    single = {
        **config,
        "num_layers": 1,
        "bidirectional": False,
        "batch_first": False,
        "dropout": 0.0,
    }
    for layer in range(num_layers):
        for direction in range(directions):
            state = layer * directions + direction
            suffix = f"_l{layer}" + "_reverse" * direction
            own = {
                key.removesuffix(suffix) + "_l0": value
                for key, value in params.items()
                if key.endswith(suffix)
            }
            layer_config = {**single, "input_size": layer_input.shape[2]}
            # Reversed, each row begins at its own last step and ends at its first.
            order = [
                torch.cat((torch.arange(int(n) - 1, -1, -1), torch.arange(int(n), seq_len)))
                if direction
                else torch.arange(seq_len)
                for n in lengths
            ]
            index = torch.stack(order, 1) if order else torch.zeros(seq_len, 0, dtype=torch.int64)
            rows = torch.arange(batch)
            run = {
                "input": layer_input[index, rows],
                "h_0": h_0[state : state + 1],
                "lengths": lengths,
            }
            after = call(build(name, layer_config, own), run)["output"]
            before = torch.cat((h_0[state : state + 1], after[:-1]))
            fold = {"input": run["input"][inside][None], "h_0": before[inside][None]}
            folded = after[inside][None]
            step = budget_of(
                name, layer_config, own, fold, {"output": folded, "h_n": folded}, stream, "step"
            )
            allowed[0, state, 0, 0] = step["output"].max(initial=0.0)
            h_t[index, state, rows] = after
        layer_input = (
            h_t[:, layer * directions : (layer + 1) * directions].transpose(1, 2).flatten(2)
        )
    return {"h_t": h_t}, {"h_t": allowed}

"""Records one run of a torch module: what went in, what came out, and the error it may have."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from torch_parity.agreement import check_agreement, own_outputs
from torch_parity.borrow import borrowed
from torch_parity.budget import (
    RUNS,
    UNIT,
    Array,
    RoundedActivations,
    measure,
    noise_bound,
    perturb,
    perturb_runs,
    perturb_sums,
    sees_rounding,
)
from torch_parity.device import CPU, run_on
from torch_parity.fixture import Case, EncodedTensor, encode_tensor
from torch_parity.given import Given, as_tensors, by_name, check_names, quiet
from torch_parity.ids import check_id
from torch_parity.modules import (
    INPUTS,
    KINDS,
    STATES,
    Tensors,
    build,
    call,
    call_with_gradients,
    config_of,
    exchange,
    name_of,
    state_size,
)
from torch_parity.progress import Progress, silent
from torch_parity.subject import Subject, find_subject
from torch_parity.threads import own_threads
from torch_parity.training import Rounding, complete, train
from torch_parity.undecided import needs_states
from torch_parity.values import Stream
from torch_parity.weights import check_own_parameters, effective_params

#: Stands before the name of an output in front of the gradient by it.
COTANGENT = "cotangent_"


def record(
    module: nn.Module,
    inputs: Given,
    *,
    id: str,
    seed: int = 0,
    gradients: bool = False,
    dropout: bool = False,
    training: Mapping[str, Any] | None = None,
    device: torch.device = CPU,
    budget: bool = True,
) -> Case:
    """Records a torch.nn.RNN, LSTM, GRU, or a cell of them; the module is left as it was.

    What is recorded is compared with what the module itself gives on these inputs, with its hooks,
    its parametrizations and the settings that torch is in: it is called once for that, on its own
    device. Recording itself takes one thread, whatever torch is set to, and no autocast.

    inputs: `input` alone, as a tensor, a PackedSequence, an array or a list; what a call takes,
    such as `(input, (h_0, c_0))`; or a mapping of `input`, `h_0`, `c_0` and `lengths` (for a
    PackedSequence whose padded form `input` is), of the shapes that fixtures/README.md gives.
    seed: of the noise that measures the budget, and of what follows.
    gradients: also by everything that went in, from random gradients by every output.
    dropout: in training mode, where dropout acts between layers, with random masks; else in
    evaluation mode.
    training: steps of an optimizer instead of one run, see `torch_parity.training`; inputs then
    hold a `target` as well.
    device: where the expected outputs are computed; the budget and `states` are the CPU's.
    budget: measured here; else whoever judges measures it, which takes a tenth of the time here.

    Raises:
        TypeError: The module is none that can be recorded, or the id is no string.
        ValueError: The module gives other numbers than a module of torch with its weights. Its
            dtype is not a float of up to 64 bits, the id is none that a fixture may have, an input
            is unknown or missing or of another shape or dtype, the module has no dropout to act,
            its weights have no gradients of their own, the training is none, or the run overflows
            in between.
        RuntimeError: torch does not accept the inputs.
    """
    check_id(id)
    subject = find_subject(module, id)
    with own_threads():
        with quiet():
            run, packed = prepare(subject, inputs, id, seed, gradients, dropout, training)
            expected = run_on(
                device,
                lambda module, there: evaluate(module, there, run.training),
                partial(build, subject.name, subject.config),
                run.params,
                run.given,
            )
            compared, cotangents = comparable(run, expected)
        own = own_outputs(
            subject,
            run.given,
            cotangents,
            packed,
            id,
            is_same_device=device.type == subject.device.type,
        )
        with quiet():
            if not budget:
                check_agreement(subject, own, compared, {}, id)
                return case_without_budget(run, expected, id)
            return finish(run, subject, expected, own, compared, id, seed)


def record_bare(
    module: nn.Module,
    inputs: Tensors,
    *,
    id: str,
    seed: int = 0,
    gradients: bool = False,
    dropout: bool = False,
    training: Mapping[str, Any] | None = None,
    states: bool = False,
) -> Case:
    """`record` without a budget, of a module and inputs that were made here: nothing hangs on them.

    states: also those of every layer and direction after every step.

    Raises:
        ValueError: As `record`.
        RuntimeError: torch does not accept the inputs.
    """
    check_id(id)
    name = name_of(module)
    config, params, given = config_of(module), dict(module.state_dict()), dict(inputs)
    with own_threads(), quiet():
        if dropout:
            given["dropout_mask"] = draw_masks(
                config, given["input"], given["input"].dtype, id, seed
            )
        if training is not None:
            training = complete(training, id)
        if gradients:

            def draw(outputs: Tensors) -> Tensors:
                drawn = draw_cotangents(outputs, id, seed)
                given.update({COTANGENT + key: tensor for key, tensor in drawn.items()})
                return drawn

            expected = call_with_gradients(module, given, draw)
        else:
            expected = evaluate(
                module if training is None else build(name, config, params), given, training
            )
        case = case_without_budget(Run(name, config, params, given, training), expected, id)
        if states:
            case["states"] = encode(step_states(name, config, params, given, None)[0])
        return case


def draw_cotangents(outputs: Tensors, id: str, seed: int) -> Tensors:
    return {
        key: torch.from_numpy(Stream(seed, id, "cotangent", key).normal(*tensor.shape)).to(
            tensor.dtype
        )
        for key, tensor in outputs.items()
    }


@dataclass(frozen=True)
class Run:
    """All that a recording computes with."""

    name: str
    config: dict[str, Any]
    params: Tensors
    given: Tensors
    training: dict[str, Any] | None


def prepare(
    subject: Subject,
    inputs: Given,
    id: str,
    seed: int,
    gradients: bool,
    dropout: bool,
    training: Mapping[str, Any] | None,
) -> tuple[Run, PackedSequence | None]:
    """Reads and checks what was given, and draws what is random.

    Returns the PackedSequence as well, where one was given.
    """
    name, config = subject.name, subject.config
    named = by_name(inputs, name, id)
    check_names(name, named, training, id)
    if training is not None:
        if gradients:
            raise ValueError(f"{id}: expected gradients or a training, got both")
        training = complete(training, id)
    if gradients or training is not None:
        check_own_parameters(subject, "gradients" if gradients else "a training", id)
    with borrowed(subject, training=dropout):
        params = effective_params(subject, id)
    dtype = next(iter(params.values())).dtype
    given = as_tensors(name, config, named, dtype, id)
    if training is not None:
        output = next(iter(call(build(name, config, params), without_target(given)).values()))
        if given["target"].shape != output.shape:
            raise ValueError(
                f"{id}: inputs: target: expected shape {tuple(output.shape)}, "
                f"got {tuple(given['target'].shape)}"
            )
    if dropout:
        given["dropout_mask"] = draw_masks(config, given["input"], dtype, id, seed)
    if gradients:
        drawn = draw_cotangents(call(build(name, config, params), given), id, seed)
        given |= {COTANGENT + key: tensor for key, tensor in drawn.items()}
    packed = named["input"] if isinstance(named["input"], PackedSequence) else None
    return Run(name, config, params, given, training), packed


def comparable(run: Run, expected: Tensors) -> tuple[Tensors, Tensors]:
    """What the module itself can be asked for, and the cotangents of it.

    The user's module is not trained: its first step stands for the others.
    """
    if run.training is None:
        return expected, cotangents_of(run.given)
    module = build(run.name, run.config, run.params)
    inputs = without_target(run.given)
    key, output = next(iter(call(module, inputs).items()))
    cotangents = {key: 2 * (output - run.given["target"]) / max(output.numel(), 1)}
    return call_with_gradients(module, inputs, cotangents), cotangents


def finish(
    run: Run,
    subject: Subject,
    expected: Tensors,
    own: Tensors,
    compared: Tensors,
    id: str,
    seed: int,
) -> Case:
    """Measures the budget, compares with the module itself, and puts the case together."""
    name, config = run.name, run.config
    params, given, training = run.params, run.given, run.training
    progress = Progress(id)
    noise = Stream(seed, id, "noise")
    budget = budget_of(name, config, params, given, expected, noise, id, training, progress)
    check_agreement(subject, own, compared, budget if training is None else {}, id)
    case = put_together(run, expected, id)
    case["budget"] = {key: encode_tensor(value) for key, value in budget.items()}
    free = "output" in expected and "dropout_mask" not in given
    if free and needs_states(expected, budget):
        stream = Stream(seed, id, "noise of steps")
        states, allowed = step_states(name, config, params, given, stream, progress)
        case["states"] = encode(states)
        case["budget"] |= {key: encode_tensor(value) for key, value in allowed.items()}
    return case


def put_together(run: Run, expected: Tensors, id: str) -> Case:
    """A case that has no budget yet."""
    given = run.given
    case: Case = {
        "id": id,
        "module": run.name,
        "config": run.config,
        "dtype": str(next(iter(run.params.values())).dtype).removeprefix("torch."),
        "params": encode(run.params),
        "inputs": encode({k: v for k, v in given.items() if not k.startswith(COTANGENT)}),
        "expected": encode(expected),
    }
    if cotangents := cotangents_of(given):
        case["cotangents"] = encode(cotangents)
    if run.training is not None:
        case["training"] = run.training
    return case


def case_without_budget(run: Run, expected: Tensors, id: str) -> Case:
    """The case for whoever measures its budget.

    Raises:
        ValueError: The run overflows in between.
    """
    # What is finite is so in float64, where less overflows.
    if not all(bool(torch.isfinite(tensor).all()) for tensor in expected.values()):
        name, config = run.name, run.config
        exact = build(name, config, {key: value.double() for key, value in run.params.items()})
        reference = evaluate(exact, exact_of(run.given), run.training)
        for key, tensor in expected.items():
            check_kinds(tensor, reference[key], f"{id}: {key}")
    return put_together(run, expected, id)


def exact_of(given: Tensors) -> Tensors:
    return {
        key: value.double() if value.is_floating_point() else value for key, value in given.items()
    }


def without_target(given: Tensors) -> Tensors:
    return {key: tensor for key, tensor in given.items() if key != "target"}


def encode(tensors: Tensors) -> dict[str, EncodedTensor]:
    return {name: encode_tensor(tensor) for name, tensor in tensors.items()}


def cotangents_of(given: Tensors) -> Tensors:
    return {
        name.removeprefix(COTANGENT): tensor
        for name, tensor in given.items()
        if name.startswith(COTANGENT)
    }


def draw_masks(
    config: Mapping[str, Any], input: torch.Tensor, dtype: torch.dtype, id: str, seed: int
) -> torch.Tensor:
    """Masks of 0 and 1: (num_layers - 1, seq_len, batch, D * state size), batch 1 when unbatched.

    Raises:
        ValueError: There is no dropout between layers.
    """
    dropout, num_layers = config.get("dropout", 0.0), config.get("num_layers", 1)
    if not 0.0 < dropout < 1.0 or num_layers < 2:
        raise ValueError(
            f"{id}: expected a dropout between 0 and 1 and several layers, "
            f"got dropout {dropout} and {num_layers} layers"
        )
    seq_len, batch = input.shape[0], 1
    if input.dim() == 3:
        seq_len, batch = input.shape[:2]
        if config["batch_first"]:
            seq_len, batch = batch, seq_len
    width = (2 if config["bidirectional"] else 1) * state_size(config)
    units = Stream(seed, id, "dropout_mask").unit(num_layers - 1, seq_len, batch, width)
    return torch.from_numpy(units >= dropout).to(dtype)


def evaluate(
    module: nn.Module,
    given: Tensors,
    training: Mapping[str, Any] | None,
    rounding: Rounding | None = None,
    activations: AbstractContextManager[object] | None = None,
) -> Tensors:
    """Whatever a case asks for, in the order of computation.

    rounding: of each training step. activations: what forward passes run in; there is nothing to
    round in a backward pass.
    """
    inputs = {name: tensor for name, tensor in given.items() if name in INPUTS}
    if training is not None:
        with activations or nullcontext():
            return train(module, inputs, given["target"], training, rounding)
    if cotangents := cotangents_of(given):
        return call_with_gradients(module, inputs, cotangents, activations)
    with activations or nullcontext():
        return call(module, inputs)


def growth_axis(tensor: str, config: Mapping[str, Any], shape: torch.Size) -> int | None:
    """The axis along which errors grow: time in output, layer and direction in h_n and c_n."""
    if tensor == "output":
        return 1 if len(shape) == 3 and config["batch_first"] else 0
    return 0 if tensor in ("h_n", "c_n") else None


def budget_of(
    name: str,
    config: Mapping[str, Any],
    params: Tensors,
    given: Tensors,
    expected: Tensors,
    stream: Stream,
    where: str,
    training: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = silent,
) -> dict[str, Array]:
    """The budget of each expected tensor, from a reference in float64 and noisy runs around it."""
    dtype = next(iter(params.values())).dtype
    exact_params = {key: value.double() for key, value in params.items()}
    exact_given = exact_of(given)
    exact = build(name, config, exact_params)
    reference = evaluate(exact, exact_given, training)
    reference = {key: reference[key] for key in expected}
    for key, tensor in expected.items():
        check_kinds(tensor, reference[key], f"{where}: {key}")

    def rounding(shape: torch.Size, terms: int) -> torch.Tensor:
        return torch.as_tensor(1 + stream.uniform(noise_bound(terms, UNIT[dtype]), *shape))

    runs: list[Mapping[str, torch.Tensor]] = [expected]
    if not sees_rounding(name, backward=training is not None or bool(cotangents_of(given))):
        for noisy_params, noisy_given in perturb_runs(
            exact_params, exact_given, UNIT[dtype], stream, RUNS
        ):
            progress(f"run {len(runs)} of {RUNS}")
            exchange(exact, noisy_params)
            runs.append(evaluate(exact, noisy_given, None))
    while len(runs) <= RUNS:
        progress(f"run {len(runs)} of {RUNS}")
        noisy_params, noisy_given = perturb(exact_params, exact_given, UNIT[dtype], stream)
        exchange(exact, noisy_params)
        rounded = RoundedActivations(UNIT[dtype], stream)
        run = evaluate(exact, noisy_given, training, rounding, rounded)
        terms = given["input"].numel() // max(config["input_size"], 1)
        runs.append(perturb_sums(run, terms, UNIT[dtype], stream))
    axes = {
        # The steps of a training are the first axis of everything that it gives.
        key: 0 if training is not None else growth_axis(key, config, tensor.shape)
        for key, tensor in expected.items()
    }
    return measure(reference, runs, axes, dtype)


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


def step_states(
    name: str,
    config: Mapping[str, Any],
    params: Tensors,
    inputs: Tensors,
    stream: Stream | None,
    progress: Callable[[str], None] = silent,
) -> tuple[Tensors, dict[str, Array]]:
    """The state of every layer and direction after every step, and the budget of one such step.

    Returns h_t: (seq_len, D * num_layers, batch, state size) and, of an LSTM, c_t, and their
    budgets: (1, D * num_layers, 1, 1), which are 0 without a stream of noise to measure them with.
    """
    num_layers = config["num_layers"]
    directions = 2 if config["bidirectional"] else 1
    layer_input = inputs["input"]
    initial: Tensors = {key: inputs[key] for key in STATES if key in inputs}
    if layer_input.dim() == 2:
        layer_input = layer_input[:, None]
        initial = {key: state[:, None] for key, state in initial.items()}
    elif config["batch_first"]:
        layer_input = layer_input.transpose(0, 1)
    seq_len, batch, _ = layer_input.shape
    lengths = inputs.get("lengths", torch.full((batch,), seq_len))
    widths = {"h": state_size(config)}
    if KINDS[name].has_cell_state:
        widths["c"] = config["hidden_size"]
    count = directions * num_layers
    inside = torch.arange(seq_len)[:, None] < lengths
    recorded = {key: layer_input.new_zeros(seq_len, count, batch, n) for key, n in widths.items()}
    allowed = {key: np.zeros((1, count, 1, 1)) for key in widths}
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
            progress(f"states of layer and direction {state + 1} of {count}")
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
            ordered = layer_input[index, rows]
            before, after = one_by_one(
                build(name, layer_config, own),
                ordered,
                {
                    key: initial[f"{key}_0"][state]
                    if initial
                    else layer_input.new_zeros(batch, width)
                    for key, width in widths.items()
                },
            )
            fold = {"input": ordered[inside][None]}
            fold |= {f"{key}_0": values[inside][None] for key, values in before.items()}
            folded = {f"{key}_n": values[inside][None] for key, values in after.items()}
            step = (
                budget_of(name, layer_config, own, fold, folded, stream, "step") if stream else {}
            )
            for key, values in after.items():
                if stream:
                    allowed[key][0, state, 0, 0] = step[f"{key}_n"].max(initial=0.0)
                kept = torch.where(inside[..., None], values, torch.zeros_like(values))
                recorded[key][index, state, rows] = kept
        layer_states = recorded["h"][:, layer * directions : (layer + 1) * directions]
        layer_input = layer_states.transpose(1, 2).flatten(2)
    return (
        {f"{key}_t": values for key, values in recorded.items()},
        {f"{key}_t": values for key, values in allowed.items()},
    )


def one_by_one(
    module: nn.Module, ordered: torch.Tensor, states: Tensors
) -> tuple[Tensors, Tensors]:
    """Runs a layer of one direction step by step: torch gives c after the last step alone.

    ordered: (seq_len, batch, input_size). Returns the states before and after each step.
    """
    before: dict[str, list[torch.Tensor]] = {key: [] for key in states}
    after: dict[str, list[torch.Tensor]] = {key: [] for key in states}
    for input in ordered:
        given = {f"{key}_0": state[None] for key, state in states.items()}
        outputs = call(module, {"input": input[None], **given})
        for key, state in states.items():
            before[key].append(state)
            after[key].append(outputs[f"{key}_n"][0])
        states = {key: values[-1] for key, values in after.items()}
    return (
        {key: torch.stack(values) for key, values in before.items()},
        {key: torch.stack(values) for key, values in after.items()},
    )

"""What goes into a module: in every form that torch users write it, checked once, as tensors."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from torch_parity.modules import KINDS, STATES, Tensors, state_size
from torch_parity.subject import path_of
from torch_parity.weights import plain_tensor

#: Input as torch, numpy or Python hold it, what a call takes, or all by name.
Given = torch.Tensor | PackedSequence | Mapping[str, Any] | tuple[Any, ...] | list[Any] | Any


@contextmanager
def quiet() -> Iterator[None]:
    """torch as a recording needs it, whatever it was set to: no autograd, no inference mode, no
    autocast, and new tensors on the CPU."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        # Where it changes nothing it would slow down every operation.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


def by_name(inputs: Given, name: str, id: str) -> dict[str, Any]:
    """Inputs by their names, of whatever type they still are.

    Raises:
        ValueError: It is nothing that goes into the module.
    """
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if not isinstance(inputs, tuple) or isinstance(inputs, PackedSequence):
        return {"input": inputs}
    # module(input, h_0), or module(input, (h_0, c_0)).
    wanted = "(input, (h_0, c_0))" if KINDS[name].has_cell_state else "(input, h_0)"
    if not 1 <= len(inputs) <= 2:
        raise ValueError(f"{id}: inputs: expected {wanted}, got a tuple of {len(inputs)}")
    given = {"input": inputs[0]}
    if len(inputs) == 1 or inputs[1] is None:
        return given
    if not KINDS[name].has_cell_state:
        return {**given, "h_0": inputs[1]}
    if not isinstance(inputs[1], (tuple, list)) or len(inputs[1]) != 2:
        raise ValueError(f"{id}: inputs: expected {wanted}, got {path_of(type(inputs[1]))} beside")
    return {**given, **dict(zip(STATES, inputs[1], strict=True))}


def check_names(
    name: str, given: Mapping[str, Any], training: Mapping[str, Any] | None, id: str
) -> None:
    """Refuses what torch would take for something else, or not at all.

    Raises:
        ValueError: An input is unknown or missing.
    """
    kind = KINDS[name]
    known = ["input", "h_0"]
    if kind.has_cell_state:
        known.append("c_0")
    if kind.is_layer:
        known += ["lengths", "dropout_mask"]
    if training is not None:
        known.append("target")
    for unknown in given.keys() - set(known):
        raise ValueError(f"{id}: inputs: expected {', '.join(known)}, got {unknown}")
    wanted = ["input", *(["target"] if training is not None else [])]
    for missing in set(wanted) - given.keys():
        raise ValueError(f"{id}: inputs: expected {missing}, got none")
    if kind.has_cell_state and ("h_0" in given) != ("c_0" in given):
        raise ValueError(f"{id}: inputs: expected h_0 and c_0 or neither, got one of them")


def as_tensors(
    name: str,
    config: Mapping[str, Any],
    given: Mapping[str, Any],
    dtype: torch.dtype,
    id: str,
) -> Tensors:
    """Every input as a tensor on the CPU that a fixture can hold.

    Raises:
        ValueError: One has another dtype or shape than the module takes.
    """
    given = dict(given)
    if isinstance(given["input"], PackedSequence):
        if not KINDS[name].is_layer:
            raise ValueError(f"{id}: input: expected a tensor for {name}, got a PackedSequence")
        if "lengths" in given:
            raise ValueError(f"{id}: inputs: expected a PackedSequence or lengths, got both")
        data = plain_tensor(as_tensor(given["input"].data, "input", dtype, id))
        given["input"], given["lengths"] = pad_packed_sequence(
            given["input"]._replace(data=data), batch_first=config["batch_first"]
        )
    tensors = {
        key: as_lengths(value, id) if key == "lengths" else as_tensor(value, key, dtype, id)
        for key, value in given.items()
    }
    check_shapes(name, config, tensors, id)
    return tensors


def numbers_of(value: object, kinds: str) -> Any:
    """An array of these kinds of numbers, or nothing where it is none."""
    if isinstance(value, (str, bytes)):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        return None
    return array if array.dtype.kind in kinds else None


def as_tensor(value: object, what: str, dtype: torch.dtype, id: str) -> torch.Tensor:
    wanted = str(dtype).removeprefix("torch.")
    if isinstance(value, torch.Tensor):
        if value.is_meta or value.layout != torch.strided or value.is_nested:
            layout = "nested" if value.is_nested else str(value.layout).removeprefix("torch.")
            got = "one on meta" if value.is_meta else f"one of layout {layout}"
            raise ValueError(f"{id}: {what}: expected a tensor that holds its numbers, got {got}")
        if value.dtype != dtype:
            got = str(value.dtype).removeprefix("torch.")
            raise ValueError(
                f"{id}: {what}: expected dtype {wanted}, which the module has, got {got}"
            )
        # Strides are kept: torch must see a tensor that is not contiguous as its owner would.
        return plain_tensor(value)
    array = numbers_of(value, "iuf")
    if array is None:
        raise ValueError(
            f"{id}: {what}: expected a tensor, an array or a list of numbers, "
            f"got {path_of(type(value))}"
        )
    return torch.from_numpy(np.array(array, np.float64)).to(dtype)


def as_lengths(value: object, id: str) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        value = None if value.is_meta else plain_tensor(value)
    array = numbers_of(value, "iu")
    if array is None or array.ndim != 1:
        raise ValueError(
            f"{id}: lengths: expected a whole number for each row of the batch, got "
            + (
                f"shape {tuple(array.shape)}"
                if array is not None
                else str(getattr(value, "dtype", path_of(type(value)))).removeprefix("torch.")
            )
        )
    return torch.from_numpy(array.astype(np.int64))


def check_shapes(name: str, config: Mapping[str, Any], given: Tensors, id: str) -> None:
    """Refuses shapes that the module does not take; seq_len 0 is for torch to refuse.

    Raises:
        ValueError: Of the first that is otherwise.
    """
    kind, shape = KINDS[name], tuple(given["input"].shape)
    width = config["input_size"]
    batched = ("batch", "seq_len") if config.get("batch_first") else ("seq_len", "batch")
    forms = (
        ((*batched, width), ("seq_len", width)) if kind.is_layer else (("batch", width), (width,))
    )
    form = next((own for own in forms if len(own) == len(shape)), None)
    if form is None or shape[-1] != width:
        wanted = " or ".join(shown(own) for own in forms)
        raise ValueError(f"{id}: input: expected shape {wanted}, got {shown(shape)}")
    sizes = dict(zip(form[:-1], shape, strict=False))
    rows = (sizes["batch"],) if "batch" in sizes else ()
    directions = 2 if config.get("bidirectional") else 1
    layers = (directions * config["num_layers"],) if kind.is_layer else ()
    for key, size in (("h_0", state_size(config)), ("c_0", config["hidden_size"])):
        expect_shape(given, key, (*layers, *rows, size), id)
    if "dropout_mask" in given:
        steps = (sizes["seq_len"], sizes.get("batch", 1))
        expect_shape(
            given,
            "dropout_mask",
            (config["num_layers"] - 1, *steps, directions * state_size(config)),
            id,
        )
    if "lengths" in given:
        check_lengths(given["lengths"], sizes, id)


def expect_shape(given: Tensors, key: str, wanted: tuple[int, ...], id: str) -> None:
    if key in given and tuple(given[key].shape) != wanted:
        got = shown(tuple(given[key].shape))
        raise ValueError(f"{id}: {key}: expected shape {shown(wanted)}, got {got}")


def check_lengths(lengths: torch.Tensor, sizes: Mapping[Any, int], id: str) -> None:
    if "batch" not in sizes:
        raise ValueError(f"{id}: lengths: expected an input of a batch, got one without")
    if len(lengths) != sizes["batch"]:
        raise ValueError(
            f"{id}: lengths: expected {sizes['batch']}, one for each row of the batch, "
            f"got {len(lengths)}"
        )
    if sizes["batch"] == 0:
        raise ValueError(f"{id}: lengths: expected a row of the batch, got a batch of 0")
    for length in lengths.tolist():
        if not 1 <= length <= sizes["seq_len"]:
            raise ValueError(
                f"{id}: lengths: expected 1 to {sizes['seq_len']}, the seq_len of input, "
                f"got {length}"
            )


def shown(shape: tuple[object, ...]) -> str:
    """As Python prints a shape, names without quotes."""
    return f"({', '.join(str(size) for size in shape)}{',' * (len(shape) == 1)})"

"""The usual way to check a port in Python, to be timed as a process against `torch-parity verify`.

It reads the fixtures, runs torch, recomputes in numpy (float64), and judges both with
torch.testing.assert_close.
"""

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from torch_parity.fixture import Case, decode_tensor, read_fixture
from torch_parity.modules import Tensors, build, call

Array = npt.NDArray[np.float64]


def activate(config: dict[str, Any], x: Array) -> Array:
    result: Array = np.tanh(x) if config["nonlinearity"] == "tanh" else np.maximum(x, 0)
    return result


def scan(config: dict[str, Any], own: list[Array], x: Array, h: Array, order: list[int]) -> Array:
    """One layer and direction. x: (seq_len, batch, width), h: (batch, hidden_size), in place."""
    weight_ih, weight_hh = own[:2]
    from_input = x @ weight_ih.T + (own[2] + own[3] if config["bias"] else 0.0)
    output = np.empty((*x.shape[:2], weight_hh.shape[0]))
    for t in order:
        h[:] = activate(config, from_input[t] + h @ weight_hh.T)
        output[t] = h
    return output


def recompute_layers(case: Case, params: list[Array], inputs: dict[str, Array]) -> dict[str, Array]:
    config = case["config"]
    directions, num_layers = 1 + config["bidirectional"], config["num_layers"]
    x = inputs["input"]
    batched = x.ndim == 3
    swap = batched and config["batch_first"]
    x = x[:, None] if not batched else x.swapaxes(0, 1) if swap else x
    seq_len, batch, _ = x.shape
    h = np.zeros((num_layers * directions, batch, config["hidden_size"]))
    if "h_0" in inputs:
        h[:] = inputs["h_0"] if batched else inputs["h_0"][:, None]
    lengths = inputs.get("lengths")
    each = 4 if config["bias"] else 2
    # Rows of one length run together.
    groups = (
        [np.arange(batch)]
        if lengths is None
        else [np.flatnonzero(lengths == n) for n in set(lengths)]
    )
    for layer in range(num_layers):
        output = np.zeros((seq_len, batch, directions * config["hidden_size"]))
        for direction in range(directions):
            state = layer * directions + direction
            own = params[state * each : (state + 1) * each]
            for rows in groups:
                length = seq_len if lengths is None else int(lengths[rows[0]]) if len(rows) else 0
                order = list(range(length))[:: -1 if direction else 1]
                carried = h[state, rows]
                part = slice(
                    direction * config["hidden_size"], (direction + 1) * config["hidden_size"]
                )
                output[:length, rows, part] = scan(config, own, x[:length, rows], carried, order)
                h[state, rows] = carried
        x = output
    if swap:
        x = x.swapaxes(0, 1)
    return {"output": x, "h_n": h} if batched else {"output": x[:, 0], "h_n": h[:, 0]}


def recompute(case: Case) -> dict[str, Array]:
    """The case in numpy, float64."""
    params = [decode_tensor(tensor).astype(np.float64) for tensor in case["params"].values()]
    inputs = {name: decode_tensor(t).astype(np.float64) for name, t in case["inputs"].items()}
    if case["module"] == "RNN":
        return recompute_layers(case, params, inputs)
    config = case["config"]
    x = inputs["input"]
    h = inputs.get("h_0", np.zeros((*x.shape[:-1], config["hidden_size"])))
    total = x @ params[0].T + h @ params[1].T + (params[2] + params[3] if config["bias"] else 0.0)
    return {"h_1": activate(config, total)}


def run_torch(case: Case) -> Tensors:
    params = {name: torch.tensor(decode_tensor(t)) for name, t in case["params"].items()}
    inputs = {name: torch.tensor(decode_tensor(t)) for name, t in case["inputs"].items()}
    with torch.no_grad():
        return call(build(case["module"], case["config"], params), inputs)


def judge(actual: Tensors, expected: dict[str, torch.Tensor]) -> bool:
    try:
        torch.testing.assert_close(actual, expected, equal_nan=True)
    except AssertionError:
        return False
    return True


def main() -> int:
    """Judges every case of the files named and prints the counts."""
    cases = by_torch = by_numpy = 0
    for path in sys.argv[1:]:
        for case in read_fixture(path)[1]:
            expected = {
                name: torch.tensor(decode_tensor(t)) for name, t in case["expected"].items()
            }
            dtype = next(iter(expected.values())).dtype
            cases += 1
            by_torch += judge(run_torch(case), expected)
            recomputed = {
                name: torch.from_numpy(x).to(dtype) for name, x in recompute(case).items()
            }
            by_numpy += judge(recomputed, expected)
    print(f"{cases} cases: {by_torch} close by torch, {by_numpy} close by numpy")
    return 0 if cases == by_torch == by_numpy else 1


if __name__ == "__main__":
    sys.exit(main())

"""The usual way to check a port in Python, to be timed as a process against `torch-parity verify`.

It reads the fixtures, runs torch, recomputes in numpy (float64), and judges both with
torch.testing.assert_close.
"""

import sys

import numpy as np
import numpy.typing as npt
import torch

from torch_parity.fixture import Case, decode_tensor, read_fixture
from torch_parity.modules import Tensors, build, call

Array = npt.NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def step(case: Case, own: dict[str, Array], gates: Array, h: Array, c: Array) -> None:
    """One time step; gates: x W_ihᵀ + b_ih. h and c are changed in place."""
    recurrent = h @ own["weight_hh"].T + own.get("bias_hh", 0.0)
    if case["module"].startswith("LSTM"):
        i, f, g, o = np.split(gates + recurrent, 4, axis=-1)
        c[:] = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(c)
        h[:] = hidden @ own["weight_hr"].T if "weight_hr" in own else hidden
    elif case["module"].startswith("GRU"):
        r, z, n = np.split(gates, 3, axis=-1)
        h_r, h_z, h_n = np.split(recurrent, 3, axis=-1)
        new = np.tanh(n + sigmoid(r + h_r) * h_n)
        h[:] = new + sigmoid(z + h_z) * (h - new)
    else:
        total = gates + recurrent
        is_tanh = case["config"]["nonlinearity"] == "tanh"
        h[:] = np.tanh(total) if is_tanh else np.maximum(total, 0)


def recompute(case: Case) -> dict[str, Array]:
    """The case in numpy, float64. A cell is a layer of one step."""
    config = case["config"]
    params = {name: decode_tensor(t).astype(np.float64) for name, t in case["params"].items()}
    inputs = {name: decode_tensor(t).astype(np.float64) for name, t in case["inputs"].items()}
    is_cell = case["module"].endswith("Cell")
    if is_cell:
        params = {f"{name}_l0": parameter for name, parameter in params.items()}
    directions = 1 + config.get("bidirectional", False)
    num_layers = config.get("num_layers", 1)
    x = inputs["input"]
    batched = x.ndim == (2 if is_cell else 3)
    swap = batched and config.get("batch_first", False)
    x = x if batched else x[..., None, :]
    x = x[None] if is_cell else x.swapaxes(0, 1) if swap else x
    seq_len, batch, _ = x.shape
    hidden_size = config["hidden_size"]
    state_size = config.get("proj_size", 0) or hidden_size
    count = num_layers * directions
    states = {"h": np.zeros((count, batch, state_size)), "c": np.zeros((count, batch, hidden_size))}
    for name, state in states.items():
        if f"{name}_0" in inputs:
            state[:] = inputs[f"{name}_0"].reshape(state.shape)
    lengths = inputs.get("lengths")
    # Rows of one length run together.
    groups = (
        [np.arange(batch)]
        if lengths is None
        else [np.flatnonzero(lengths == n) for n in set(lengths)]
    )
    for layer in range(num_layers):
        output = np.zeros((seq_len, batch, directions * state_size))
        for direction in range(directions):
            suffix = f"_l{layer}" + "_reverse" * direction
            own = {
                name.removesuffix(suffix): parameter
                for name, parameter in params.items()
                if name.endswith(suffix)
            }
            gates = x @ own["weight_ih"].T + own.get("bias_ih", 0.0)
            part = slice(direction * state_size, (direction + 1) * state_size)
            for rows in groups:
                length = seq_len if lengths is None else int(lengths[rows[0]]) if len(rows) else 0
                h, c = (states[name][layer * directions + direction, rows] for name in "hc")
                for t in list(range(length))[:: -1 if direction else 1]:
                    step(case, own, gates[t, rows], h, c)
                    output[t, rows, part] = h
                states["h"][layer * directions + direction, rows] = h
                states["c"][layer * directions + direction, rows] = c
        x = output
    output = x.swapaxes(0, 1) if swap else x
    last = (
        {"h_1": states["h"][0], "c_1": states["c"][0]}
        if is_cell
        else {
            "output": output,
            "h_n": states["h"],
            "c_n": states["c"],
        }
    )
    return {name: (last[name] if batched else last[name].squeeze(-2)) for name in case["expected"]}


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

"""RNN, GRU and their cells in numpy, forward, as an engine: for --engine-command."""

import numpy as np

from torch_parity.engine import serve


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(kind, nonlinearity, params, suffix, x, h):
    """One step of torch.nn.RNN or torch.nn.GRU: (batch, hidden_size)."""
    ih = x @ params[f"weight_ih{suffix}"].T + params.get(f"bias_ih{suffix}", 0)
    hh = h @ params[f"weight_hh{suffix}"].T + params.get(f"bias_hh{suffix}", 0)
    if kind == "RNN":
        return np.tanh(ih + hh) if nonlinearity == "tanh" else np.maximum(ih + hh, 0)
    (r_i, z_i, n_i), (r_h, z_h, n_h) = np.split(ih, 3, -1), np.split(hh, 3, -1)
    r, z = sigmoid(r_i + r_h), sigmoid(z_i + z_h)
    n = np.tanh(n_i + r * n_h)
    return n + z * (h - n)


def supports(request):
    if request.module not in ("RNN", "GRU", "RNNCell", "GRUCell"):
        return "RNN and GRU alone"
    if request.cotangents or request.training:
        return "no gradients"
    given = ("lengths", "dropout_mask")
    return not any(name in request.inputs for name in given) or f"none of {', '.join(given)}"


def run(request):
    config, params, x = request.config, request.params, request.inputs["input"]
    kind, nonlinearity = request.module.removesuffix("Cell"), config.get("nonlinearity")
    if request.module.endswith("Cell"):
        zeros = np.zeros((*x.shape[:-1], config["hidden_size"]), x.dtype)
        return {"h_1": step(kind, nonlinearity, params, "", x, request.inputs.get("h_0", zeros))}
    is_batched, directions = x.ndim == 3, 2 if config["bidirectional"] else 1
    x = x if is_batched else x[:, None]
    x = x.swapaxes(0, 1) if config["batch_first"] and is_batched else x
    zeros = np.zeros(
        (config["num_layers"] * directions, x.shape[1], config["hidden_size"]), x.dtype
    )
    h_n = request.inputs.get("h_0", zeros).reshape(zeros.shape).copy()
    for layer in range(config["num_layers"]):
        outputs = []
        for direction in range(directions):
            suffix = f"_l{layer}{'_reverse' if direction else ''}"
            at = layer * directions + direction
            steps = []
            for x_t in x[::-1] if direction else x:
                h_n[at] = step(kind, nonlinearity, params, suffix, x_t, h_n[at])
                steps.append(h_n[at].copy())
            outputs.append(np.stack(steps[::-1] if direction else steps))
        x = np.concatenate(outputs, -1)
    if not is_batched:
        return {"output": x[:, 0], "h_n": h_n[:, 0]}
    return {"output": x.swapaxes(0, 1) if config["batch_first"] else x, "h_n": h_n}


serve(run, supports, name="numpy")

"""A port of any captured model: each operation by torch itself, in float32, as it is asked for.

Bugs are in the program that it is handed, so that what it gives is PyTorch's own arithmetic.
"""

from functools import reduce
from typing import Any

import numpy as np
import torch
from torch_parity.engine import Request, serve

torch.set_num_threads(1)


def run(request: Request) -> dict[str, np.ndarray]:
    config = request.config
    values: dict[str, Any] = {}

    def tensor(kind: str, name: str, array: np.ndarray) -> torch.Tensor:
        dtype = getattr(torch, config[f"{kind}s"][name]["dtype"])
        return torch.from_numpy(np.array(array)).to(dtype)

    params = {name: tensor("param", name, own) for name, own in request.params.items()}
    inputs = {name: tensor("input", name, own) for name, own in request.inputs.items()}

    def given(value: Any) -> Any:
        if isinstance(value, list):
            return [given(own) for own in value]
        if not isinstance(value, dict):
            return value
        if "dtype" in value:
            return getattr(torch, value["dtype"])
        if "param" in value:
            return params[value["param"]]
        if "input" in value:
            return inputs[value["input"]]
        own = values[value["node"]]
        return own[value.get("output", 0)] if isinstance(own, (tuple, list)) else own

    with torch.no_grad():
        for node in config["nodes"]:
            op = reduce(getattr, node["op"].split("."), torch.ops)
            values[node["name"]] = op(**{name: given(own) for name, own in node["args"].items()})
    return {tap["name"]: given(tap["value"]).float().numpy() for tap in config["taps"]}


serve(run, name="torch")

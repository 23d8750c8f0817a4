"""A state_dict, and what a port made of it: src/ports/README.md shows what `map` says of it."""

import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def reordered(rows: np.ndarray, order: str) -> np.ndarray:
    blocks = dict(zip("rzn", np.split(rows, 3), strict=True))
    return np.concatenate([blocks[gate] for gate in order])


model = {
    "weight_ih_l0": drawn(9, 4),
    "weight_hh_l0": drawn(9, 3),
    "bias_ih_l0": drawn(9),
    "bias_hh_l0": drawn(9),
    "embedding.weight": drawn(32, 4),
    "fc.bias": np.zeros(3, np.float32),
    "norm.bias": np.zeros(3, np.float32),
}
embedding = model["embedding.weight"].copy()
embedding[24:] += 1
port = {
    "kernel": reordered(model["weight_ih_l0"], "zrn").T,
    "recurrent_kernel": model["weight_hh_l0"].T,
    "bias": np.stack([reordered(model[f"bias_{side}_l0"], "zrn") for side in ("ih", "hh")]),
    "head": np.zeros(3, np.float32),
    "embedding": embedding,
}
np.savez("port.npz", **port)

header, data = {}, b""
for name, value in model.items():
    offsets = [len(data), len(data) + value.nbytes]
    header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": offsets}
    data += value.tobytes()
text = json.dumps(header).encode()
Path("model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)

"""The trained model as cases: what it writes, and how well it knows a text it has not seen."""

from pathlib import Path
from typing import Any

import msgpack
import torch

from torch_parity.char_rnn.text import CHARACTERS, HELD_OUT, encode
from torch_parity.device import CPU
from torch_parity.fixture import Case, decode_tensor
from torch_parity.modules import Tensors
from torch_parity.record_model import record_model

WEIGHTS = Path(__file__).parent / "weights.msgpack"

CONFIG: dict[str, Any] = {
    "rnn": "LSTM",
    "num_embeddings": len(CHARACTERS),
    "embedding_dim": 24,
    "hidden_size": 128,
    "num_layers": 1,
    "decoding": "greedy",
    "max_len": 1000,
}

#: What the continuation begins with.
PROMPT = "Shall I compare thee to a summer's day?\n"


def weights() -> Tensors:
    """The trained state_dict, float32."""
    stored = msgpack.unpackb(WEIGHTS.read_bytes())
    return {name: torch.tensor(decode_tensor(tensor)) for name, tensor in stored.items()}


def char_rnn_case(id: str, seed: int, device: torch.device = CPU) -> Case:
    """continuation: 1,000 characters after the prompt; held-out: the loss on the held-out text."""
    if id == "continuation":
        inputs = {"source": encode(PROMPT)[:, None]}
        return record_model(
            "LanguageModel", CONFIG, weights(), inputs, id=id, seed=seed, device=device
        )
    text = encode(HELD_OUT)[:, None]
    config = {**CONFIG, "decoding": "teacher_forcing"}
    inputs = {"source": text[:-1], "target": text[1:]}
    return record_model("LanguageModel", config, weights(), inputs, id=id, seed=seed, device=device)

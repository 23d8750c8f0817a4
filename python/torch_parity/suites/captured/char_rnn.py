"""The char-RNN of this package, with its own weights."""

import torch
from torch import nn

from torch_parity.modules import Tensors


class CharRNN(nn.Module):
    def __init__(self, weights: Tensors) -> None:
        """weights: as torch_parity.char_rnn.record has them."""
        super().__init__()
        count, size = weights["embedding.weight"].shape
        hidden = weights["linear.weight"].shape[1]
        self.embedding = nn.Embedding(count, size)
        self.rnn = nn.LSTM(size, hidden)
        self.linear = nn.Linear(hidden, count)
        self.load_state_dict(
            {name.replace("rnn.0.", "rnn."): tensor for name, tensor in weights.items()}
        )

    def forward(self, source: torch.Tensor) -> torch.Tensor:
        """source: (seq_len, batch) → logits (seq_len, batch, characters)"""
        logits: torch.Tensor = self.linear(self.rnn(self.embedding(source))[0])
        return logits

"""A recurrent language model, which predicts each next symbol from those before it."""

from typing import Any

import torch
from torch import nn

from torch_parity.models.blocks import (
    Layers,
    Tensors,
    cross_entropy,
    named_states,
    next_symbol,
    with_softmax,
)


class LanguageModel(nn.Module):
    """Embedding, recurrent layers, softmax: over a given text, or feeding its own symbols back."""

    def __init__(
        self,
        *,
        rnn: str,
        num_embeddings: int,
        embedding_dim: int,
        hidden_size: int,
        num_layers: int,
        decoding: str,
        max_len: int,
        **factory: Any,
    ) -> None:
        super().__init__()
        self.decoding = decoding
        self.max_len = max_len
        self.embedding = nn.Embedding(num_embeddings, embedding_dim, **factory)
        self.rnn = Layers(rnn, embedding_dim, hidden_size, num_layers, **factory)
        self.linear = nn.Linear(hidden_size, num_embeddings, **factory)

    def forward(self, inputs: Tensors) -> Tensors:
        """source: (seq_len, batch), int64; target?: (seq_len, batch), int64.

        Greedy: source is what the text begins with; each symbol is the most probable one.
        """
        embedding = self.embedding(inputs["source"])
        states, last = self.rnn.run(embedding)
        outputs = {"embedding": embedding, **named_states("states", states)}
        if self.decoding == "teacher_forcing":
            outputs |= with_softmax(self.linear(states[-1]))
            if "target" in inputs:
                outputs["loss"] = cross_entropy(outputs["logits"], inputs["target"])
            return outputs
        logits, symbols = [self.linear(states[-1][-1])], []
        for t in range(self.max_len):
            symbols.append(next_symbol(logits[t], inputs, t))
            if t + 1 < self.max_len:
                states, last = self.rnn.run(self.embedding(symbols[t])[None], last)
                logits.append(self.linear(states[-1][-1]))
        return {**outputs, "logits": torch.stack(logits), "symbols": torch.stack(symbols)}

"""Translates symbols: a GRU reads, another writes and attends to what was read."""

import torch
from torch import nn


class Attention(nn.Module):
    """Source: Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and
    Translate", 2014."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size, bias=False)
        self.score = nn.Linear(size, 1, bias=False)

    def forward(self, h: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """h: (batch, size), states: (batch, time, size) → (batch, size)"""
        scores: torch.Tensor = self.score(torch.tanh(self.query(h)[:, None] + self.key(states)))
        return (scores.softmax(1) * states).sum(1)


class AttentionDecoder(nn.Module):
    """The target is given: each step reads its symbol, whatever the model would have written."""

    def __init__(self) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(11, 6)
        self.encoder = nn.GRU(6, 8, batch_first=True)
        self.target_embedding = nn.Embedding(9, 5)
        self.attention = Attention(8)
        self.cell = nn.GRUCell(5 + 8, 8)
        self.linear = nn.Linear(8, 9)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """source: (batch, time), target: (batch, steps) → logits (batch, steps, 9)"""
        states, h_n = self.encoder(self.source_embedding(source))
        h = h_n[0]
        embedding = self.target_embedding(target)
        logits = []
        for t in range(target.shape[1]):
            context = self.attention(h, states)
            h = self.cell(torch.cat([embedding[:, t], context], 1), h)
            logits.append(self.linear(h))
        return torch.stack(logits, 1)

"""Names a sound by its features: strided convolutions, GRUs, a class from their last states."""

import torch
from torch import nn


class ConvGRU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 8, 4, stride=2, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.rnn = nn.GRU(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(12, 5)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """features: (batch, 5, time) → probabilities (batch, 5)"""
        x = nn.functional.silu(self.norm(self.conv(features)))
        _, h_n = self.rnn(x.transpose(1, 2))
        last = torch.cat([h_n[-2], h_n[-1]], 1)
        probabilities: torch.Tensor = self.linear(last).softmax(-1)
        return probabilities

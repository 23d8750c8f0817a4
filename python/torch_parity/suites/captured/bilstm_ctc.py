"""Hears speech: recurrent layers in both directions, log probabilities for CTC."""

import torch
from torch import nn


class BiLSTMCTC(nn.Module):
    """Source: Graves, Mohamed, Hinton, "Speech Recognition with Deep Recurrent Neural Networks",
    2013."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.linear = nn.Linear(6, 8)
        self.rnn = nn.LSTM(8, 6, num_layers=2, bidirectional=True)
        self.output = nn.Linear(12, 7)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """frames: (batch, time, 6) → log probabilities (time, batch, 7), as for nn.CTCLoss"""
        x = self.linear(self.norm(frames)).tanh()
        x, _ = self.rnn(x.transpose(0, 1))
        return nn.functional.log_softmax(self.output(x), -1)

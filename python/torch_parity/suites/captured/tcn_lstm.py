"""Forecasts: dilated convolutions that see the past alone, then an LSTM."""

import torch
from torch import nn


class CausalBlock(nn.Module):
    """Source: Bai, Kolter, Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
    Networks for Sequence Modeling", 2018."""

    def __init__(self, size: int, dilation: int) -> None:
        super().__init__()
        self.past = 2 * dilation
        self.conv = nn.Conv1d(size, size, 3, dilation=dilation)
        self.norm = nn.BatchNorm1d(size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (batch, size, time) → the same"""
        y = self.norm(self.conv(nn.functional.pad(x, (self.past, 0))))
        return nn.functional.leaky_relu(y, 0.1) + x


class TCNLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Conv1d(4, 8, 1)
        self.blocks = nn.Sequential(CausalBlock(8, 1), CausalBlock(8, 2), CausalBlock(8, 4))
        self.rnn = nn.LSTM(8, 6, batch_first=True)
        self.linear = nn.Linear(6, 3)

    def forward(self, series: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """series: (batch, 4, time) → forecast (batch, 3), the cell's last state (batch, 6)"""
        x = self.blocks(self.expand(series))
        _, (h_n, c_n) = self.rnn(x.transpose(1, 2))
        return self.linear(h_n[-1]), c_n[-1]

"""The model that README.md records: convolutions, batch normalization, a GRU and a linear layer."""

import torch
from torch import nn


class CRNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(16, 24, 3, padding=1), nn.BatchNorm1d(24), nn.ReLU())
        self.rnn = nn.GRU(24, 32, batch_first=True, bidirectional=True)
        self.out = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.conv(x)
        states, _ = self.rnn(features.mT)
        return self.out(states).log_softmax(-1)


torch.manual_seed(0)
model = CRNN()
model(torch.randn(8, 16, 50))  # gives the batch normalization its statistics
model.eval()

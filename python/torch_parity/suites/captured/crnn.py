"""Reads text in pictures: convolutions, an LSTM in both directions, a class for each column."""

import torch
from torch import nn


class CRNN(nn.Module):
    """Source: Shi, Bai, Yao, "An End-to-End Trainable Neural Network for Image-Based Sequence
    Recognition", 2015."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(4)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.pool2 = nn.MaxPool2d((2, 1))
        self.rnn = nn.LSTM(12, 7, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(14, 9)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """image: (batch, 1, 8, width) → logits (batch, width / 2, 9)"""
        x = self.pool1(self.norm1(self.conv1(image)).relu())
        x = self.pool2(self.norm2(self.conv2(x)).relu())
        x = x.flatten(1, 2).transpose(1, 2)
        logits: torch.Tensor = self.linear(self.rnn(x)[0])
        return logits

"""Separates sounds: a mask over frequency and time, by an U-Net with an LSTM at its bottom."""

import torch
from torch import nn


class UNetLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(2, 4, 3, stride=(2, 1), padding=1)
        self.norm1 = nn.BatchNorm2d(4, eps=1e-3)
        self.down2 = nn.Conv2d(4, 6, (3, 3), stride=(2, 1), padding=1)
        self.rnn = nn.LSTM(12, 8, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(16, 12)
        self.up2 = nn.ConvTranspose2d(6, 4, (2, 3), stride=(2, 1), padding=(0, 1))
        self.norm2 = nn.BatchNorm2d(4)
        self.up1 = nn.ConvTranspose2d(8, 2, (2, 3), stride=(2, 1), padding=(0, 1))

    def forward(self, spectrum: torch.Tensor) -> torch.Tensor:
        """spectrum: (batch, 2, 8, time) → what is left of it under the mask, the same"""
        one = nn.functional.elu(self.norm1(self.down1(spectrum)))
        two = nn.functional.elu(self.down2(one))
        batch, channels, height, time = two.shape
        x = two.permute(0, 3, 1, 2).reshape(batch, time, channels * height)
        x = self.linear(self.rnn(x)[0])
        x = x.reshape(batch, time, channels, height).permute(0, 2, 3, 1)
        x = self.norm2(self.up2(x)).relu()
        mask: torch.Tensor = self.up1(torch.cat([x, one], 1)).sigmoid()
        return spectrum * mask

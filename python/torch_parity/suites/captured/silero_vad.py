"""Whether somebody speaks: the form of Silero VAD 6, at 16 kHz, with sizes of one's own."""

import torch
from torch import nn


class SileroVAD(nn.Module):
    """Source: https://github.com/snakers4/silero-vad, silero_vad/tinygrad_model.py (MIT).

    The package's own sizes are n_fft=256, conv=(128, 64, 64, 128), hidden=128.
    """

    def __init__(
        self, n_fft: int = 16, conv: tuple[int, int, int, int] = (8, 6, 6, 8), hidden: int = 8
    ) -> None:
        super().__init__()
        self.pad = n_fft // 4
        self.bins = n_fft // 2 + 1
        self.stft_conv = nn.Conv1d(1, 2 * self.bins, n_fft, stride=n_fft // 2, bias=False)
        self.conv1 = nn.Conv1d(self.bins, conv[0], 3, padding=1)
        self.conv2 = nn.Conv1d(conv[0], conv[1], 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(conv[1], conv[2], 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(conv[2], conv[3], 3, padding=1)
        self.lstm_cell = nn.LSTMCell(conv[3], hidden)
        self.final_conv = nn.Conv1d(hidden, 1, 1)

    def forward(
        self, chunk: torch.Tensor, h: torch.Tensor | None = None, c: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """chunk: (batch, samples), four frames and a half → probability (batch, 1), h, c"""
        x = nn.functional.pad(chunk, (0, self.pad), "reflect")[:, None]
        x = self.stft_conv(x)
        x = (x[:, : self.bins] ** 2 + x[:, self.bins :] ** 2).sqrt()
        x = self.conv2(self.conv1(x).relu()).relu()
        x = self.conv4(self.conv3(x).relu()).relu().squeeze(-1)
        h, c = self.lstm_cell(x, None if h is None or c is None else (h, c))
        x = self.final_conv(h[..., None].relu()).sigmoid()
        return x.squeeze(1).mean(1, keepdim=True), h, c

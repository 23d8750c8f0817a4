"""Captures models with gradients: gradients.py OUT."""

import sys
from typing import cast

import torch
from torch import nn

from torch_parity import capture, write_fixture
from torch_parity.suites.captured.drawn import draw
from torch_parity.values import Stream


class Mixed(nn.Module):
    """Symbols and numbers go in; what comes out is numbers, and where the largest stands."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(70, 24, padding_idx=2)
        self.conv = nn.Sequential(nn.Conv1d(24, 8, 3, stride=2, padding=1), nn.BatchNorm1d(8))
        self.rnn = nn.GRU(8, 5, bidirectional=True, batch_first=True)
        self.attention = nn.MultiheadAttention(10, 2, batch_first=True)
        self.norm = nn.LayerNorm(10)
        self.out = nn.Linear(10, 4, bias=False)
        self.unread = nn.Parameter(torch.zeros(3))

    def forward(
        self, symbols: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = self.embedding(symbols).transpose(1, 2)
        y, h = self.rnn(nn.functional.gelu(self.conv(x)).transpose(1, 2))
        z, _ = self.attention(y, y, y)
        logits = self.out(self.norm(z + y)) * scale + self.unread.sum() * 0
        return cast(torch.Tensor, logits.log_softmax(-1)), logits.argmax(-1), h


def main() -> None:
    model = Mixed().eval()
    draw(model, Stream("gradients"))
    stream = Stream("inputs")
    symbols = torch.from_numpy((stream.unit(2, 9) * 70).astype("int64"))
    symbols[0, 3] = symbols[1, 5] = 2
    scale = torch.from_numpy(1 + stream.uniform(0.5, 4)).float()
    cases = [capture(model, (symbols, scale), id="mixed", gradients=True)]
    cases.append(capture(model, (symbols, scale), id="few", gradients=True, max_bytes=24_000))
    write_fixture(sys.argv[1], cases)


if __name__ == "__main__":
    main()

"""Records a model of which large taps are kept as samples: sampled.py OUT.

In `cannot` they are of an operation that our own engine does not know.
"""

import sys
from typing import cast

import torch
from torch import nn

from torch_parity import capture, write_fixture


class Mask(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.masked_fill(x < 3, -torch.inf)


class Wide(nn.Module):
    def __init__(self, odd: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.mask = Mask()
        self.act = nn.Sigmoid()
        self.out = nn.Linear(8, 3)
        self.odd = odd

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.act(self.mask(self.norm(self.conv(x))))
        # Of a kind that no port has to have, and our own engine has not.
        y = torch.special.bessel_j0(y) if self.odd else y
        return cast(torch.Tensor, self.out(y.mean((2, 3))))


def main() -> None:
    cases = []
    for name in ("can", "cannot"):
        torch.manual_seed(0)
        model = Wide(odd=name == "cannot").eval()
        with torch.no_grad():
            for own in model.state_dict().values():
                if own.is_floating_point():
                    own.copy_(torch.rand_like(own) + 0.5)
        x = torch.randn(1, 2, 40, 30)
        cases.append(capture(model, x, id=name, max_bytes=20_000))
    write_fixture(sys.argv[1], cases)


if __name__ == "__main__":
    main()

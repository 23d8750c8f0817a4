"""How small an error of one number is seen in a tap of which samples are kept.

python benchmarks/samples_power.py [--bytes 100000 300000] plants errors in numbers of the taps of a
convolutional model, each so many times what is allowed there, and prints in what part of them a
weighted sum is off, and in what part a norm of the same block would be.
"""

import argparse
from typing import cast

import numpy as np
import torch
from torch import nn

from torch_parity.capture.budgets import Measured, budgets
from torch_parity.capture.exported import export
from torch_parity.capture.run import run
from torch_parity.capture.samples import Sampling, sampled
from torch_parity.capture.taps import taps_of
from torch_parity.fixture import decode_tensor

KAPPA = 4.0
TIMES = (2, 8, 32, 128, 2048)
TRIES = 400


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.wide = nn.Conv2d(16, 24, 3, padding=1)
        self.out = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.out(torch.tanh(self.wide(self.conv(x))).mean((2, 3))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, nargs="+", default=[25_000, 75_000], help="of a tap")
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    model, x = Model().eval(), torch.randn(1, 3, 96, 96)
    exported = export(model, (x,), {}, "model")
    taps = taps_of(exported, "modules", "model")
    given = {"x": x}
    values = run(exported, exported.tensors, given)
    measured = budgets(exported, given, taps, values, torch.float32, 0, "model")
    heads = "".join(f"{f'{times} x':>14}" for times in TIMES)
    print(f"{'tap':10}{'numbers':>9}{'samples':>9}{'block':>7}{heads}   seen by a sum / by a norm")
    for share in parser.parse_args().bytes:
        for name, node in taps.items():
            if values[node].numel() > 10_000:
                print(line_of(name, values[node], measured, share))


def line_of(name: str, expected: torch.Tensor, measured: Measured, share: int) -> str:
    budget, exact = measured.budget[name], measured.exact[name]
    runs = [own[name] for own in measured.runs]
    kept = sampled(expected, budget, measured.alone[name], exact, runs, share, name)
    block, count = kept["block"], kept["values"]["shape"][0]
    sampling = Sampling(name, expected.numel(), count, block)
    flat = expected.double().numpy().ravel()
    each = np.broadcast_to(budget, expected.shape).ravel()

    def norms(tensor: torch.Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        rows = np.zeros(-(-flat.size // block) * block)
        rows[: flat.size] = tensor.double().numpy().ravel() ** 2
        return np.asarray(np.sqrt(rows.reshape(-1, block).sum(1)))

    norm_budget = max(float(np.abs(norms(own) - norms(exact)).max()) for own in runs)
    own_norms, weights = norms(expected), sampling.weights()
    sums_budget = decode_tensor(kept["sums_budget"])
    random = np.random.default_rng(0)
    seen = ""
    for times in TIMES:
        places = random.integers(0, flat.size, TRIES)
        errors = times * KAPPA * each[places] * random.choice([-1, 1], TRIES)
        blocks = places // block
        by_sum = np.abs(weights[places] * errors) > KAPPA * sums_budget[blocks]
        squares = own_norms[blocks] ** 2 - flat[places] ** 2 + (flat[places] + errors) ** 2
        by_norm = np.abs(np.sqrt(np.maximum(squares, 0)) - own_norms[blocks]) > KAPPA * norm_budget
        seen += f"{by_sum.mean():>8.0%}/{by_norm.mean():>5.0%}"
    return f"{name:10}{flat.size:>9}{count:>9}{block:>7}{seen}"


if __name__ == "__main__":
    main()

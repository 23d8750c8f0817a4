"""python -m torch_parity.char_rnn.train: trains the model on one core and writes its weights.

It takes a few minutes. What it writes is committed, because another machine trains to other
weights; the fixture seq2seq/char_rnn is recorded from it.
"""

import argparse
import time
from pathlib import Path

import msgpack
import torch

from torch_parity.char_rnn.record import CONFIG, WEIGHTS
from torch_parity.char_rnn.text import HELD_OUT, TRAINING, encode
from torch_parity.fixture import encode_tensor
from torch_parity.models import LanguageModel

SEQ_LEN, BATCH = 96, 16


def loss_of(model: LanguageModel, text: torch.Tensor) -> torch.Tensor:
    """The mean over a text of (length, batch) of how little its next character was expected."""
    loss: torch.Tensor = model({"source": text[:-1], "target": text[1:]})["loss"]
    return loss


def train(steps: int) -> LanguageModel:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = LanguageModel(**{**CONFIG, "decoding": "teacher_forcing"})
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    text = encode(TRAINING)
    held_out = encode(HELD_OUT)[:, None]
    started = time.perf_counter()
    for step in range(1, steps + 1):
        starts = torch.randint(len(text) - SEQ_LEN, (BATCH,))
        batch = torch.stack([text[start : start + SEQ_LEN + 1] for start in starts], 1)
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            with torch.no_grad():
                outside = float(loss_of(model, held_out))
            seconds = time.perf_counter() - started
            inside = float(loss.detach())
            print(f"step {step}: loss {inside:.3f}, {outside:.3f} held out, {seconds:.0f} s")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    weights = train(arguments.steps).state_dict()
    arguments.out.write_bytes(
        msgpack.packb({name: encode_tensor(tensor) for name, tensor in weights.items()})
    )
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

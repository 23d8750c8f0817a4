"""python -m torch_parity.suites.captured.shipped: real weights, as two packages ship them.

    pip install --no-deps silero-vad==6.2.3 g2p-en==2.1.0

Each model is rebuilt, loaded, held to what the package itself gives, and captured: two fixtures of
1.4 and 3.6 MB, which are recorded where they are needed and are not a part of this package.
"""

import argparse
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from torch_parity.capture import capture
from torch_parity.fixture import Case, write_fixture
from torch_parity.suites.captured.g2p import G2P
from torch_parity.suites.captured.silero_vad import SileroVAD
from torch_parity.values import Stream

Array = npt.NDArray[np.float32]

WORDS = ("activationist", "photosynthesis")
LETTERS = ["<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz"]
END = 3


def shipped_file(package: str, name: str) -> Path:
    """Raises:
    FileNotFoundError: The package is there, and has no such file.
    importlib.metadata.PackageNotFoundError: It is not installed.
    """
    for own in files(package) or []:
        if own.name == name:
            return Path(str(own.locate()))
    raise FileNotFoundError(f"{package}: expected the file {name}, got none of that name")


#: Of the package's module at 16 kHz, by the names of ours.
PARTS = {
    "stft_conv.weight": "stft.forward_basis_buffer",
    **{
        f"conv{i + 1}.{kind}": f"encoder.{i}.reparam_conv.{kind}"
        for i in range(4)
        for kind in ("weight", "bias")
    },
    **{
        f"lstm_cell.{kind}_{part}": f"decoder.rnn.{kind}_{part}"
        for kind in ("weight", "bias")
        for part in ("ih", "hh")
    },
    **{f"final_conv.{kind}": f"decoder.decoder.2.{kind}" for kind in ("weight", "bias")},
}


@torch.no_grad()
def silero_vad_cases() -> Iterator[Case]:
    """Chunks of noise that swells, each with the state after those before it.

    Raises:
        ValueError: The package's own model gives something else.
    """
    own = torch.jit.load(shipped_file("silero-vad", "silero_vad.jit")).eval()  # type: ignore[no-untyped-call]
    weights = own._model.state_dict()
    model = SileroVAD(n_fft=256, conv=(128, 64, 64, 128), hidden=128).eval()
    model.load_state_dict({name: weights[theirs] for name, theirs in PARTS.items()})
    stream = Stream("silero_vad")
    h = c = torch.zeros(1, 128)
    before = torch.zeros(1, 64)
    for place in range(8):
        chunk = torch.from_numpy(stream.normal(1, 512) * 0.05 * (place + 1)).float()
        given = torch.cat([before, chunk], 1)
        probability, h_1, c_1 = model(given, h, c)
        # It keeps what went before, and its own state.
        check(f"silero_vad chunk {place}", probability, own(chunk, 16000))
        if place in (0, 7):
            yield capture(model, (given, h, c), id=f"silero_vad-chunk-{place}")
        h, c, before = h_1, c_1, chunk[:, -64:]


def g2p() -> tuple[G2P, dict[str, Array]]:
    weights = dict(np.load(shipped_file("g2p-en", "checkpoint20.npz")))
    model = G2P(size=256, steps=20).eval()
    names = {"enc_emb": "enc_emb.weight", "dec_emb": "dec_emb.weight"}
    names |= {"fc_w": "fc.weight", "fc_b": "fc.bias"}
    for short, long in (("w", "weight"), ("b", "bias")):
        for part in ("ih", "hh"):
            names[f"enc_{short}_{part}"] = f"enc.{long}_{part}_l0"
            names[f"dec_{short}_{part}"] = f"dec.{long}_{part}"
    model.load_state_dict({names[own]: torch.from_numpy(weights[own]) for own in weights})
    return model, weights


def g2p_cases() -> Iterator[Case]:
    """Raises:
    ValueError: The package's own equations give something else.
    """
    model, weights = g2p()
    for word in WORDS:
        letters = [LETTERS.index(letter) for letter in word] + [LETTERS.index("</s>")]
        given = torch.tensor([letters])
        with torch.no_grad():
            logits, sounds = model(given)
        own_logits, own_sounds = predict(weights, letters)
        check(f"g2p {word}", logits[0, : len(own_logits)], torch.from_numpy(own_logits))
        if sounds[0, : len(own_sounds)].tolist() != own_sounds:
            raise ValueError(f"g2p {word}: expected {own_sounds}, got {sounds[0].tolist()}")
        yield capture(model, given, id=f"g2p-{word}")


def predict(w: dict[str, Array], letters: list[int]) -> tuple[Array, list[int]]:
    """What G2p.predict of g2p_en/g2p.py computes, in its own order, without what splits texts."""

    def cell(part: str, x: Array, h: Array) -> Array:
        rzn_ih = x @ w[f"{part}_w_ih"].T + w[f"{part}_b_ih"]
        rzn_hh = h @ w[f"{part}_w_hh"].T + w[f"{part}_b_hh"]
        size = len(h)
        r, z = np.split(1 / (1 + np.exp(-rzn_ih[: 2 * size] - rzn_hh[: 2 * size])), 2)
        n = np.tanh(rzn_ih[2 * size :] + r * rzn_hh[2 * size :])
        new: Array = (1 - z) * n + z * h
        return new

    h: Array = np.zeros(256, np.float32)
    for letter in letters:
        h = cell("enc", w["enc_emb"][letter], h)
    logits: list[Array] = []
    sounds = [2]
    while len(logits) < 20 and sounds[-1] != END:
        h = cell("dec", w["dec_emb"][sounds[-1]], h)
        logits.append(h @ w["fc_w"].T + w["fc_b"])
        sounds.append(int(logits[-1].argmax()))
    return np.stack(logits), sounds[1:]


def check(where: str, actual: torch.Tensor, expected: torch.Tensor) -> None:
    off = float((actual - expected).abs().max())
    if not off <= 1e-4:
        raise ValueError(f"{where}: expected what the package gives, got numbers {off:.2g} off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    out = parser.parse_args().out
    for name, cases in (("silero_vad", silero_vad_cases()), ("g2p", g2p_cases())):
        path = out / f"{name}.msgpack"
        count = write_fixture(path, cases)
        print(f"{path}: {count} cases, {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main()

"""The text as symbols."""

from pathlib import Path

import torch

TEXT = (Path(__file__).parent / "sonnets.txt").read_text("utf-8")

#: Every character of the text once, in the order of Unicode: symbol 0 is the line's end.
CHARACTERS = "".join(sorted(set(TEXT)))

#: The last sonnet.
HELD_OUT = TEXT.split("\n\n")[-1]
TRAINING = TEXT.removesuffix(HELD_OUT)


def encode(text: str) -> torch.Tensor:
    """(len(text)), int64."""
    return torch.tensor([CHARACTERS.index(character) for character in text])


def decode(symbols: torch.Tensor) -> str:
    return "".join(CHARACTERS[int(symbol)] for symbol in symbols)

"""Whole models that are captured: two lines each, with weights of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from torch_parity.capture import capture
from torch_parity.char_rnn.record import weights as char_rnn_weights
from torch_parity.char_rnn.text import encode
from torch_parity.fixture import Case
from torch_parity.suites.captured.attention_decoder import AttentionDecoder
from torch_parity.suites.captured.bilstm_ctc import BiLSTMCTC
from torch_parity.suites.captured.char_rnn import CharRNN
from torch_parity.suites.captured.conv_gru import ConvGRU
from torch_parity.suites.captured.crnn import CRNN
from torch_parity.suites.captured.drawn import draw
from torch_parity.suites.captured.forms import makers
from torch_parity.suites.captured.g2p import G2P
from torch_parity.suites.captured.silero_vad import SileroVAD
from torch_parity.suites.captured.tcn_lstm import TCNLSTM
from torch_parity.suites.captured.transformer import TransformerBlock
from torch_parity.suites.captured.unet_lstm import UNetLSTM
from torch_parity.values import Stream

#: What goes into a model, so many rows of it.
Inputs = Callable[[Stream, int], tuple[Any, ...]]


@dataclass(frozen=True)
class CapturedSpec:
    """One case: a model whose weights are drawn, or are its own, and how many rows go in."""

    id: str
    model: Callable[[], nn.Module]
    inputs: Inputs
    batch: int
    #: Trained ones are kept.
    drawn: bool = True


def numbers(*shapes: tuple[int, ...]) -> Inputs:
    """For each shape: (batch, *shape), nearly normal."""
    return lambda stream, batch: tuple(
        torch.from_numpy(stream.normal(batch, *shape)).float() for shape in shapes
    )


def symbols(*each: tuple[int, int]) -> Inputs:
    """For each (count, length): (batch, length) of the symbols from 0 to count − 1."""

    def drawn(stream: Stream, batch: int) -> tuple[torch.Tensor, ...]:
        return tuple(
            torch.from_numpy((stream.unit(batch, length) * count).astype("int64"))
            for count, length in each
        )

    return drawn


def text(_: Stream, batch: int) -> tuple[torch.Tensor, ...]:
    """(seq_len, batch): what others have written."""
    lines = ("From fairest creatures we", "But as the riper should b", "When forty winters shall ")
    return (torch.stack([encode(line[:24]) for line in lines[-batch:]], 1),)


MODELS: dict[str, tuple[Callable[[], nn.Module], Inputs]] = {
    "crnn": (CRNN, numbers((1, 8, 24))),
    "conv_gru": (ConvGRU, numbers((5, 21))),
    "bilstm_ctc": (BiLSTMCTC, numbers((9, 6))),
    "attention_decoder": (AttentionDecoder, symbols((11, 6), (9, 4))),
    "tcn_lstm": (TCNLSTM, numbers((4, 14))),
    "unet_lstm": (UNetLSTM, numbers((2, 8, 12))),
    "transformer": (TransformerBlock, symbols((13, 7))),
    "char_rnn": (lambda: CharRNN(char_rnn_weights()), text),
    "silero_vad": (SileroVAD, numbers((36,), (8,), (8,))),
    "g2p": (G2P, symbols((29, 6))),
}


def captured_suites() -> dict[str, list[CapturedSpec]]:
    return {
        f"captured/{name}": [
            CapturedSpec(f"{name}-batch-{batch}", model, inputs, batch, drawn=name != "char_rnn")
            for batch in (2, 3)
        ]
        for name, (model, inputs) in MODELS.items()
    }


def captured_forms() -> dict[str, list[CapturedSpec]]:
    """The five forms of seq2seq, which have files of their own as they were recorded first."""
    specs = [CapturedSpec(id, model, given, 0, drawn=False) for id, model, given in makers()]
    return {"captured_forms/seq2seq": specs}


def generate_captured(suite: str, spec: CapturedSpec, seed: int) -> Case:
    model = spec.model().eval()
    if spec.drawn:
        draw(model, Stream(seed, suite, "parameters"))
    inputs: tuple[Any, ...] = spec.inputs(Stream(seed, suite, spec.id, "inputs"), spec.batch)
    return capture(model, inputs, id=spec.id, seed=seed)

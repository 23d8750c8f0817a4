"""What the models are made of."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Tensors = dict[str, torch.Tensor]

RECURRENT: dict[str, type[nn.RNN | nn.LSTM | nn.GRU]] = {
    "RNN": nn.RNN,
    "LSTM": nn.LSTM,
    "GRU": nn.GRU,
}

State = torch.Tensor | tuple[torch.Tensor, torch.Tensor]


class Layers(nn.ModuleList):
    """Recurrent layers one above the other, each a torch layer of its own."""

    def __init__(
        self, rnn: str, input_size: int, hidden_size: int, num_layers: int, **factory: object
    ) -> None:
        kind = RECURRENT[rnn]
        widths = [input_size, *[hidden_size] * (num_layers - 1)]
        super().__init__(kind(width, hidden_size, **factory) for width in widths)

    def run(
        self,
        input: torch.Tensor,
        states: Sequence[State | None] | None = None,
        lengths: torch.Tensor | None = None,
    ) -> tuple[list[torch.Tensor], list[State]]:
        """input: (seq_len, batch, input_size); a state for each layer, None for zeros.

        Returns the states of each layer after every step, 0 past a row's length, and its last.
        """
        outputs: list[torch.Tensor] = []
        last: list[State] = []
        for i, layer in enumerate(self):
            state = None if states is None else states[i]
            if lengths is None:
                input, after = layer(input, state)
            else:
                packed = pack_padded_sequence(input, lengths, enforce_sorted=False)
                packed_output, after = layer(packed, state)
                input, _ = pad_packed_sequence(packed_output, total_length=input.shape[0])
            outputs.append(input)
            last.append(after)
        return outputs, last


def hidden_of(state: State) -> torch.Tensor:
    """h of a layer's last state: (batch, hidden_size)."""
    h = state if isinstance(state, torch.Tensor) else state[0]
    return h[0]


def named_states(prefix: str, outputs: Sequence[torch.Tensor]) -> Tensors:
    return {f"{prefix}_l{layer}": output for layer, output in enumerate(outputs)}


def inside(seq_len: int, lengths: torch.Tensor | None, batch: int) -> torch.Tensor:
    """(seq_len, batch): whether a step is within its row's length."""
    if lengths is None:
        return torch.ones(seq_len, batch, dtype=torch.bool)
    return torch.arange(seq_len)[:, None] < lengths


def mean_over_time(states: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """states: (seq_len, batch, hidden_size) → (batch, hidden_size), each row over its length."""
    seq_len, batch, _ = states.shape
    kept = inside(seq_len, lengths, batch).to(states)
    return (states * kept[..., None]).sum(0) / kept.sum(0)[:, None]


def with_softmax(logits: torch.Tensor) -> Tensors:
    """logits: (…, classes), with what softmax and log_softmax make of them."""
    return {
        "logits": logits,
        "probabilities": torch.softmax(logits, -1),
        "log_probabilities": torch.log_softmax(logits, -1),
    }


def next_symbol(logits: torch.Tensor, inputs: Tensors, t: int) -> torch.Tensor:
    """The most probable symbol; or the one that was chosen before, to see what rounding does to it.

    logits: (batch, symbols), inputs["forced"]?: (max_len, batch).
    """
    return inputs["forced"][t] if "forced" in inputs else logits.argmax(-1)


def cross_entropy(
    logits: torch.Tensor, target: torch.Tensor, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """The mean over all symbols within the lengths. logits: (…, classes), target: (…), int64."""
    if lengths is not None:
        outside = ~inside(target.shape[0], lengths, target.shape[1])
        target = target.masked_fill(outside.to(target.device), -100)  # cross_entropy ignores -100.
    return nn.functional.cross_entropy(logits.flatten(0, -2), target.flatten())

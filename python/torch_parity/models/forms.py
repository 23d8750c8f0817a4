"""N to N, N to 1 and 1 to N: a softmax over what recurrent layers give."""

from typing import Any

import torch
from torch import nn

from torch_parity.models.blocks import (
    Layers,
    Tensors,
    cross_entropy,
    hidden_of,
    mean_over_time,
    named_states,
    with_softmax,
)


class Form(nn.Module):
    """Recurrent layers, and a linear layer on top: y = softmax(V h + c)."""

    def __init__(
        self,
        rnn: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        num_classes: int,
        **factory: Any,
    ) -> None:
        super().__init__()
        self.rnn = Layers(rnn, input_size, hidden_size, num_layers, **factory)
        self.linear = nn.Linear(hidden_size, num_classes, **factory)


class ManyToMany(Form):
    """N to N: one softmax output for each input."""

    def forward(self, inputs: Tensors) -> Tensors:
        """input: (seq_len, batch, input_size), lengths?: (batch), target?: (seq_len, batch)."""
        lengths = inputs.get("lengths")
        states, _ = self.rnn.run(inputs["input"], None, lengths)
        outputs = {**named_states("states", states), **with_softmax(self.linear(states[-1]))}
        if "target" in inputs:
            outputs["loss"] = cross_entropy(outputs["logits"], inputs["target"], lengths)
        return outputs


class ManyToOne(Form):
    """N to 1: one softmax output from the last state, or from the mean of all states."""

    def __init__(self, *, pooling: str, **form: Any) -> None:
        super().__init__(**form)
        self.pooling = pooling

    def forward(self, inputs: Tensors) -> Tensors:
        """input: (seq_len, batch, input_size), lengths?: (batch), target?: (batch)."""
        lengths = inputs.get("lengths")
        states, last = self.rnn.run(inputs["input"], None, lengths)
        pooled = (
            hidden_of(last[-1]) if self.pooling == "last" else mean_over_time(states[-1], lengths)
        )
        outputs = {**named_states("states", states), "pooled": pooled}
        outputs |= with_softmax(self.linear(pooled))
        if "target" in inputs:
            outputs["loss"] = cross_entropy(outputs["logits"], inputs["target"])
        return outputs


class OneToMany(Form):
    """1 to N: the input enters at the first step, zeros after it, or at every step."""

    def __init__(self, *, feeding: str, seq_len: int, **form: Any) -> None:
        super().__init__(**form)
        self.feeding = feeding
        self.seq_len = seq_len

    def forward(self, inputs: Tensors) -> Tensors:
        """input: (batch, input_size), target?: (seq_len, batch)."""
        input = inputs["input"][None]
        later = input if self.feeding == "every" else torch.zeros_like(input)
        fed = torch.cat((input, *[later] * (self.seq_len - 1)))
        states, _ = self.rnn.run(fed)
        outputs = {**named_states("states", states), **with_softmax(self.linear(states[-1]))}
        if "target" in inputs:
            outputs["loss"] = cross_entropy(outputs["logits"], inputs["target"])
        return outputs

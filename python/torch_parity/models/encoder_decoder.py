"""N to M: an encoder reads all, a decoder writes from the context it leaves, or attends to it."""

from typing import Any

import torch
from torch import nn

from torch_parity.models.blocks import (
    Layers,
    State,
    Tensors,
    cross_entropy,
    hidden_of,
    inside,
    mean_over_time,
    next_symbol,
    with_softmax,
)

CONTEXTS = ("last", "transformed_last", "transformed_all")
ATTENTIONS = ("additive", "dot")


class EncoderDecoder(nn.Module):
    """The context is h_N, q(h_N) or q(h_1 … h_N); it enters as s_0 or as an input at every step.

    q(h) = tanh(W h + b), and q(h_1 … h_N) the mean of q(h_t). With attention the context is a
    weighted mean of the encoder's states, other at every step, and s_0 the encoder's last state.
    """

    def __init__(
        self,
        *,
        rnn: str,
        source_embeddings: int,
        target_embeddings: int,
        embedding_dim: int,
        hidden_size: int,
        context: str,
        injection: str,
        decoding: str,
        max_len: int,
        bos: int,
        eos: int,
        **factory: Any,
    ) -> None:
        super().__init__()
        self.context, self.injection, self.decoding = context, injection, decoding
        self.max_len, self.bos, self.eos = max_len, bos, eos
        is_input = injection == "every_step"
        self.source_embedding = nn.Embedding(source_embeddings, embedding_dim, **factory)
        self.encoder = Layers(rnn, embedding_dim, hidden_size, 1, **factory)
        if context.startswith("transformed"):
            self.transform = nn.Linear(hidden_size, hidden_size, **factory)
        if context == "additive":
            self.query = nn.Linear(hidden_size, hidden_size, **factory)
            self.key = nn.Linear(hidden_size, hidden_size, bias=False, **factory)
            self.score = nn.Linear(hidden_size, 1, bias=False, **factory)
        self.target_embedding = nn.Embedding(target_embeddings, embedding_dim, **factory)
        width = embedding_dim + (hidden_size if is_input else 0)
        self.decoder = Layers(rnn, width, hidden_size, 1, **factory)
        self.linear = nn.Linear(hidden_size, target_embeddings, **factory)

    def forward(self, inputs: Tensors) -> Tensors:
        """source: (src_len, batch), lengths?: (batch), target?: (tgt_len, batch), int64.

        Teacher forcing: the decoder reads bos and then the target without its last symbol. Greedy:
        it reads bos and then its own symbols, until eos or max_len; past its end a row has eos as
        symbol and zeros in everything else.
        """
        lengths = inputs.get("lengths")
        source_embedding = self.source_embedding(inputs["source"])
        (states,), (last,) = self.encoder.run(source_embedding, None, lengths)
        outputs = {"source_embedding": source_embedding, "encoder_states": states}
        context = self.fixed_context(states, last, lengths)
        if context is not None:
            outputs["context"] = context
        state = self.initial_state(states, last, context)
        decoded = self.decode(inputs, states, lengths, context, state)
        if self.decoding == "greedy":
            return {**outputs, **until_end(decoded, inputs, self.eos)}
        loss = cross_entropy(decoded["logits"], inputs["target"])
        return {**outputs, **decoded, **with_softmax(decoded["logits"]), "loss": loss}

    def fixed_context(
        self, states: torch.Tensor, last: State, lengths: torch.Tensor | None
    ) -> torch.Tensor | None:
        """(batch, hidden_size), or None with attention."""
        match self.context:
            case "last":
                return hidden_of(last)
            case "transformed_last":
                return torch.tanh(self.transform(hidden_of(last)))
            case "transformed_all":
                return mean_over_time(torch.tanh(self.transform(states)), lengths)
            case _:
                return None

    def initial_state(
        self, states: torch.Tensor, last: State, context: torch.Tensor | None
    ) -> State | None:
        """The encoder's last state, whole; or the context as h and zeros as c; or zeros."""
        if context is not None and self.injection == "every_step":
            return None
        if context is None or self.context == "last":
            return last
        h = context[None]
        return h if isinstance(last, torch.Tensor) else (h, torch.zeros_like(h))

    def decode(
        self,
        inputs: Tensors,
        states: torch.Tensor,
        lengths: torch.Tensor | None,
        context: torch.Tensor | None,
        state: State | None,
    ) -> Tensors:
        """The decoder step by step, each tensor stacked over time."""
        batch = states.shape[1]
        teacher = self.decoding == "teacher_forcing"
        steps = inputs["target"].shape[0] if teacher else self.max_len
        symbol = torch.full((batch,), self.bos, device=states.device)
        after: dict[str, list[torch.Tensor]] = {}
        h = states.new_zeros(batch, states.shape[2]) if state is None else hidden_of(state)
        for t in range(steps):
            embedding = self.target_embedding(symbol)
            now = {"target_embedding": embedding}
            read = embedding
            if context is not None and self.injection == "every_step":
                read = torch.cat((embedding, context), -1)
            if context is None:
                weights = self.attend(h, states, lengths)
                attended = (weights[..., None] * states).sum(0)
                now |= {"attention": weights.T, "context": attended}
                read = torch.cat((embedding, attended), -1)
            (output,), (state,) = self.decoder.run(read[None], [state])
            h = output[0]
            logits = self.linear(h)
            now |= {"decoder_states": h, "logits": logits}
            for name, tensor in now.items():
                after.setdefault(name, []).append(tensor)
            symbol = inputs["target"][t] if teacher else next_symbol(logits, inputs, t)
        return {name: torch.stack(tensors) for name, tensors in after.items()}

    def attend(
        self, h: torch.Tensor, states: torch.Tensor, lengths: torch.Tensor | None
    ) -> torch.Tensor:
        """(src_len, batch): a softmax over the source of how well each state suits h."""
        if self.context == "dot":
            scores = (h * states).sum(-1)
        else:
            scores = self.score(torch.tanh(self.query(h) + self.key(states))).squeeze(-1)
        outside = ~inside(states.shape[0], lengths, states.shape[1])
        return torch.softmax(scores.masked_fill(outside.to(scores.device), -torch.inf), 0)


def until_end(decoded: Tensors, inputs: Tensors, eos: int) -> Tensors:
    """Adds the symbols, and blanks what is past a row's end. Everything is (max_len, batch, …)."""
    symbols = torch.stack(
        [next_symbol(logits, inputs, t) for t, logits in enumerate(decoded["logits"])]
    )
    is_end = (symbols == eos).long()
    ended = torch.cumsum(is_end, 0) - is_end > 0
    kept = {name: tensor.masked_fill(ended[..., None], 0.0) for name, tensor in decoded.items()}
    return {**kept, "symbols": symbols.masked_fill(ended, eos)}

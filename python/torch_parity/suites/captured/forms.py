"""The forms of seq2seq as captured programs: their classes are the same."""

from functools import partial

import torch
from torch import nn

from torch_parity.models import build_model
from torch_parity.suites.models import ModelSpec, given_to, model_suites

#: By suite the cases that are captured. What has lengths packs its input, which torch.export does
#: not take.
CHOSEN = {
    "many_to_many": ("RNN", "LSTM-layers-2"),
    "many_to_one": ("GRU-mean", "LSTM-last"),
    "one_to_many": ("RNN-first", "GRU-every-layers-2-gradients"),
    "encoder_decoder": ("GRU-last-every_step", "LSTM-transformed_last-every_step"),
    "encoder_decoder_greedy": ("RNN-transformed_all-every_step",),
    "attention": ("LSTM-dot-every_step",),
    "attention_greedy": ("GRU-dot-every_step",),
    "language_model": ("GRU-layers-1-gradients", "LSTM-layers-2-greedy"),
}

SEED = 0


def chosen_forms() -> list[tuple[str, ModelSpec]]:
    """Each with the name of its suite."""
    suites = model_suites()
    return [
        (f"seq2seq/{suite}", spec)
        for suite, ids in CHOSEN.items()
        for spec in suites[f"seq2seq/{suite}"]
        if spec.id in ids
    ]


def form_of(suite: str, spec: ModelSpec) -> nn.Module:
    return build_model(spec.model, spec.config, given_to(suite, spec, SEED)[0])


def inputs_of(suite: str, spec: ModelSpec, *_: object) -> tuple[dict[str, torch.Tensor]]:
    return (given_to(suite, spec, SEED)[1],)


def makers() -> list[tuple[str, partial[nn.Module], partial[tuple[dict[str, torch.Tensor]]]]]:
    """Of each the id, what makes it, and what goes in."""
    return [
        (
            f"{suite.removeprefix('seq2seq/')}-{spec.id.removesuffix('-gradients')}",
            partial(form_of, suite, spec),
            partial(inputs_of, suite, spec),
        )
        for suite, spec in chosen_forms()
    ]

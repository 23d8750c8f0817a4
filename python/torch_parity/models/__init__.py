"""Models made of recurrent layers: what a port of one is compared with, tensor by tensor.

Each form is a torch module whose `forward` names every tensor on its way, in the order of
computation. The recurrent layers are single torch layers one above the other, because a torch
module of several layers does not tell the states between them.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from torch_parity.models.encoder_decoder import EncoderDecoder
from torch_parity.models.forms import ManyToMany, ManyToOne, OneToMany
from torch_parity.models.language_model import LanguageModel

__all__ = ["MODELS", "EncoderDecoder", "LanguageModel", "ManyToMany", "ManyToOne", "OneToMany"]

MODELS: dict[str, type[nn.Module]] = {
    "ManyToMany": ManyToMany,
    "ManyToOne": ManyToOne,
    "OneToMany": OneToMany,
    "LanguageModel": LanguageModel,
    "EncoderDecoder": EncoderDecoder,
}


def build_model(name: str, config: Mapping[str, Any], params: Mapping[str, Any]) -> nn.Module:
    """A model that shares the parameters given; nothing random is drawn."""
    model = MODELS[name](**config, device="meta")
    model.load_state_dict(params, assign=True)
    return model.requires_grad_(False).eval()

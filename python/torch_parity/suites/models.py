"""The suites of the models, one for each form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torch_parity.char_rnn.record import char_rnn_case
from torch_parity.device import CPU
from torch_parity.fixture import Case
from torch_parity.models import MODELS
from torch_parity.modules import Tensors
from torch_parity.record_model import record_model
from torch_parity.values import Array, Stream

RNNS = ("RNN", "LSTM", "GRU")

#: How the context is obtained and how it enters the decoder.
CONTEXTS = tuple(
    (context, injection)
    for context in ("last", "transformed_last", "transformed_all")
    for injection in ("initial_state", "every_step")
)
ATTENTIONS = (("additive", "every_step"), ("dot", "every_step"))


@dataclass(frozen=True)
class ModelSpec:
    """One model to record.

    lengths: of the rows of the source. target_len: None without a target; of one step where the
    model has one output. logits: how much larger than torch's default the last layer's weights are.
    """

    id: str
    model: str
    config: dict[str, Any]
    seq_len: int = 6
    batch: int = 3
    lengths: tuple[int, ...] | None = None
    target_len: int | None = None
    dtype: str = "float32"
    gradients: bool = False
    logits: float = 1.0


def generate_model(
    suite: str,
    spec: ModelSpec,
    seed: int,
    device: torch.device = CPU,
    budget: bool = True,
) -> Case:
    """Makes parameters and inputs from seed, suite, id and name alone, and records the model."""
    if spec.model == "char_rnn":
        return char_rnn_case(spec.id, seed, device)
    params, inputs = given_to(suite, spec, seed)
    return record_model(
        spec.model,
        spec.config,
        params,
        inputs,
        id=spec.id,
        seed=seed,
        gradients=spec.gradients,
        device=device,
        budget=budget,
    )


def given_to(suite: str, spec: ModelSpec, seed: int) -> tuple[Tensors, Tensors]:
    """Its parameters, and what goes in."""

    def stream(tensor: str) -> Stream:
        return Stream(seed, suite, spec.id, tensor)

    config, dtype = spec.config, getattr(torch, spec.dtype)
    shapes = MODELS[spec.model](**config, device="meta").state_dict()
    params = {
        name: torch.from_numpy(model_parameter(spec, name, tuple(meta.shape), stream(name))).to(
            dtype
        )
        for name, meta in shapes.items()
    }
    inputs: Tensors = {}
    batch = (spec.batch,)
    if "input_size" in config:
        shape = (*batch, config["input_size"])
        outer = () if spec.model == "OneToMany" else (spec.seq_len,)
        inputs["input"] = torch.from_numpy(stream("input").normal(*outer, *shape)).to(dtype)
    else:
        count = config.get("source_embeddings") or config["num_embeddings"]
        inputs["source"] = symbols(stream("source"), count, spec.seq_len, spec.batch)
    if spec.lengths is not None:
        inputs["lengths"] = torch.tensor(spec.lengths)
    if spec.target_len is not None:
        count = next(
            config[key]
            for key in ("num_classes", "num_embeddings", "target_embeddings")
            if key in config
        )
        target = symbols(stream("target"), count, spec.target_len, spec.batch)
        inputs["target"] = target[0] if spec.model == "ManyToOne" else target
    return params, inputs


def symbols(stream: Stream, count: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy((stream.unit(*shape) * count).astype(np.int64))


def model_parameter(spec: ModelSpec, name: str, shape: tuple[int, ...], stream: Stream) -> Array:
    """Normal for embeddings, else uniform in ±1/√hidden_size, as torch starts them."""
    if "embedding" in name:
        return stream.normal(*shape)
    bound = 1.0 / float(np.sqrt(spec.config["hidden_size"]))
    values = stream.uniform(bound, *shape)
    # Larger recurrent weights than torch's, so that the states of a row differ.
    if name.startswith("linear."):
        return values * spec.logits
    return values * (2.0 if "weight" in name else 1.0)


def form(rnn: str, **rest: Any) -> dict[str, Any]:
    sizes = {"input_size": 4, "hidden_size": 5, "num_layers": 1, "num_classes": 6}
    return {"rnn": rnn, **sizes, **rest}


def encoder_decoder(rnn: str, context: str, injection: str, decoding: str) -> dict[str, Any]:
    return {
        "rnn": rnn,
        "source_embeddings": 9,
        "target_embeddings": 7,
        "embedding_dim": 4,
        "hidden_size": 6 if rnn != "GRU" else 4,
        "context": context,
        "injection": injection,
        "decoding": decoding,
        "max_len": 8,
        "bos": 0,
        "eos": 1,
    }


def language_model(rnn: str, num_layers: int, decoding: str) -> dict[str, Any]:
    return {
        "rnn": rnn,
        "num_embeddings": 8,
        "embedding_dim": 4,
        "hidden_size": 6,
        "num_layers": num_layers,
        "decoding": decoding,
        "max_len": 12,
    }


LENGTHS = (3, 6, 1)


def many_to_many() -> Iterator[ModelSpec]:
    for rnn in RNNS:
        yield ModelSpec(rnn, "ManyToMany", form(rnn))
        yield ModelSpec(f"{rnn}-lengths", "ManyToMany", form(rnn), lengths=LENGTHS, target_len=6)
        yield ModelSpec(f"{rnn}-layers-2", "ManyToMany", form(rnn, num_layers=2), target_len=6)
        yield ModelSpec(f"{rnn}-float64", "ManyToMany", form(rnn), target_len=6, dtype="float64")
        yield ModelSpec(f"{rnn}-large-logits", "ManyToMany", form(rnn), target_len=6, logits=4000.0)
    for rnn in RNNS:
        yield ModelSpec(
            f"{rnn}-lengths-layers-2-gradients",
            "ManyToMany",
            form(rnn, num_layers=2),
            lengths=LENGTHS,
            target_len=6,
            gradients=True,
        )


def many_to_one() -> Iterator[ModelSpec]:
    for rnn in RNNS:
        for pooling in ("last", "mean"):
            config = form(rnn, pooling=pooling)
            yield ModelSpec(f"{rnn}-{pooling}", "ManyToOne", config, target_len=1)
            yield ModelSpec(
                f"{rnn}-{pooling}-lengths-gradients",
                "ManyToOne",
                config,
                lengths=LENGTHS,
                target_len=1,
                gradients=True,
            )
    yield ModelSpec(
        "LSTM-last-large-logits",
        "ManyToOne",
        form("LSTM", pooling="last"),
        target_len=1,
        logits=4000.0,
    )


def one_to_many() -> Iterator[ModelSpec]:
    for rnn in RNNS:
        for feeding in ("first", "every"):
            config = form(rnn, feeding=feeding, seq_len=7)
            yield ModelSpec(f"{rnn}-{feeding}", "OneToMany", config)
            yield ModelSpec(
                f"{rnn}-{feeding}-layers-2-gradients",
                "OneToMany",
                {**config, "num_layers": 2},
                target_len=7,
                gradients=True,
            )


def decoders(
    forms: tuple[tuple[str, str], ...], decoding: str, gradients: bool = False
) -> Iterator[ModelSpec]:
    teacher = decoding == "teacher_forcing"
    for rnn in RNNS:
        for i, (context, injection) in enumerate(forms):
            # Every second one with rows of their own lengths, and every one with gradients.
            lengths = LENGTHS if gradients or i % 2 == 0 else None
            yield ModelSpec(
                f"{rnn}-{context}-{injection}" + "-lengths" * (lengths is not None),
                "EncoderDecoder",
                encoder_decoder(rnn, context, injection, decoding),
                lengths=lengths,
                target_len=5 if teacher else None,
                gradients=gradients,
                dtype="float64" if gradients and i % 3 == 2 else "float32",
                logits=1.0 if teacher else 3.0,
            )


def language_models() -> Iterator[ModelSpec]:
    for rnn in RNNS:
        for num_layers in (1, 2):
            yield ModelSpec(
                f"{rnn}-layers-{num_layers}-gradients",
                "LanguageModel",
                language_model(rnn, num_layers, "teacher_forcing"),
                target_len=6,
                gradients=True,
            )
            yield ModelSpec(
                f"{rnn}-layers-{num_layers}-greedy",
                "LanguageModel",
                language_model(rnn, num_layers, "greedy"),
                logits=3.0,
            )


def model_suites() -> dict[str, list[ModelSpec]]:
    return {
        "seq2seq/many_to_many": list(many_to_many()),
        "seq2seq/many_to_one": list(many_to_one()),
        "seq2seq/one_to_many": list(one_to_many()),
        "seq2seq/encoder_decoder": list(decoders(CONTEXTS, "teacher_forcing")),
        "seq2seq/encoder_decoder_greedy": list(decoders(CONTEXTS, "greedy")),
        "seq2seq/encoder_decoder_gradients": list(decoders(CONTEXTS, "teacher_forcing", True)),
        "seq2seq/attention": list(decoders(ATTENTIONS, "teacher_forcing")),
        "seq2seq/attention_greedy": list(decoders(ATTENTIONS, "greedy")),
        "seq2seq/attention_gradients": list(decoders(ATTENTIONS, "teacher_forcing", True)),
        "seq2seq/language_model": list(language_models()),
        "seq2seq/char_rnn": [ModelSpec(id, "char_rnn", {}) for id in ("continuation", "held-out")],
    }

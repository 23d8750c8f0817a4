"""The models against plain torch: whole layers, cells and loops where they have parts."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from torch_parity.fixture import decode_tensor
from torch_parity.models import EncoderDecoder, LanguageModel, ManyToMany, ManyToOne, OneToMany
from torch_parity.models.blocks import Tensors, cross_entropy, mean_over_time
from torch_parity.models.encoder_decoder import until_end
from torch_parity.suites.models import ModelSpec, generate_model

RNNS = ["RNN", "LSTM", "GRU"]
FORM: dict[str, Any] = {"input_size": 3, "hidden_size": 4, "num_layers": 2, "num_classes": 5}
SIZES = {"source_embeddings": 7, "target_embeddings": 6, "embedding_dim": 3, "hidden_size": 4}
FREE = {"max_len": 5, "bos": 0, "eos": 1}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(7)


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)


def whole(rnn: str, form: ManyToMany | ManyToOne | OneToMany | LanguageModel) -> nn.RNNBase:
    """torch's own module of both layers, with the weights of the form's single ones."""
    layers: nn.RNNBase = getattr(nn, rnn)(3, 4, 2)
    layers.load_state_dict(
        {
            name.replace("l0", f"l{i}"): value
            for i, layer in enumerate(form.rnn)
            for name, value in layer.state_dict().items()
        }
    )
    return layers


@pytest.mark.parametrize("rnn", RNNS)
def test_many_to_many_is_torchs_two_layers_under_a_softmax(rnn: str) -> None:
    form = ManyToMany(rnn=rnn, **FORM)
    input, target = torch.randn(6, 2, 3), torch.randint(5, (6, 2))
    outputs = form({"input": input, "target": target})
    states, _ = whole(rnn, form)(input)
    close(outputs["states_l1"], states)
    close(outputs["probabilities"], form.linear(states).softmax(-1))
    close(outputs["log_probabilities"].exp(), outputs["probabilities"])
    chosen = outputs["log_probabilities"].gather(-1, target[..., None])
    close(outputs["loss"], -chosen.mean())


@pytest.mark.parametrize("rnn", RNNS)
def test_many_to_one_reads_each_row_to_its_length(rnn: str) -> None:
    lengths = torch.tensor([6, 2, 4])
    input = torch.randn(6, 3, 3)
    for pooling in ("last", "mean"):
        form = ManyToOne(rnn=rnn, pooling=pooling, **FORM)
        pooled = form({"input": input, "lengths": lengths})["pooled"]
        for row, length in enumerate(lengths):
            states, _ = whole(rnn, form)(input[:length, row])
            close(pooled[row], states[-1] if pooling == "last" else states.mean(0))


@pytest.mark.parametrize("feeding", ["first", "every"])
def test_one_to_many_feeds_its_input_once_or_always(feeding: str) -> None:
    form = OneToMany(rnn="GRU", feeding=feeding, seq_len=4, **FORM)
    input = torch.randn(2, 3)
    fed = torch.stack([input] * 4)
    if feeding == "first":
        fed[1:] = 0.0
    close(form({"input": input})["states_l1"], whole("GRU", form)(fed)[0])


def test_a_greedy_language_model_reads_what_it_wrote() -> None:
    sizes = {"num_embeddings": 6, "embedding_dim": 3, "hidden_size": 4, "num_layers": 2}
    model = LanguageModel(rnn="LSTM", decoding="greedy", max_len=5, **sizes)
    text = torch.tensor([[2, 3], [4, 5]])
    outputs = model({"source": text})
    # The whole text again, as often as there are symbols: the state of a loop is nothing else.
    for t in range(5):
        states, _ = whole("LSTM", model)(model.embedding(text))
        close(outputs["logits"][t], model.linear(states[-1]))
        assert torch.equal(outputs["symbols"][t], model.linear(states[-1]).argmax(-1))
        text = torch.cat((text, outputs["symbols"][t : t + 1]))


def by_cells(
    model: EncoderDecoder, rnn: str, symbols: torch.Tensor, inputs: Tensors
) -> torch.Tensor:
    """The logits of a decoder that reads symbols: (tgt_len, batch), row by row and cell by cell."""
    logits = []
    for row in range(symbols.shape[1]):
        length = inputs["lengths"][row] if "lengths" in inputs else len(inputs["source"])
        states, last = model.encoder[0](model.source_embedding(inputs["source"][:length, row]))
        c = last[1][0] if rnn == "LSTM" else torch.zeros(4)
        context = states[-1]
        if model.context == "transformed_last":
            context = torch.tanh(model.transform(states[-1]))
        elif model.context == "transformed_all":
            context = torch.tanh(model.transform(states)).mean(0)
        attends = model.context in ("additive", "dot")
        fed = not attends and model.injection == "every_step"
        h = states[-1] if attends else torch.zeros(4) if fed else context
        if not attends and (fed or model.context != "last"):
            c = torch.zeros(4)
        cell = getattr(nn, f"{rnn}Cell")(7 if fed or attends else 3, 4)
        cell.load_state_dict(
            {k.removesuffix("_l0"): v for k, v in model.decoder[0].state_dict().items()}
        )
        own = []
        for symbol in symbols[:, row]:
            read = model.target_embedding(symbol)
            if attends:
                scores = (
                    states @ h
                    if model.context == "dot"
                    else model.score(torch.tanh(model.query(h) + model.key(states)))[:, 0]
                )
                context = scores.softmax(0) @ states
            if fed or attends:
                read = torch.cat((read, context))
            if rnn == "LSTM":
                h, c = cell(read[None], (h[None], c[None]))
                h, c = h[0], c[0]
            else:
                h = cell(read[None], h[None])[0]
            own.append(model.linear(h))
        logits.append(torch.stack(own))
    return torch.stack(logits, 1)


@pytest.mark.parametrize("decoding", ["teacher_forcing", "greedy"])
@pytest.mark.parametrize("rnn", RNNS)
@pytest.mark.parametrize("injection", ["initial_state", "every_step"])
@pytest.mark.parametrize(
    "context", ["last", "transformed_last", "transformed_all", "additive", "dot"]
)
def test_an_encoder_decoder_is_cells_in_a_loop(
    context: str, injection: str, rnn: str, decoding: str
) -> None:
    if context in ("additive", "dot"):
        injection = "every_step"
    model = EncoderDecoder(
        rnn=rnn, context=context, injection=injection, decoding=decoding, **SIZES, **FREE
    )
    source = torch.randint(7, (5, 3))
    inputs = {"source": source, "lengths": torch.tensor([5, 2, 3])}
    target = torch.randint(6, (4, 3))
    if decoding == "teacher_forcing":
        inputs["target"] = target
    with torch.no_grad():
        outputs = model(inputs)
        symbols = target if decoding == "teacher_forcing" else outputs["symbols"]
        read = torch.cat((torch.zeros(1, 3, dtype=torch.long), symbols[:-1]))
        logits = by_cells(model, rnn, read, inputs)
    if decoding == "teacher_forcing":
        close(outputs["logits"], logits)
        close(outputs["loss"], functional.cross_entropy(logits.reshape(-1, 6), target.reshape(-1)))
        return
    going = torch.ones(3, dtype=torch.bool)
    for t in range(5):
        close(outputs["logits"][t], logits[t] * going[:, None])
        assert torch.equal(symbols[t], torch.where(going, logits[t].argmax(-1), 1))
        going &= symbols[t] != 1


def test_what_is_past_the_end_of_a_row_is_blank() -> None:
    logits = functional.one_hot(torch.tensor([[2, 1], [1, 3], [4, 4]]), 5).float()
    ended = until_end({"logits": logits}, {}, eos=1)
    assert ended["symbols"].tolist() == [[2, 1], [1, 1], [1, 1]]
    assert ended["logits"].any(-1).tolist() == [[True, True], [True, False], [False, False]]


def test_means_and_losses_leave_padding_out() -> None:
    lengths = torch.tensor([3, 1])
    states, target = torch.randn(3, 2, 4), torch.randint(4, (3, 2))
    close(mean_over_time(states, lengths), torch.stack((states[:, 0].mean(0), states[0, 1])))
    kept = functional.cross_entropy(
        torch.cat((states[:, 0], states[:1, 1])), torch.cat((target[:, 0], target[:1, 1]))
    )
    close(cross_entropy(states, target, lengths), kept)


@pytest.mark.parametrize("rnn", RNNS)
def test_the_loss_of_many_rows_may_be_added_one_by_one(rnn: str) -> None:
    config: dict[str, Any] = {"rnn": rnn, **FORM, "hidden_size": 2, "num_classes": 3}
    for seed in range(8):
        spec = ModelSpec(
            id="rows",
            model="ManyToMany",
            config=config,
            dtype="float64",
            seq_len=8,
            batch=256,
            target_len=8,
        )
        case = generate_model("suite", spec, seed)
        logarithms = decode_tensor(case["expected"]["log_probabilities"]).reshape(-1, 3)
        target = decode_tensor(case["inputs"]["target"]).reshape(-1)
        total = 0.0
        for row, symbol in enumerate(target):
            total -= float(logarithms[row, symbol])
        error = abs(total / len(target) - float(decode_tensor(case["expected"]["loss"])))
        assert error <= float(decode_tensor(case["budget"]["loss"]))

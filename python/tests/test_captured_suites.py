"""The captured models of the committed suites are what they should be."""

import pytest
import torch

from torch_parity import capture
from torch_parity.fixture import decode_tensor
from torch_parity.models import MODELS, build_model
from torch_parity.suites.captured import captured_forms, captured_suites, generate_captured
from torch_parity.suites.captured.drawn import draw
from torch_parity.suites.captured.g2p import G2P
from torch_parity.suites.captured.shipped import PARTS, predict
from torch_parity.suites.captured.silero_vad import SileroVAD
from torch_parity.suites.models import given_to, model_suites
from torch_parity.values import Stream


def test_there_are_ten_and_nothing_of_them_is_at_its_default() -> None:
    suites = captured_suites()
    assert len(suites) == 10
    for name, specs in suites.items():
        assert len({spec.id for spec in specs}) == len(specs) == 2
        model = specs[0].model()
        if specs[0].drawn:
            draw(model, Stream(0, name))
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                # No zeros or ones as torch starts biases, norms and their statistics.
                assert not ((tensor == 0) | (tensor == 1)).any(), name


def test_the_five_forms_are_captured_as_their_classes_compute_them() -> None:
    ((suite, specs),) = captured_forms().items()
    assert {type(spec.model()) for spec in specs} == set(MODELS.values())
    for spec in specs:
        case = generate_captured(suite, spec, 0)
        (inputs,) = spec.inputs(Stream(0), 0)
        with torch.no_grad():
            wanted = spec.model()(inputs)
        # Every tensor that the form names on its way, and those of its modules.
        for name, own in wanted.items():
            given = decode_tensor(case["expected"][f"output.{name}"])
            assert torch.equal(own.to(torch.float32), torch.from_numpy(given.copy())), name


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_form_with_lengths_is_captured_by_its_modules() -> None:
    spec = next(own for own in model_suites()["seq2seq/many_to_many"] if own.id == "GRU-lengths")
    params, inputs = given_to("seq2seq/many_to_many", spec, 0)
    case = capture(build_model(spec.model, spec.config, params), (inputs,), id="lengths")
    taps = [tap["name"] for tap in case["config"]["taps"]]
    assert {"rnn.0.0", "linear"} <= set(taps)
    assert "alone" not in case


def test_the_same_seed_draws_the_same_weights() -> None:
    one, other = G2P(), G2P()
    draw(one, Stream("a"))
    draw(other, Stream("a"))
    both = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in both)
    draw(other, Stream("b"))
    assert not torch.equal(one.fc.weight, other.fc.weight)


def test_every_weight_of_the_shipped_models_has_a_name_there() -> None:
    assert PARTS.keys() == SileroVAD().state_dict().keys()


def test_g2p_is_the_packages_equations() -> None:
    model = G2P(size=256, steps=3).eval()
    draw(model, Stream("g2p"))
    state = model.state_dict()
    names = {f"{part}_emb": f"{part}_emb.weight" for part in ("enc", "dec")}
    names |= {"fc_w": "fc.weight", "fc_b": "fc.bias"}
    for part, suffix in (("enc", "_l0"), ("dec", "")):
        for short, long in (("w", "weight"), ("b", "bias")):
            for side in ("ih", "hh"):
                names[f"{part}_{short}_{side}"] = f"{part}.{long}_{side}{suffix}"
    weights = {own: state[theirs].numpy() for own, theirs in names.items()}
    logits, sounds = predict(weights, [5, 9, 2])
    with torch.no_grad():
        ours, chosen = model(torch.tensor([[5, 9, 2]]))
    assert torch.allclose(ours[0], torch.from_numpy(logits[:3]), atol=1e-4)
    assert chosen[0].tolist() == sounds[:3]

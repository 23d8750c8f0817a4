"""The committed suites have what they are for, and a case depends on nothing but itself."""

from torch_parity.cases import CaseSpec, generate
from torch_parity.fixture import Case
from torch_parity.random_suites import RANDOM_SUITES
from torch_parity.suites import default_suites
from torch_parity.suites.shapes import cell, layer


def every_case() -> list[tuple[str, CaseSpec]]:
    return [(name, spec) for name, specs in default_suites().items() for spec in specs]


def test_there_are_enough_cases_each_with_an_id_of_its_own() -> None:
    assert len(every_case()) >= 800
    for specs in default_suites().values():
        assert len({spec.id for spec in specs}) == len(specs)


def test_the_example_of_the_notes_is_a_case() -> None:
    (example,) = (spec for _, spec in every_case() if spec.id == "notes-N5-D10-H7")
    assert (example.module, example.batch) == ("RNNCell", 5)
    assert (example.input_size, example.hidden_size) == (10, 7)


def test_every_option_and_extreme_is_there() -> None:
    layers = [spec for _, spec in every_case() if spec.module == "RNN"]
    cells = [spec for _, spec in every_case() if spec.module == "RNNCell"]
    assert {spec.config["num_layers"] for spec in layers} == {1, 2, 3, 4}
    for option in ("bias", "batch_first", "bidirectional"):
        assert {spec.config[option] for spec in layers} == {True, False}
    assert {1, 2000} <= {spec.seq_len for spec in layers}
    assert {None, 0, 1, 64} <= {spec.batch for spec in layers}
    for specs in (layers, cells):
        assert {1, 1024} <= {spec.hidden_size for spec in specs}
        assert {1, 1024} <= {spec.input_size for spec in specs}
        assert {spec.config["nonlinearity"] for spec in specs} == {"tanh", "relu"}
        assert {spec.state for spec in specs} == {True, False}
        assert {spec.dtype for spec in specs} == {"float16", "bfloat16", "float32", "float64"}
        assert {None} < {spec.batch for spec in specs}
    assert any(spec.config["dropout"] > 0 for spec in layers)
    assert not all(spec.contiguous for spec in layers)
    own = [spec.lengths for spec in layers if spec.lengths is not None]
    assert any(list(lengths) == sorted(lengths, reverse=True) for lengths in own)
    assert any(list(lengths) != sorted(lengths, reverse=True) for lengths in own)
    profiles = {spec.profile for spec in layers}
    assert {"nan", "infinite", "negative_zero", "subnormal", "huge", "chaotic"} <= profiles


def given(case: Case) -> dict[str, bytes]:
    return {name: t["data"] for group in ("params", "inputs") for name, t in case[group].items()}


def test_parameters_and_inputs_depend_on_seed_suite_and_id() -> None:
    spec = layer((4, 3, 5, 4))
    first = given(generate("suite", spec, 0))
    assert given(generate("suite", spec, 0)) == first
    for other in (generate("suite", spec, 1), generate("other", spec, 0)):
        changed = given(other)
        assert changed.keys() == first.keys()
        assert all(changed[name] != first[name] for name in first)


def test_no_two_tensors_of_a_case_are_alike() -> None:
    data = given(generate("suite", cell(4, 4, 4), 0))
    assert len(data) == 6
    assert len(set(data.values())) == 6


def test_random_cases_do_not_depend_on_their_number() -> None:
    for suite in RANDOM_SUITES.values():
        assert list(suite(3, 40))[:20] == list(suite(3, 20))

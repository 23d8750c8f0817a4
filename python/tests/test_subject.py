"""The modules that are looked through, and those that are refused by what they are."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_padded_sequence

from torch_parity import Case, record
from torch_parity.fixture import decode_tensor
from torch_parity.modules import KINDS, blank, config_of, parameter_names
from torch_parity.training import SGD
from torch_parity.weights import parameter_shapes

# Not typed, or for one kind of module.
jit: Any = torch.jit
pruning: Any = prune
compile_eagerly: Any = partial(torch.compile, backend="eager")

X = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(4))


def made(torch_class: type[nn.Module] = nn.LSTM, **options: Any) -> Any:
    torch.manual_seed(3)
    return torch_class(3, 4, **options)


def array(case: Case, group: str, name: str) -> Any:
    return decode_tensor(case[group][name])  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {}) for name in KINDS),
        *((name, {"bias": False}) for name in KINDS),
        ("LSTM", {"num_layers": 3, "bidirectional": True, "proj_size": 2}),
        ("GRU", {"num_layers": 2, "bidirectional": True}),
        ("LSTM", {"num_layers": 2, "bias": False, "proj_size": 2}),
    ],
)
def test_names_and_shapes_of_parameters_are_torchs(name: str, options: dict[str, Any]) -> None:
    config = config_of(made(KINDS[name].torch_class, **options))
    shapes = parameter_shapes(name, config)
    state = blank(name, config).state_dict()
    assert parameter_names(name, config) == list(shapes) == list(state)
    assert shapes == {own: tuple(tensor.shape) for own, tensor in state.items()}


class Subclass(nn.LSTM):
    """Has a buffer and a method of its own, and computes as nn.LSTM."""

    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.register_buffer("calls", torch.zeros(3))

    def describe(self) -> str:
        return "mine"


class WithHead(nn.LSTM):
    """Holds a layer that forward does not use."""

    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.head = nn.Linear(2, 2)
        self.head.weight.requires_grad_(False)


class Overriding(nn.LSTM):
    def forward(self, input: Any, hx: Any = None) -> Any:
        return super().forward(input, hx)


class OverridingRun(nn.GRUCell):
    def __call__(self, input: Any, hx: Any = None) -> Any:
        return super().__call__(input, hx)


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("dropout", [True, False])
def test_compiled_and_data_parallel_modules_are_looked_through(
    gradients: bool, dropout: bool
) -> None:
    options: dict[str, Any] = {"num_layers": 2, "dropout": 0.5}
    asked: dict[str, Any] = {"gradients": gradients, "dropout": dropout}
    wanted = record(made(**options), X, id="case", **asked)
    assert record(compile_eagerly(made(**options)), X, id="case", **asked) == wanted
    assert record(nn.DataParallel(made(**options)), X, id="case", **asked) == wanted
    both = nn.DataParallel(compile_eagerly(made(**options)))
    assert record(both, X, id="case", **asked) == wanted


def test_a_hook_on_a_wrapper_is_noticed() -> None:
    wrapper = nn.DataParallel(made())
    wrapper.register_forward_hook(lambda module, args, outputs: (outputs[0] * 2, outputs[1]))
    with pytest.raises(ValueError, match=r"inside torch\..*DataParallel; it has forward hooks"):
        record(wrapper, X, id="case")


SCRIPTED: list[tuple[type[nn.Module], dict[str, Any]]] = [
    (nn.LSTM, {"num_layers": 2, "batch_first": True, "bidirectional": True}),
    (nn.RNN, {"nonlinearity": "relu"}),
    (nn.GRU, {"bias": False}),
    (nn.RNNCell, {"nonlinearity": "relu"}),
    (nn.LSTMCell, {}),
    (nn.GRUCell, {"bias": False}),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize(("torch_class", "options"), SCRIPTED)
def test_scripted_and_traced_modules_are_recorded_by_their_parameters(
    torch_class: type[nn.Module], options: dict[str, Any], gradients: bool
) -> None:
    module = made(torch_class, **options)
    x = X if issubclass(torch_class, nn.RNNBase) else X[0]
    wanted = record(module, x, id="case", gradients=gradients)
    assert record(jit.script(module), x, id="case", gradients=gradients) == wanted
    assert record(jit.trace(module, (x,)), x, id="case", gradients=gradients) == wanted


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_module_takes_a_packed_sequence_and_masks() -> None:
    module = made(num_layers=2, dropout=0.5)
    packed = pack_padded_sequence(X, [5, 3])
    scripted = jit.script(module)
    assert record(scripted, packed, id="case") == record(module, packed, id="case")
    assert record(scripted, X, id="case", dropout=True) == record(
        module, X, id="case", dropout=True
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_traced_module_that_drops_out_whatever_its_mode_is_noticed() -> None:
    traced = jit.trace(made(num_layers=2, dropout=0.5), (X,), check_trace=False)
    with pytest.raises(
        ValueError, match=r"^case: (.*\n)+?likely because it was scripted or traced"
    ):
        record(traced, X, id="case")


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = made(nn.GRU)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.rnn(x)[0]
        return output


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("gradients", [True, False])
def test_a_part_of_a_scripted_model_and_of_a_loaded_one_is_recorded(
    tmp_path: Path, gradients: bool
) -> None:
    wanted = record(made(nn.GRU), X, id="case", gradients=gradients)
    scripted = jit.script(Model())
    assert record(scripted.rnn, X, id="case", gradients=gradients) == wanted
    jit.save(scripted, str(tmp_path / "model.pt"))
    loaded = jit.load(str(tmp_path / "model.pt"))
    assert record(loaded.rnn, X, id="case", gradients=gradients) == wanted


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_frozen_scripted_module_has_no_weights_to_record() -> None:
    frozen = jit.freeze(jit.script(made(nn.GRUCell).eval()))
    with pytest.raises(ValueError, match=r"^case: weight_ih: expected a weight, got none$"):
        record(frozen, X[0], id="case")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_scripted_modules_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^expected one of RNNCell, .*, got a scripted Linear\n"):
        record(jit.script(nn.Linear(3, 4)), X, id="case")


@pytest.mark.parametrize("gradients", [True, False])
def test_a_subclass_that_does_not_override_forward_is_its_torch_class(gradients: bool) -> None:
    case = record(made(Subclass), X, id="case", gradients=gradients)
    assert case == record(made(), X, id="case", gradients=gradients)
    assert case["module"] == "LSTM"


@pytest.mark.parametrize(
    "options",
    [{}, {"gradients": True}, {"training": {**SGD, "steps": 2}}],
    ids=["run", "gradients", "training"],
)
def test_parameters_beside_the_weights_are_no_part_of_the_recording(
    options: dict[str, Any],
) -> None:
    inputs = {"input": X}
    if "training" in options:
        inputs["target"] = torch.zeros(5, 2, 4)
    case = record(made(WithHead), inputs, id="case", **options)
    assert case == record(made(), inputs, id="case", **options)


def test_a_subclass_that_computes_by_itself_is_refused_by_its_path() -> None:
    for torch_class, name, method in (
        (Overriding, "LSTM", "forward"),
        (OverridingRun, "GRUCell", "__call__"),
    ):
        with pytest.raises(
            TypeError,
            match=rf"^expected a torch\.nn\.{name} that computes as torch's, "
            rf"got .*test_subject\.{torch_class.__name__}, which overrides {method}\n"
            rf"what it adds is no part of a recording: record a torch\.nn\.{name} that holds "
            r"its weights$",
        ):
            record(made(torch_class), X, id="case")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize(
    ("torch_class", "dtype", "said"),
    [
        (nn.LSTM, torch.qint8, "int8"),
        (nn.LSTM, torch.float16, "float16"),
        (nn.GRU, torch.qint8, "int8"),
        (nn.LSTMCell, torch.qint8, "int8"),
    ],
)
def test_a_dynamically_quantised_module_is_called_that(
    torch_class: type[nn.Module], dtype: torch.dtype, said: str
) -> None:
    quantize: Any = torch.ao.quantization.quantize_dynamic
    model = quantize(nn.Sequential(made(torch_class)), {torch_class}, dtype=dtype)
    name = torch_class.__name__
    with pytest.raises(
        TypeError,
        match=rf"^expected a float module, got torch\.ao\.nn\.quantized\.dynamic\.\S+\.{name}: "
        rf"a dynamically quantised {name}, whose weights are {said}\n"
        r"record the float module that it was made from$",
    ):
        record(model[0], X, id="case")


def test_a_model_is_refused_with_the_parts_that_can_be_recorded() -> None:
    model = nn.Sequential(made(), nn.Linear(4, 2), nn.ModuleDict({"cell": nn.GRUCell(2, 2)}))
    with pytest.raises(
        TypeError,
        match=r"got torch\.nn\.modules\.container\.Sequential\n"
        r"a part of a model can be recorded: record\(model\.0, model\.2\.cell, …\)$",
    ):
        record(model, X, id="case")


def test_what_is_no_module_is_refused() -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match=r"^expected one of RNNCell, .*, got NoneType$"):
        record(nothing, X, id="case")


def parametrized(make: Callable[..., Any], weight: str) -> Callable[[], Any]:
    def build() -> Any:
        module = made(num_layers=2)
        make(module, weight)
        return module

    return build


MADE_OF: dict[str, Callable[[], Any]] = {
    "weight_norm": parametrized(parametrizations.weight_norm, "weight_hh_l0"),
    "orthogonal": parametrized(parametrizations.orthogonal, "weight_ih_l1"),
    "spectral_norm": parametrized(parametrizations.spectral_norm, "weight_hh_l1"),
    "old weight_norm": parametrized(nn.utils.weight_norm, "weight_hh_l0"),
    "old spectral_norm": parametrized(nn.utils.spectral_norm, "weight_hh_l0"),
    "pruned": parametrized(
        lambda module, weight: pruning.l1_unstructured(module, weight, 0.5), "weight_hh_l0"
    ),
    "pruned twice": parametrized(
        lambda module, weight: (
            pruning.random_unstructured(module, weight, 0.3),
            pruning.l1_unstructured(module, weight, 0.5),
        ),
        "weight_ih_l0",
    ),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("kind", MADE_OF)
@pytest.mark.parametrize("is_changed", [True, False])
def test_weights_that_are_made_of_others_are_recorded_as_they_act(
    kind: str, is_changed: bool
) -> None:
    module = MADE_OF[kind]()
    if is_changed:
        # What was computed of these before is stale.
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(1.5)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    attributes = dict(vars(module))
    flat = list(module._flat_weights)
    mode = module.training
    case = record(module, X, id="case")
    assert module.training == mode
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert vars(module).keys() == attributes.keys()
    assert all(vars(module)[name] is value for name, value in attributes.items())
    assert all(a is b for a, b in zip(module._flat_weights, flat, strict=True))
    assert list(case["params"]) == list(made(num_layers=2).state_dict())
    with torch.no_grad():
        output, _ = module.eval()(X)
    assert array(case, "expected", "output").tobytes() == output.numpy().tobytes()
    plain: Any = nn.LSTM(3, 4, 2)
    plain.load_state_dict(
        {name: torch.tensor(array(case, "params", name)) for name in case["params"]}
    )
    assert record(plain, X, id="case") == case


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("kind", MADE_OF)
def test_gradients_of_weights_that_are_made_of_others_are_refused(kind: str) -> None:
    inputs = {"input": X, "target": torch.zeros(5, 2, 4)}
    asked: dict[str, dict[str, Any]] = {
        "gradients": {"gradients": True},
        "a training": {"training": SGD},
    }
    for what, options in asked.items():
        given = inputs if "training" in options else X
        with pytest.raises(
            ValueError,
            match=rf"^case: expected weights that are parameters for {what}, "
            r"got weights that are computed of .*weight_.*\n"
            r"record the run alone, or take parametrizations and pruning off first$",
        ):
            record(MADE_OF[kind](), given, id="case", **options)


def tied() -> nn.Module:
    module = nn.LSTM(4, 4, 2)
    module.weight_hh_l1 = module.weight_hh_l0
    return module


def sharing() -> nn.Module:
    module = nn.LSTM(4, 4, 2)
    module.bias_hh_l0.data = module.bias_ih_l0.data
    return module


@pytest.mark.parametrize(
    ("make", "names"),
    [(tied, "weight_hh_l0 and weight_hh_l1"), (sharing, "bias_ih_l0 and bias_hh_l0")],
)
def test_tied_parameters_are_recorded_forward_and_refused_with_gradients(
    make: Callable[[], nn.Module], names: str
) -> None:
    module, x = make(), torch.randn(5, 2, 4)
    assert len(record(module, x, id="case")["params"]) == 8
    with pytest.raises(
        ValueError,
        match=rf"^case: expected parameters of their own for gradients, got {names} in one\n"
        r"a fixture has a gradient for each: record the run alone$",
    ):
        record(module, x, id="case", gradients=True)
    inputs = {"input": x, "target": torch.zeros(5, 2, 4)}
    with pytest.raises(ValueError, match=rf"for a training, got {names} in one"):
        record(module, inputs, id="case", training=SGD)


def test_a_training_with_frozen_parameters_is_refused() -> None:
    module = made(nn.GRU)
    inputs = {"input": X, "target": torch.zeros(5, 2, 4)}
    module.get_parameter("bias_hh_l0").requires_grad_(False)
    with pytest.raises(
        ValueError,
        match=r"^case: expected parameters that are all trained, got bias_hh_l0 frozen$",
    ):
        record(module, inputs, id="case", training=SGD)
    record(module, X, id="case", gradients=True)


@pytest.mark.parametrize("gradients", [True, False])
def test_a_buffer_beside_the_weights_is_no_part_of_the_recording(gradients: bool) -> None:
    module = made()
    module.register_buffer("calls", torch.zeros(3))
    case = record(module, X, id="case", gradients=gradients)
    assert case == record(made(), X, id="case", gradients=gradients)


def test_a_module_without_its_numbers_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^case: weight_ih_l0: expected numbers, got a tensor on meta$"
    ):
        record(nn.LSTM(3, 4, device="meta"), X, id="case")


def test_weights_of_another_shape_or_dtype_are_refused() -> None:
    module: Any = made()
    module.hidden_size = 5
    with pytest.raises(
        ValueError, match=r"^case: weight_ih_l0: expected shape \(20, 3\), got \(16, 3\)$"
    ):
        record(module, X, id="case")
    module = made()
    module.bias_ih_l0 = nn.Parameter(module.bias_ih_l0.detach().double())
    with pytest.raises(
        ValueError,
        match=r"^case: bias_ih_l0: expected dtype torch\.float32, which weight_ih_l0 has, "
        r"got torch\.float64$",
    ):
        record(module, X, id="case")
    module = made()
    del module.bias_hh_l0
    with pytest.raises(ValueError, match=r"^case: bias_hh_l0: expected a weight, got none$"):
        record(module, X, id="case")


def test_a_bias_that_is_a_word_is_one() -> None:
    # RNNCell(3, 4, "relu") stays tanh: its third argument is the bias.
    word: Any = "relu"
    case = record(nn.RNNCell(3, 4, word), X[0], id="case")
    assert case["config"]["bias"] is True
    assert case["config"]["nonlinearity"] == "tanh"

"""Variable lengths with what is not finite where torch never looks, forward and backward."""

from typing import Any

from torch_parity.cases import CaseSpec
from torch_parity.suites.shapes import layer
from torch_parity.training import SGD

PADDINGS = ("nan_padding", "infinite_padding")

OPTIONS: tuple[dict[str, Any], ...] = (
    {"gradients": False},
    {"gradients": False, "bidirectional": True, "num_layers": 2},
    {},
    {"bidirectional": True},
    {"bidirectional": True, "num_layers": 2, "batch_first": True},
    {"bias": False, "state": False, "dtype": "float64"},
    {"num_layers": 2, "dropout": 0.4, "masked": True},
    {"gradients": False, "training": SGD, "num_layers": 2},
)


def padding_suites(module: str) -> dict[str, list[CaseSpec]]:
    def case(profile: str, **options: Any) -> CaseSpec:
        given: dict[str, Any] = {"lengths": (3, 6, 1, 4), "profile": profile, "gradients": True}
        return layer((6, 4, 3, 4), module, **{**given, **options})

    cases = [case(profile, **options) for profile in PADDINGS for options in OPTIONS]
    # In a row that has ended, the state itself is not finite.
    ends: list[dict[str, Any]] = [{}, {"bidirectional": True}, {"num_layers": 2}]
    if module == "RNN":
        cases += [case(profile, nonlinearity="relu") for profile in PADDINGS]
        ends += [{"nonlinearity": "relu", **options} for options in ends]
    if module == "LSTM":
        projected: dict[str, Any] = {"proj_size": 2}
        cases += [case(profile, **projected) for profile in PADDINGS]
        cases += [case("nan_padding", **projected, bidirectional=True, num_layers=2)]
        ends += [projected]
    return {"padding": cases + [case("infinite_last", **options) for options in ends]}

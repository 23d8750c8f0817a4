"""The suites of gradients, of half precision and of training, for layers and cells alike."""

from typing import Any

from torch_parity.cases import CaseSpec
from torch_parity.modules import KINDS
from torch_parity.suites.shapes import CELL_SHAPES, SHAPES, cell, layer, nonlinearities
from torch_parity.training import ADAM, SGD

OPTIONS: tuple[dict[str, Any], ...] = (
    {"num_layers": 2},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"bias": False},
    {"state": False},
    {"num_layers": 3, "bias": False},
)

TRAININGS: dict[str, tuple[dict[str, Any], ...]] = {
    "sgd": (
        SGD,
        {**SGD, "lr": 0.2, "momentum": 0.9, "nesterov": True},
        {**SGD, "momentum": 0.5, "dampening": 0.1, "weight_decay": 0.01},
    ),
    "adam": (ADAM, {**ADAM, "weight_decay": 0.01}, {**ADAM, "betas": [0.8, 0.9], "eps": 1e-4}),
}


def gradient_suites(module: str) -> dict[str, list[CaseSpec]]:
    either = nonlinearities(module)
    shapes = SHAPES if KINDS[module].is_layer else CELL_SHAPES[:5]

    def case(i: int, **rest: Any) -> CaseSpec:
        if KINDS[module].is_layer:
            return layer(SHAPES[i % len(SHAPES)], module, **rest)
        return cell(*CELL_SHAPES[i % 5], module, **rest)

    every = range(len(shapes))
    suites = {
        "half": [case(i, dtype=dtype) for i in every for dtype in ("float16", "bfloat16")],
        "gradients": [case(i, gradients=True, **f) for i in every for f in either]
        + [case(0, gradients=True, bias=False), case(1, gradients=True, state=False)],
        "gradients_float64": [
            case(i, gradients=True, dtype="float64", **f) for i in every for f in either
        ],
        **{
            f"training_{label}": [
                case(i, training=training, dtype=dtype)
                for i, training in enumerate(trainings)
                for dtype in ("float32", "float64")
            ]
            for label, trainings in TRAININGS.items()
        },
    }
    if not KINDS[module].is_layer:
        unbatched = cell(None, 5, 4, module, gradients=True)
        return {**suites, "gradients": [*suites["gradients"], unbatched]}
    suites["half"] += [
        case(i, dtype=dtype, **options)
        for i, options in enumerate(OPTIONS)
        for dtype in ("float16", "bfloat16")
    ]
    unsorted: dict[str, Any] = {"lengths": (3, 7, 1, 7)}
    suites["gradients_options"] = [
        case(i + shift, gradients=True, dtype=dtype, **options)
        for i, options in enumerate(OPTIONS)
        for shift, dtype in ((0, "float32"), (3, "float64"))
    ] + [layer((7, None, 3, 5), module, gradients=True, num_layers=2)]
    suites["gradients_lengths"] = [
        layer((7, 4, 3, 5), module, gradients=True, **unsorted, **options)
        for options in (
            {},
            {"bidirectional": True},
            {"num_layers": 2, "batch_first": True},
            {"num_layers": 2, "bidirectional": True},
            {"num_layers": 2, "bidirectional": True, "dtype": "float64"},
        )
    ]
    suites["gradients_seq_len"] = [
        layer((seq_len, 2, 3, 5), module, gradients=True, **options)
        for seq_len in (1, 2, 16, 64)
        for options in ({}, {"bidirectional": True})
    ]
    for name, gradients in (("dropout_training", False), ("dropout_gradients", True)):
        masked: dict[str, Any] = {"masked": True, "gradients": gradients}
        suites[name] = [
            case(i, dropout=dropout, num_layers=num_layers, **masked, **options)
            for i, (dropout, num_layers) in enumerate(((0.5, 2), (0.25, 3), (0.3, 2), (0.8, 2)))
            for options in ({}, {"bidirectional": True}, {"batch_first": True, "dtype": "float64"})
        ] + [
            layer(
                (7, 4, 3, 5),
                module,
                **masked,
                **unsorted,
                dropout=0.4,
                num_layers=2,
                bidirectional=bidirectional,
            )
            for bidirectional in (False, True)
        ]
    if module == "LSTM":
        suites["gradients_proj_size"] = [
            case(i, gradients=True, proj_size=proj_size, **options)
            for i, proj_size in enumerate((2, 3, 1, 2))
            for options in ({}, {"num_layers": 2, "bidirectional": True}, {"dtype": "float64"})
        ] + [layer((7, 4, 3, 5), module, gradients=True, proj_size=2, **unsorted)]
    return suites

"""The suites of the layers, forward, one for each trait."""

from dataclasses import replace
from itertools import product
from typing import Any

from torch_parity.cases import CaseSpec, with_id
from torch_parity.suites.shapes import SHAPES, layer, nonlinearities

SIZES = ((1, 1), (1, 2), (2, 1), (3, 17), (17, 3), (33, 32))
#: Long dot products.
LONG_SIZES = ((64, 65), (127, 5), (5, 128), (255, 9), (1024, 3))
SEQ_LENS = (1, 2, 3, 4, 8, 16, 33, 64, 127, 256, 500)
LONG_SEQ_LENS = (1000, 2000)

PROFILES = (
    "nan",
    "infinite",
    "negative_infinite",
    "nan_state",
    "negative_zero",
    "subnormal",
    "tiny",
    "sparse",
    "positive",
    "huge",
)


def every_shape(module: str, **rest: Any) -> list[CaseSpec]:
    return [layer(shape, module, **rest) for shape in SHAPES]


def layer_suites(module: str) -> dict[str, list[CaseSpec]]:
    is_rnn = module == "RNN"
    either = nonlinearities(module)
    sizes = [*SIZES, *LONG_SIZES] if is_rnn else SIZES
    seq_lens = [*SEQ_LENS, *LONG_SEQ_LENS] if is_rnn else SEQ_LENS
    suites = {
        "default": every_shape(module)
        + [layer((20, 8, 16, 32), module), layer((3, 1, 2, 2), module)],
        "num_layers": [
            layer(shape, module, num_layers=num_layers, **f)
            for num_layers in (2, 3, 4)
            for shape in SHAPES[:4]
            for f in either
        ],
        "no_bias": [
            layer(shape, module, bias=False, num_layers=num_layers)
            for shape in SHAPES
            for num_layers in (1, 2)
        ],
        "batch_first": [
            layer(shape, module, batch_first=True, num_layers=num_layers)
            for shape in SHAPES
            for num_layers in (1, 2)
        ],
        "bidirectional": [
            spec for f in either for spec in every_shape(module, bidirectional=True, **f)
        ],
        "bidirectional_layers": [
            layer(shape, module, bidirectional=True, num_layers=num_layers)
            for shape in SHAPES
            for num_layers in (2, 3)
        ]
        + [layer(SHAPES[0], module, bidirectional=True, num_layers=4)],
        "no_state": every_shape(module, state=False)
        + every_shape(module, state=False, num_layers=2, bidirectional=True)[:3]
        + [layer(SHAPES[0], module, state=False, batch_first=True)],
        "unbatched": [
            layer((seq_len, None, input_size, hidden_size), module, **options)
            for seq_len, _, input_size, hidden_size in SHAPES[:4]
            for options in (
                {},
                {"state": False},
                {"num_layers": 2, "bidirectional": True},
                {"batch_first": True},
            )
        ],
        "seq_len": [layer((seq_len, 3, 3, 5), module) for seq_len in seq_lens]
        + [layer((seq_len, 2, 4, 4), module, bidirectional=True) for seq_len in (1, 2, 33, 500)],
        "batch": [layer((5, batch, 4, 6), module) for batch in (0, 1, 2, 3, 5, 8, 17, 64)]
        + [
            layer((5, batch, 4, 6), module, bidirectional=True, num_layers=2)
            for batch in (0, 1, 3, 9)
        ],
        "sizes": [
            layer((4, 3, input_size, hidden_size), module, generated=is_rnn)
            for input_size, hidden_size in sizes
        ],
        "lengths_sorted": lengths(module, sort=True),
        "lengths_unsorted": lengths(module, sort=False),
        "dropout_eval": [
            layer(shape, module, dropout=dropout, num_layers=num_layers)
            for shape in SHAPES[:3]
            for dropout, num_layers in ((0.5, 2), (0.25, 3), (1.0, 2))
        ],
        "non_contiguous": every_shape(module, contiguous=False)
        + every_shape(module, contiguous=False, bidirectional=True, batch_first=True)[:3],
        "float64": [layer(shape, module, dtype="float64", **f) for shape in SHAPES for f in either],
        "float64_options": [
            layer(
                shape,
                module,
                dtype="float64",
                num_layers=2,
                bidirectional=bidirectional,
                batch_first=batch_first,
            )
            for shape in SHAPES[:3]
            for bidirectional in (False, True)
            for batch_first in (False, True)
        ]
        + [layer((7, 4, 3, 5), module, dtype="float64", lengths=(3, 7, 1, 7), bidirectional=True)],
        "special_values": [
            layer(
                (6, 4, 5, 6),
                module,
                profile=profile,
                bidirectional=bidirectional,
                num_layers=num_layers,
            )
            for bidirectional, num_layers in ((False, 1), (True, 2))
            for profile in PROFILES
        ],
        "saturated": [
            layer(shape, module, profile="saturated", num_layers=n)
            for shape in SHAPES[:4]
            for n in (1, 2)
        ],
        "large_weights": [
            layer(shape, module, profile="large", bidirectional=bidirectional)
            for shape in SHAPES[:4]
            for bidirectional in (False, True)
        ],
        "chaotic": chaotic(module),
        "options": [
            layer(
                SHAPES[i % 6],
                module,
                **f,
                num_layers=num_layers,
                bias=bias,
                batch_first=batch_first,
                bidirectional=bidirectional,
            )
            for i, (num_layers, f, bias, batch_first, bidirectional) in enumerate(
                product((1, 2, 3), either, (True, False), (False, True), (False, True))
            )
        ],
    }
    if is_rnn:
        suites["relu"] = every_shape(module, nonlinearity="relu") + [
            layer((20, 8, 16, 32), nonlinearity="relu")
        ]
        suites["seq_len"].append(layer((1000, 2, 3, 4), nonlinearity="relu"))
        suites["sizes"].append(layer((3, 3, 2, 1024), generated=True))
        suites["special_values"] += [
            layer((6, 4, 5, 6), profile=profile, nonlinearity="relu")
            for profile in ("nan", "infinite", "nan_state", "subnormal", "sparse", "positive")
        ]
    if module == "LSTM":
        suites["proj_size"] = [
            layer(shape, module, proj_size=proj_size, **options)
            for shape, proj_size in zip(SHAPES, (2, 3, 1, 2, 5, 4), strict=True)
            for options in (
                {},
                {"num_layers": 2},
                {"bidirectional": True, "bias": False},
                {"num_layers": 2, "bidirectional": True, "batch_first": True},
                {"state": False},
            )
        ] + [
            layer((7, 4, 3, 5), module, proj_size=2, lengths=(3, 7, 1, 7), bidirectional=True),
            layer((7, 4, 3, 5), module, proj_size=4, dtype="float64", num_layers=2),
            layer((7, None, 3, 5), module, proj_size=3),
        ]
    return suites


def chaotic(module: str) -> list[CaseSpec]:
    """Runs in which errors grow until late steps can only be judged one at a time."""

    def case(shape: tuple[int, int | None, int, int], **rest: Any) -> CaseSpec:
        return layer(shape, module, profile="chaotic", **rest)

    cases = [
        case((128, 3, 4, 32)),
        case((128, 2, 5, 48), batch_first=True),
        case((64, 2, 4, 32), num_layers=2),
        case((64, 2, 4, 32), bidirectional=True),
        case((64, 2, 4, 24), bidirectional=True, num_layers=2),
        case((96, None, 4, 32)),
        case((96, 3, 4, 32), lengths=(50, 96, 11)),
        case((64, 3, 4, 32), lengths=(40, 64, 9), bidirectional=True),
        case((128, 3, 4, 32), state=False),
        case((128, 2, 4, 32), bias=False),
        case((160, 2, 4, 32), dtype="float64"),
    ]
    if module == "RNN":
        return cases
    shorter = [replace(cases[i], seq_len=min(cases[i].seq_len, 96)) for i in (0, 2, 3, 5, 7)]
    projected = [case((64, 2, 4, 32), proj_size=16)] if module == "LSTM" else []
    return [with_id(spec) for spec in shorter] + projected


def lengths(module: str, sort: bool) -> list[CaseSpec]:
    """Variable lengths, ties among them, the shortest 1 and, once, all below seq_len."""
    rows = ((6, (6, 2, 4)), (9, (3, 9, 1, 5)), (7, (2, 7, 7, 1, 2)), (8, (5, 3, 6, 1)))
    options: tuple[dict[str, Any], ...] = (
        {},
        {"bidirectional": True},
        {"num_layers": 2},
        {"batch_first": True},
        {"bidirectional": True, "num_layers": 2},
        {"bidirectional": True, "batch_first": True, **nonlinearities(module)[-1]},
        {"state": False},
    )
    return [
        layer(
            (seq_len, len(own), 4, 4 + i),
            module,
            lengths=tuple(sorted(own, reverse=True)) if sort else own,
            **rest,
        )
        for i, (seq_len, own) in enumerate(rows)
        for rest in options
    ]

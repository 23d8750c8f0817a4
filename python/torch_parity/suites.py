"""The suites that are recorded, one file for each trait, as data."""

from itertools import product

from torch_parity.cases import CaseSpec, with_id

Shape = tuple[int, int | None, int, int]

#: seq_len, batch, input_size, hidden_size. Odd and unequal, so that exchanged axes show; some are
#: square, so that transposed weights fit.
SHAPES: tuple[Shape, ...] = (
    (4, 3, 5, 4),
    (7, 2, 3, 6),
    (5, 5, 4, 4),
    (9, 4, 1, 3),
    (6, 3, 8, 8),
    (12, 3, 7, 5),
)
CELL_SHAPES = ((3, 5, 4), (2, 3, 6), (5, 4, 4), (4, 1, 3), (3, 8, 8), (8, 16, 12), (17, 7, 31))


def layer(shape: Shape, **rest: object) -> CaseSpec:
    """An RNN; what is no field of a case is a constructor argument of torch's."""
    seq_len, batch, input_size, hidden_size = shape
    return make("RNN", input_size, hidden_size, rest, seq_len=seq_len, batch=batch)


def cell(batch: int | None, input_size: int, hidden_size: int, **rest: object) -> CaseSpec:
    return make("RNNCell", input_size, hidden_size, rest, batch=batch)


def make(
    module: str, input_size: int, hidden_size: int, rest: dict[str, object], **shape: object
) -> CaseSpec:
    fields = CaseSpec.__dataclass_fields__
    given = {name: value for name, value in rest.items() if name in fields}
    options = {name: value for name, value in rest.items() if name not in fields}
    merged = {"id": "", **shape, **given, "options": options}
    spec = CaseSpec(module=module, input_size=input_size, hidden_size=hidden_size, **merged)  # type: ignore[arg-type]
    return spec if spec.id else with_id(spec)


def every_shape(**rest: object) -> list[CaseSpec]:
    return [layer(shape, **rest) for shape in SHAPES]


def cell_suites() -> dict[str, list[CaseSpec]]:
    sizes = (
        (1, 1),
        (1, 2),
        (2, 1),
        (3, 17),
        (17, 3),
        (64, 33),
        (127, 5),
        (5, 128),
        (256, 9),
        (1024, 3),
        (2, 1024),
    )
    return {
        "default": [
            cell(5, 10, 7, id="notes-N5-D10-H7"),
            *(cell(*shape) for shape in CELL_SHAPES),
            cell(1, 4, 5),
            cell(0, 4, 5),
        ],
        "relu": [cell(*shape, nonlinearity="relu") for shape in CELL_SHAPES],
        "no_bias": [
            cell(*shape, bias=False, nonlinearity=nonlinearity)
            for shape in CELL_SHAPES[:5]
            for nonlinearity in ("tanh", "relu")
        ],
        "unbatched": [
            cell(None, input_size, hidden_size, state=state)
            for _, input_size, hidden_size in CELL_SHAPES[:5]
            for state in (True, False)
        ],
        "no_state": [cell(*shape, state=False) for shape in CELL_SHAPES],
        "sizes": [cell(3, input_size, hidden_size) for input_size, hidden_size in sizes]
        + [cell(3, 0, 4)],
        "float64": [
            cell(*shape, dtype="float64", nonlinearity=nonlinearity)
            for shape in CELL_SHAPES[:5]
            for nonlinearity in ("tanh", "relu")
        ],
        "special_values": [
            cell(4, 5, 6, profile=profile, nonlinearity=nonlinearity)
            for nonlinearity in ("tanh", "relu")
            for profile in (
                "nan",
                "infinite",
                "negative_infinite",
                "nan_state",
                "negative_zero",
                "subnormal",
                "tiny",
                "sparse",
                "positive",
            )
        ]
        + [cell(4, 5, 6, profile="huge")],
        "saturated": [
            cell(*shape, profile=profile)
            for shape in CELL_SHAPES[:4]
            for profile in ("saturated", "large")
        ],
    }


def layer_suites() -> dict[str, list[CaseSpec]]:
    both = ("tanh", "relu")
    sizes = (
        (1, 1),
        (1, 2),
        (2, 1),
        (3, 17),
        (17, 3),
        (33, 32),
        (64, 65),
        (127, 5),
        (5, 128),
        (255, 9),
        (1024, 3),
    )
    seq_lens = (1, 2, 3, 4, 8, 16, 33, 64, 127, 256, 500, 1000, 2000)
    return {
        "default": every_shape() + [layer((20, 8, 16, 32)), layer((3, 1, 2, 2))],
        "relu": every_shape(nonlinearity="relu") + [layer((20, 8, 16, 32), nonlinearity="relu")],
        "num_layers": [
            layer(shape, num_layers=num_layers, nonlinearity=nonlinearity)
            for num_layers in (2, 3, 4)
            for shape in SHAPES[:4]
            for nonlinearity in both
        ],
        "no_bias": [
            layer(shape, bias=False, num_layers=num_layers)
            for shape in SHAPES
            for num_layers in (1, 2)
        ],
        "batch_first": [
            layer(shape, batch_first=True, num_layers=num_layers)
            for shape in SHAPES
            for num_layers in (1, 2)
        ],
        "bidirectional": every_shape(bidirectional=True)
        + every_shape(bidirectional=True, nonlinearity="relu"),
        "bidirectional_layers": [
            layer(shape, bidirectional=True, num_layers=num_layers)
            for shape in SHAPES
            for num_layers in (2, 3)
        ]
        + [layer(SHAPES[0], bidirectional=True, num_layers=4)],
        "no_state": every_shape(state=False)
        + every_shape(state=False, num_layers=2, bidirectional=True)[:3]
        + [layer(SHAPES[0], state=False, batch_first=True)],
        "unbatched": [
            layer((seq_len, None, input_size, hidden_size), **options)
            for seq_len, _, input_size, hidden_size in SHAPES[:4]
            for options in (
                {},
                {"state": False},
                {"num_layers": 2, "bidirectional": True},
                {"batch_first": True},
            )
        ],
        "seq_len": [layer((seq_len, 3, 3, 5)) for seq_len in seq_lens]
        + [layer((seq_len, 2, 4, 4), bidirectional=True) for seq_len in (1, 2, 33, 500)]
        + [layer((1000, 2, 3, 4), nonlinearity="relu")],
        "batch": [layer((5, batch, 4, 6)) for batch in (0, 1, 2, 3, 5, 8, 17, 64)]
        + [layer((5, batch, 4, 6), bidirectional=True, num_layers=2) for batch in (0, 1, 3, 9)],
        "sizes": [layer((4, 3, input_size, hidden_size)) for input_size, hidden_size in sizes]
        + [layer((3, 3, 2, 1024))],
        "lengths_sorted": lengths(sort=True),
        "lengths_unsorted": lengths(sort=False),
        "dropout_eval": [
            layer(shape, dropout=dropout, num_layers=num_layers)
            for shape in SHAPES[:3]
            for dropout, num_layers in ((0.5, 2), (0.25, 3), (1.0, 2))
        ],
        "non_contiguous": every_shape(contiguous=False)
        + every_shape(contiguous=False, bidirectional=True, batch_first=True)[:3],
        "float64": [
            layer(shape, dtype="float64", nonlinearity=f) for shape in SHAPES for f in both
        ],
        "float64_options": [
            layer(
                shape,
                dtype="float64",
                num_layers=2,
                bidirectional=bidirectional,
                batch_first=batch_first,
            )
            for shape in SHAPES[:3]
            for bidirectional in (False, True)
            for batch_first in (False, True)
        ]
        + [layer((7, 4, 3, 5), dtype="float64", lengths=(3, 7, 1, 7), bidirectional=True)],
        "special_values": [
            layer((6, 4, 5, 6), profile=profile, bidirectional=bidirectional, num_layers=num_layers)
            for bidirectional, num_layers in ((False, 1), (True, 2))
            for profile in (
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
        ]
        + [
            layer((6, 4, 5, 6), profile=profile, nonlinearity="relu")
            for profile in ("nan", "infinite", "nan_state", "subnormal", "sparse", "positive")
        ],
        "saturated": [
            layer(shape, profile="saturated", num_layers=n) for shape in SHAPES[:4] for n in (1, 2)
        ],
        "large_weights": [
            layer(shape, profile="large", bidirectional=bidirectional)
            for shape in SHAPES[:4]
            for bidirectional in (False, True)
        ],
        "chaotic": [
            layer((128, 3, 4, 32), profile="chaotic"),
            layer((128, 2, 5, 48), profile="chaotic", batch_first=True),
            layer((64, 2, 4, 32), profile="chaotic", num_layers=2),
            layer((64, 2, 4, 32), profile="chaotic", bidirectional=True),
            layer((64, 2, 4, 24), profile="chaotic", bidirectional=True, num_layers=2),
            layer((96, None, 4, 32), profile="chaotic"),
            layer((96, 3, 4, 32), profile="chaotic", lengths=(50, 96, 11)),
            layer((64, 3, 4, 32), profile="chaotic", lengths=(40, 64, 9), bidirectional=True),
            layer((128, 3, 4, 32), profile="chaotic", state=False),
            layer((128, 2, 4, 32), profile="chaotic", bias=False),
            layer((160, 2, 4, 32), profile="chaotic", dtype="float64"),
        ],
        "options": [
            layer(
                SHAPES[i % 6],
                nonlinearity=nonlinearity,
                num_layers=num_layers,
                bias=bias,
                batch_first=batch_first,
                bidirectional=bidirectional,
            )
            for i, (num_layers, nonlinearity, bias, batch_first, bidirectional) in enumerate(
                product((1, 2, 3), both, (True, False), (False, True), (False, True))
            )
        ],
    }


def lengths(sort: bool) -> list[CaseSpec]:
    """Variable lengths, ties among them, the shortest 1 and, once, all below seq_len."""
    rows = ((6, (6, 2, 4)), (9, (3, 9, 1, 5)), (7, (2, 7, 7, 1, 2)), (8, (5, 3, 6, 1)))
    options: tuple[dict[str, object], ...] = (
        {},
        {"bidirectional": True},
        {"num_layers": 2},
        {"batch_first": True},
        {"bidirectional": True, "num_layers": 2},
        {"bidirectional": True, "batch_first": True, "nonlinearity": "relu"},
        {"state": False},
    )
    return [
        layer(
            (seq_len, len(own), 4, 4 + i),
            lengths=tuple(sorted(own, reverse=True)) if sort else own,
            **rest,
        )
        for i, (seq_len, own) in enumerate(rows)
        for rest in options
    ]


def default_suites() -> dict[str, list[CaseSpec]]:
    """Every suite that is committed, by name."""
    return {
        **{f"rnn_cell/{name}": specs for name, specs in cell_suites().items()},
        **{f"rnn/{name}": specs for name, specs in layer_suites().items()},
    }

"""The suites of the cells, forward, one for each trait."""

from torch_parity.cases import CaseSpec
from torch_parity.suites.shapes import CELL_SHAPES, cell, nonlinearities

SIZES = ((1, 1), (1, 2), (2, 1), (3, 17), (17, 3), (64, 33), (127, 5), (5, 128), (256, 9))
#: Long dot products, once.
LONG_SIZES = ((1024, 3), (2, 1024))

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
)


def cell_suites(module: str) -> dict[str, list[CaseSpec]]:
    is_rnn = module == "RNNCell"
    sizes = [*SIZES, *LONG_SIZES] if is_rnn else SIZES[:6]
    either = nonlinearities(module)
    suites = {
        "default": [
            *([cell(5, 10, 7, id="notes-N5-D10-H7")] if is_rnn else []),
            *(cell(*shape, module) for shape in CELL_SHAPES),
            cell(1, 4, 5, module),
            cell(0, 4, 5, module),
        ],
        "no_bias": [
            cell(*shape, module, bias=False, **f) for shape in CELL_SHAPES[:5] for f in either
        ],
        "unbatched": [
            cell(None, input_size, hidden_size, module, state=state)
            for _, input_size, hidden_size in CELL_SHAPES[:5]
            for state in (True, False)
        ],
        "no_state": [cell(*shape, module, state=False) for shape in CELL_SHAPES],
        "sizes": [
            cell(3, input_size, hidden_size, module, generated=is_rnn)
            for input_size, hidden_size in sizes
        ]
        + [cell(3, 0, 4, module)],
        "float64": [
            cell(*shape, module, dtype="float64", **f) for shape in CELL_SHAPES[:5] for f in either
        ],
        "special_values": [
            cell(4, 5, 6, module, profile=profile, **f) for f in either for profile in PROFILES
        ]
        + [cell(4, 5, 6, module, profile="huge")],
        "saturated": [
            cell(*shape, module, profile=profile)
            for shape in CELL_SHAPES[:4]
            for profile in ("saturated", "large")
        ],
    }
    if is_rnn:
        suites["relu"] = [cell(*shape, nonlinearity="relu") for shape in CELL_SHAPES]
    return suites

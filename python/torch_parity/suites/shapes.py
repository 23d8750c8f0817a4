"""The shapes of the suites, and short ways to write a case."""

from typing import Any

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


def layer(shape: Shape, module: str = "RNN", **rest: Any) -> CaseSpec:
    """A layer; what is no field of a case is a constructor argument of torch's."""
    seq_len, batch, input_size, hidden_size = shape
    return make(module, input_size, hidden_size, rest, seq_len=seq_len, batch=batch)


def cell(
    batch: int | None, input_size: int, hidden_size: int, module: str = "RNNCell", **rest: Any
) -> CaseSpec:
    return make(module, input_size, hidden_size, rest, batch=batch)


def make(
    module: str, input_size: int, hidden_size: int, rest: dict[str, object], **shape: object
) -> CaseSpec:
    fields = CaseSpec.__dataclass_fields__
    given = {name: value for name, value in rest.items() if name in fields}
    options = {name: value for name, value in rest.items() if name not in fields}
    merged = {"id": "", **shape, **given, "options": options}
    spec = CaseSpec(module=module, input_size=input_size, hidden_size=hidden_size, **merged)  # type: ignore[arg-type]
    return spec if spec.id else with_id(spec)


def nonlinearities(module: str) -> list[dict[str, Any]]:
    """The options that only an RNN has, as what differs from the default."""
    return [{}, {"nonlinearity": "relu"}] if module.startswith("RNN") else [{}]

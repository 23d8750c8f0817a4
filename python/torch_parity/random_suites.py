"""Suites of as many random cases as are asked for; not committed."""

from collections.abc import Iterator
from typing import Any

from torch_parity.cases import CaseSpec
from torch_parity.values import Stream

PROFILES = ("large", "chaotic", "saturated", "tiny", "sparse", "positive", "huge")


def small(seed: int, count: int) -> Iterator[CaseSpec]:
    """Small cells and layers with every option: what a benchmark replays."""
    for i in range(count):
        stream = Stream(seed, "random/small", i)
        yield draw(stream, f"{i:06}", size=16, steps=12, rows=8)


def mixed(seed: int, count: int) -> Iterator[CaseSpec]:
    """Small and large, ordinary and extreme: what κ is calibrated on."""
    for i in range(count):
        stream = Stream(seed, "random/mixed", i)
        # One case in fifty is large.
        large = stream.integer(0, 49) == 0
        profile = stream.choice(PROFILES) if stream.integer(0, 1) else "default"
        dtype = "float64" if stream.integer(0, 9) == 0 else "float32"
        id = f"{i:06}-{profile}"
        if large:
            spec = draw(stream, id, size=256, steps=40, rows=48)
        else:
            spec = draw(stream, id, size=32, steps=24, rows=8)
        changed: dict[str, Any] = {"profile": profile, "dtype": dtype}
        if profile == "chaotic" and spec.lengths is None and spec.module == "RNN":
            # Chaos needs units and time.
            changed |= {"hidden_size": stream.integer(16, 40), "seq_len": stream.integer(24, 80)}
        if profile in ("huge", "chaotic") or (profile == "positive" and large):
            # relu has no bound: it would leave float32.
            changed["options"] = {**spec.options, "nonlinearity": "tanh"}
        yield CaseSpec(**{**spec.__dict__, **changed})


def draw(stream: Stream, id: str, *, size: int, steps: int, rows: int) -> CaseSpec:
    """A random cell or layer, sizes logarithmic up to those given."""
    is_layer = stream.integer(0, 3) > 0
    batch = None if stream.integer(0, 7) == 0 else stream.log_integer(1, rows)
    seq_len = stream.log_integer(1, steps) if is_layer else 1
    options: dict[str, Any] = {
        "nonlinearity": stream.choice(("tanh", "relu")),
        "bias": stream.integer(0, 4) > 0,
    }
    lengths = None
    if is_layer:
        options |= {
            "num_layers": stream.log_integer(1, 3),
            "batch_first": stream.integer(0, 2) == 0,
            "bidirectional": stream.integer(0, 2) == 0,
        }
        if batch is not None and stream.integer(0, 3) == 0:
            lengths = tuple(stream.integer(1, seq_len) for _ in range(batch))
    return CaseSpec(
        id=id,
        module="RNN" if is_layer else "RNNCell",
        input_size=stream.log_integer(1, size),
        hidden_size=stream.log_integer(1, size),
        seq_len=seq_len,
        batch=batch,
        options=options,
        lengths=lengths,
        state=stream.integer(0, 3) > 0,
    )


RANDOM_SUITES = {"random/small": small, "random/mixed": mixed}

"""Suites of as many random cases as are asked for; not committed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch_parity.cases import CaseSpec
from torch_parity.modules import KINDS
from torch_parity.values import Stream

SPECIAL = (
    "nan",
    "infinite",
    "negative_infinite",
    "nan_state",
    "nan_padding",
    "infinite_padding",
    "infinite_last",
)
PROFILES = ("large", "chaotic", "saturated", "tiny", "sparse", "positive", "huge")


def small(seed: int, count: int) -> Iterator[CaseSpec]:
    """Small RNNs and RNNCells with every option: what a benchmark replays."""
    return small_of("RNN", "random/small", seed, count)


def small_lstm(seed: int, count: int) -> Iterator[CaseSpec]:
    """The same of LSTM and LSTMCell."""
    return small_of("LSTM", "random/small_lstm", seed, count)


def small_gru(seed: int, count: int) -> Iterator[CaseSpec]:
    """The same of GRU and GRUCell."""
    return small_of("GRU", "random/small_gru", seed, count)


def small_of(family: str, suite: str, seed: int, count: int) -> Iterator[CaseSpec]:
    for i in range(count):
        stream = Stream(seed, suite, i)
        yield draw(stream, f"{i:06}", family, size=16, steps=12, rows=8)


def mixed(seed: int, count: int) -> Iterator[CaseSpec]:
    """Ordinary and extreme, with gradients and without: what κ is calibrated on."""
    for i in range(count):
        stream = Stream(seed, "random/mixed", i)
        family = stream.choice(("RNN", "LSTM", "GRU"))
        # One case in fifty is large.
        large = stream.integer(0, 49) == 0
        profile = stream.choice(PROFILES) if stream.integer(0, 1) else "default"
        dtype = stream.choice(("float32",) * 7 + ("float64", "float16", "bfloat16"))
        gradients = dtype in ("float32", "float64") and stream.integer(0, 2) == 0
        id = f"{i:06}-{profile}"
        if large:
            spec = draw(stream, id, family, size=256, steps=40, rows=48)
        else:
            spec = draw(stream, id, family, size=32, steps=24, rows=8)
        changed: dict[str, Any] = {"profile": profile, "dtype": dtype, "gradients": gradients}
        is_layer = KINDS[spec.module].is_layer
        if profile == "chaotic" and spec.lengths is None and is_layer:
            # Chaos needs units and time; gradients through it decide nothing.
            changed |= {"hidden_size": stream.integer(16, 40), "seq_len": stream.integer(24, 80)}
            changed["gradients"] = False
        bounded = profile in ("huge", "chaotic") or (profile == "positive" and large)
        if family == "RNN" and (bounded or (dtype == "float16" and profile != "default")):
            # relu has no bound: it would leave float32, or float16.
            changed["options"] = {**spec.options, "nonlinearity": "tanh"}
        if profile == "huge":
            # Gradients would overflow in between, and so would float16.
            changed |= {"gradients": False, **({"profile": "large"} if dtype == "float16" else {})}
        yield CaseSpec(**{**spec.__dict__, **changed})


def special(seed: int, count: int) -> Iterator[CaseSpec]:
    """What is not finite, in what is read and in the padding, half of it with gradients."""
    for i in range(count):
        stream = Stream(seed, "random/special", i)
        profile = stream.choice(SPECIAL)
        family = stream.choice(("RNN", "LSTM", "GRU"))
        spec = draw(stream, f"{i:06}-{profile}", family, size=16, steps=12, rows=8)
        changed: dict[str, Any] = {"profile": profile, "gradients": stream.integer(0, 1) == 1}
        if profile.endswith("padding") and spec.batch is not None and KINDS[spec.module].is_layer:
            rows = range(spec.batch)
            changed["lengths"] = tuple(stream.integer(1, spec.seq_len) for _ in rows)
        yield replace(spec, **changed)


def draw(stream: Stream, id: str, family: str, *, size: int, steps: int, rows: int) -> CaseSpec:
    """A random cell or layer, sizes logarithmic up to those given."""
    is_layer = stream.integer(0, 3) > 0
    batch = None if stream.integer(0, 7) == 0 else stream.log_integer(1, rows)
    seq_len = stream.log_integer(1, steps) if is_layer else 1
    options: dict[str, Any] = {
        "nonlinearity": stream.choice(("tanh", "relu")),
        "bias": stream.integer(0, 4) > 0,
    }
    if family != "RNN":
        del options["nonlinearity"]
    lengths = None
    if is_layer:
        options |= {
            "num_layers": stream.log_integer(1, 3),
            "batch_first": stream.integer(0, 2) == 0,
            "bidirectional": stream.integer(0, 2) == 0,
        }
        if batch is not None and stream.integer(0, 3) == 0:
            lengths = tuple(stream.integer(1, seq_len) for _ in range(batch))
    input_size, hidden_size = stream.log_integer(1, size), stream.log_integer(1, size)
    state = stream.integer(0, 3) > 0
    if family == "LSTM" and is_layer and hidden_size > 1 and stream.integer(0, 3) == 0:
        options["proj_size"] = stream.integer(1, hidden_size - 1)
    return CaseSpec(
        id=id,
        module=family if is_layer else f"{family}Cell",
        input_size=input_size,
        hidden_size=hidden_size,
        seq_len=seq_len,
        batch=batch,
        options=options,
        lengths=lengths,
        state=state,
    )


RANDOM_SUITES = {
    "random/small": small,
    "random/small_lstm": small_lstm,
    "random/small_gru": small_gru,
    "random/mixed": mixed,
    "random/special": special,
}

"""The oracle: frames, one answer for each request, and nothing else on standard output."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pytest

from torch_parity.cases import CaseSpec, generate
from torch_parity.oracle import PROTOCOL, SUITE, answer, read_frame, record_spec, serve, write_frame

PACKAGE = Path(__file__).parents[1]

SPEC: dict[str, Any] = {
    "id": "one",
    "module": "LSTM",
    "input_size": 2,
    "hidden_size": 3,
    "seq_len": 4,
    "batch": 2,
    "options": {"bidirectional": True, "proj_size": 2},
    "lengths": [4, 1],
    "state": True,
    "dtype": "float32",
    "profile": "large",
    "gradients": True,
    "masked": False,
    "seed": 7,
}


def frames(*messages: object) -> bytes:
    stream = io.BytesIO()
    for message in messages:
        write_frame(stream, message)
    return stream.getvalue()


def all_frames(data: bytes) -> list[Any]:
    stream = io.BytesIO(data)
    found = []
    while (message := read_frame(stream)) is not None:
        found.append(message)
    return found


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"gradients": False, "dtype": "float64"},
        {"gradients": False, "training": {"optimizer": "SGD", "steps": 2}, "profile": "ordinary"},
        {"options": {"num_layers": 2, "dropout": 0.5, "batch_first": True}, "masked": True},
        {"module": "GRUCell", "options": {}, "lengths": None, "seq_len": 1},
        {"gradients": False, "profile": "nan", "dtype": "bfloat16"},
    ],
)
def test_a_request_is_what_the_recorder_records_without_its_budget(other: dict[str, Any]) -> None:
    asked = {**SPEC, **other}
    spec = {key: value for key, value in asked.items() if key != "seed"}
    lengths = None if spec["lengths"] is None else tuple(spec["lengths"])
    whole = generate(SUITE, CaseSpec(**{**spec, "lengths": lengths}), 7)
    del whole["budget"]
    assert record_spec(asked) == whole


def test_states_are_recorded_on_request() -> None:
    asked = {**SPEC, "gradients": False, "profile": "chaotic", "seq_len": 48, "lengths": None}
    asked |= {"options": {"bidirectional": True}, "input_size": 4, "hidden_size": 24}
    spec = {key: value for key, value in asked.items() if key != "seed"}
    whole = generate(SUITE, CaseSpec(**spec), 7)
    del whole["budget"]
    assert "states" in whole
    assert record_spec(asked, states=True) == whole
    del whole["states"]
    assert record_spec(asked) == whole


def test_a_run_that_overflows_in_between_is_refused() -> None:
    asked = {**SPEC, "module": "RNN", "dtype": "float16", "gradients": False, "profile": "chaotic"}
    asked |= {"options": {"nonlinearity": "relu"}, "seq_len": 48, "hidden_size": 16}
    asked["lengths"] = None
    spec = {key: value for key, value in asked.items() if key != "seed"}
    with pytest.raises(ValueError, match="overflows in between") as whole:
        generate(SUITE, CaseSpec(**spec), 7)
    with pytest.raises(ValueError, match="overflows in between") as bare:
        record_spec(asked)
    assert str(bare.value) == str(whole.value)


def test_it_says_hello_and_answers_in_order_whatever_went_wrong_before() -> None:
    requests = frames(
        {"id": 1, "spec": {**SPEC, "seq_len": 0, "lengths": None}},
        {"id": 2, "spec": SPEC},
        {"id": 3, "spec": {**SPEC, "options": {"nonlinearity": "relu"}}},
        {"id": 4, "spec": {**SPEC, "module": "Linear"}},
    )
    replies = io.BytesIO()
    serve(io.BytesIO(requests), replies)
    hello, first, second, third, fourth = all_frames(replies.getvalue())
    assert hello["protocol"] == PROTOCOL
    assert {"torch", "numpy", "python", "num_threads"} < hello.keys()
    assert first == {
        "id": 1,
        "error": "Expected sequence length to be larger than 0 in RNN",
    }
    assert second["id"] == 2
    assert second["case"]["id"] == "one"
    assert "nonlinearity" in third["error"]
    assert fourth == {"id": 4, "error": "KeyError: 'Linear'"}


def test_a_reply_holds_the_bytes_that_a_fixture_would() -> None:
    reply = answer({"id": 1, "spec": SPEC})
    assert msgpack.unpackb(frames(reply)[4:]) == reply


@pytest.mark.parametrize("kept", [0, 3, 4, 10])
def test_a_torn_frame_is_the_end(kept: int) -> None:
    assert read_frame(io.BytesIO(frames(SPEC)[:kept])) is None


def test_the_process_ends_with_its_input_and_prints_frames_alone(tmp_path: Path) -> None:
    # Whoever prints while a case is recorded: Python, and C.
    program = tmp_path / "noisy.py"
    program.write_text(
        "import os, sys\n"
        "import torch_parity.oracle as oracle\n"
        "record = oracle.record_spec\n"
        "def noisy(spec, states):\n"
        "    print('from Python', flush=True)\n"
        "    os.write(1, b'from C')\n"
        "    return record(spec, states)\n"
        "oracle.record_spec = noisy\n"
        "oracle.oracle()\n"
    )
    ended = subprocess.run(
        [sys.executable, str(program)],
        input=frames({"id": 5, "spec": SPEC}),
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    hello, reply = all_frames(ended.stdout)
    assert (ended.returncode, hello["num_threads"], reply["id"]) == (0, 1, 5)
    assert b"from Python\nfrom C" in ended.stderr


def test_it_ends_when_nobody_reads() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "torch_parity", "oracle"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    process.stdin.write(frames({"id": 1, "spec": SPEC}))
    process.stdin.flush()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()

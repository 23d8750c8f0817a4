"""One thread while recording, whatever torch is set to, and words where it takes long."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from torch_parity import record
from torch_parity.fixture import read_fixture
from torch_parity.progress import Progress

THREADS = """
import sys, torch
from torch import nn
from torch_parity import record, write_fixture
from torch_parity.fixture import read_fixture
torch.set_num_threads(3)
seen = []
module = nn.GRU(3, 4)
module.register_forward_hook(lambda *about: seen.append(torch.get_num_threads()))
case = record(module, torch.zeros(5, 2, 3), id="case")
write_fixture(sys.argv[1], [case])
header, _ = read_fixture(sys.argv[1])
try:
    record(module, torch.zeros(5, 2, 7), id="case")
except ValueError:
    pass
print(seen, torch.get_num_threads(), header["producer"]["num_threads"])
"""


def test_recording_takes_one_thread_and_gives_the_others_back(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", THREADS, str(tmp_path / "own.msgpack")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert ended.stdout.split("\n")[0] == "[1] 3 1"


def test_the_threads_that_dump_is_told_are_those_of_the_file(tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "torch_parity", "dump", "--num-threads", "2"),
            *("--suite", "rnn_cell/default", "--out", str(tmp_path)),
        ],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[1],
    )
    header, cases = read_fixture(tmp_path / "rnn_cell" / "default.msgpack")
    assert header["producer"]["num_threads"] == 2
    assert len(list(cases)) > 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "said"), [(Terminal(), [2, 4, 12, 30]), (io.StringIO(), [12, 30])]
)
def test_progress_is_said_where_it_takes_long(stream: io.StringIO, said: list[int]) -> None:
    times = iter([0.0, 0.5, 2, 2.5, 4, 12, 12.5, 30])
    progress = Progress("case", stream=stream, clock=lambda: next(times))
    for at in ("0.5", "2", "2.5", "4", "12", "12.5", "30"):
        progress(f"at {at}")
    assert stream.getvalue().splitlines() == [f"torch_parity: case: at {at}" for at in said]


def test_each_run_of_a_recording_is_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch_parity.progress.LOG_SECONDS", -1.0)
    torch.manual_seed(0)
    module = nn.LSTM(3, 32)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(12)
    record(module, torch.randn(60, 1, 3), id="case")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[:8] == [f"torch_parity: case: run {run} of 8" for run in range(1, 9)]
    assert lines[8] == "torch_parity: case: states of layer and direction 1 of 1"


def test_a_short_recording_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    record(nn.RNNCell(2, 2), torch.zeros(1, 2), id="case")
    assert capsys.readouterr().err == ""

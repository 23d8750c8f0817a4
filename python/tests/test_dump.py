"""The command, as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def dump(*args: str, path: Path = PACKAGE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "torch_parity", "dump", *args],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(path)},
    )


def test_two_processes_write_the_same_bytes_and_say_what_they_do(tmp_path: Path) -> None:
    one = dump("--suite", "rnn_cell/relu", "--out", str(tmp_path / "one"))
    other = dump("--suite", "rnn_cell/relu", "--out", str(tmp_path / "other"), "--progress")
    name = "rnn_cell/relu.msgpack"
    assert one.returncode == other.returncode == 0
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert one.stdout.startswith(f"{tmp_path}/one/{name}: 7 cases, ")
    events = [json.loads(line) for line in other.stdout.splitlines()]
    assert events[0] == {"event": "start", "total": 7, "files": 1}
    assert [event["event"] for event in events[1:-2]] == ["case"] * 7
    assert events[-2]["cases"] == 7
    assert events[-1] == {"event": "done", "cases": 7, "files": 1}


def test_an_unknown_suite_is_one_line(tmp_path: Path) -> None:
    ended = dump("--suite", "rnn/nothing", "--out", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error --suite: expected one of rnn_cell/default, ")
    assert ended.stderr.endswith(", got rnn/nothing\n")
    assert ended.stderr.count("\n") == 1


def test_a_negative_seed_is_one_line(tmp_path: Path) -> None:
    ended = dump("--seed", "-1", "--out", str(tmp_path))
    assert (ended.returncode, ended.stderr) == (
        2,
        "error --seed, --count, --num-threads: expected whole numbers from 0, 0 and 1\n",
    )


def test_a_torch_that_is_too_old_is_named_with_the_interpreter(tmp_path: Path) -> None:
    metadata = tmp_path / "torch-1.9.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.9.0\n")
    ended = dump("--out", str(tmp_path), path=Path(f"{tmp_path}{os.pathsep}{PACKAGE}"))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"error {sys.executable}: expected torch 2.4 or newer, got 1.9.0\n"
        "name another Python with --python or TORCH_PARITY_PYTHON, "
        "or install python/requirements.txt\n"
    )


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ended = dump("--suite", "rnn/relu", "--out", str(tmp_path / "file"))
    assert ended.returncode == 2
    assert ended.stderr.startswith(
        f"error {tmp_path}/file/rnn/relu.msgpack: expected a file that can"
    )
    assert ended.stderr.count("\n") == 1


def test_an_interrupted_run_leaves_whole_files_only(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "torch_parity", "dump", "--progress", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        # A shell's background jobs ignore interrupts, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "file":
            break
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, "")
    written = [file.name for file in tmp_path.rglob("*") if file.is_file()]
    assert written
    assert all(name.endswith(".msgpack") and not name.startswith(".") for name in written)

"""Ray actors that record, where TORCH_PARITY_RAY names a Python that has torch and Ray."""

import glob
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from torch_parity.frames import read_body

PACKAGE = Path(__file__).parents[1]
PYTHON = os.environ.get("TORCH_PARITY_RAY", "")

needs_ray = pytest.mark.skipif(PYTHON == "", reason="no TORCH_PARITY_RAY")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a recording that should be refused leaves is not left here."""
    monkeypatch.chdir(tmp_path)


def run(*args: object, path: object = "") -> tuple[int, str, str]:
    """→ exit code, standard output and standard error of `python -m torch_parity`"""
    ended = subprocess.run(
        [PYTHON, "-m", "torch_parity", *map(str, args)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": f"{PACKAGE}{os.pathsep}{path}"},
    )
    return ended.returncode, ended.stdout, ended.stderr


def folders() -> set[str]:
    return set(glob.glob("/tmp/torch-parity-ray-*"))


@contextmanager
def nothing_left() -> Iterator[None]:
    before = folders()
    yield
    end = time.monotonic() + 20
    while folders() - before and time.monotonic() < end:
        time.sleep(0.1)
    assert folders() - before == set()


@needs_ray
def test_actors_record_the_same_bytes(tmp_path: Path) -> None:
    suites = [
        "rnn_cell/relu",
        "known_answers/webnn-baseline",
        "captured/crnn",
        "seq2seq/many_to_one",
    ]
    with nothing_left():
        here = run("dump", "--out", tmp_path / "here", "--suite", *suites)
        asked = ("dump", "--out", tmp_path / "there", "--ray", "local", "--actors", 2, "--suite")
        there = run(*asked, *suites)
    assert here[2] == there[2] == ""
    assert there[1] == here[1].replace(str(tmp_path / "here"), str(tmp_path / "there"))
    files = sorted((tmp_path / "here").rglob("*.msgpack"))
    assert len(files) == len(suites)
    for file in files:
        other = tmp_path / "there" / file.relative_to(tmp_path / "here")
        assert file.read_bytes() == other.read_bytes()


@needs_ray
def test_actors_that_record_otherwise_are_no_pool(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if any('default_worker' in word for word in sys.orig_argv):\n"
        "    import torch_parity.fixture as fixture\n"
        "    producer = fixture.producer\n"
        "    def other(device):\n"
        "        try:\n"
        "            os.mkdir(os.path.join(os.path.dirname(__file__), 'first'))\n"
        "        except FileExistsError:\n"
        "            return {**producer(device), 'cpu_capability': 'DEFAULT'}\n"
        "        return producer(device)\n"
        "    fixture.producer = other\n"
    )
    code, _, said = run(
        "dump",
        "--suite",
        "rnn_cell/relu",
        "--out",
        tmp_path,
        "--ray",
        "local",
        "--actors",
        2,
        path=tmp_path,
    )
    assert code == 2
    first, second = said.splitlines()
    assert first.startswith("error --ray local: expected actors that record alike, got cpu_capab")
    assert "cpu_capability DEFAULT" in first
    assert second.startswith("--runtime-env can make them so")


@needs_ray
def test_a_case_over_which_every_actor_dies_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if any('default_worker' in word for word in sys.orig_argv):\n"
        "    import torch_parity.dump as dump\n"
        "    dump.make_case = lambda *_: os._exit(1)\n"
    )
    asked = ("dump", "--out", tmp_path / "out", "--suite", "rnn_cell/relu", "--ray", "local")
    code, out, said = run(*asked, path=tmp_path)
    assert (code, out) == (2, "")
    start = "error rnn_cell/relu batch-3-input-5-hidden-4-nonlinearity-relu: expected a recording, "
    assert said.startswith(f"{start}got 3 actors that died over it (")
    assert said.count("\n") == 1
    assert list((tmp_path / "out").rglob("*")) == []


@needs_ray
def test_there_is_no_room() -> None:
    code, _, said = run("dump", "--ray", "local", "--device", "cuda", "--start-timeout", 4)
    assert (code, said) == (
        2,
        "error --ray local: expected room for 1 actor of 1 CPU and 1 GPU, "
        "got 0 that started within 4 s, in a cluster with CPU 1, GPU 0\n"
        "ask for fewer, or wait until others have ended\n",
    )


@needs_ray
@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (("--ray", "nonsense"), "--ray nonsense: expected local, auto, or the address of a Ray"),
        (("--ray", "local", "--actors", 0), "--actors: expected a whole number of at least 1, g"),
        (("--ray", "local", "--runtime-env", "["), "--runtime-env: expected an object in JSON, "),
        (("--ray", "local", "--runtime-env", "1"), "--runtime-env: expected an object in JSON, "),
    ],
)
def test_what_is_refused(args: tuple[object, ...], wanted: str) -> None:
    code, _, said = run("dump", *args)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"error {wanted}")


@needs_ray
def test_nothing_answers_at_an_address() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        code, _, said = run("dump", "--ray", address)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"error --ray {address}: expected local, auto, or the address of a Ray")


@needs_ray
def test_nothing_is_left_of_a_cluster_whose_owner_is_killed() -> None:
    before = folders()
    with (
        nothing_left(),
        subprocess.Popen(
            [PYTHON, "-m", "torch_parity", "ray", "--address", "local"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        ) as process,
    ):
        assert process.stdout
        assert read_body(cast(BinaryIO, process.stdout)) is not None
        [own] = folders() - before
        process.kill()
    listed = subprocess.run(
        ["ps", "-eo", "stat=,args="], capture_output=True, check=True, text=True
    ).stdout
    assert [line for line in listed.splitlines() if own in line and line[0] != "Z"] == []


@pytest.mark.skipif(sys.executable == PYTHON, reason="this Python has Ray")
def test_ray_is_asked_for_by_name() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "torch_parity", "dump", "--ray", "local"],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    assert (ended.returncode, ended.stderr) == (
        2,
        f"error {sys.executable}: expected the package ray, got none of that name\n"
        f"{sys.executable} -m pip install 'ray>=2.50' brings it\n",
    )

"""python -m torch_parity dump: records suites as fixtures."""

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import torch

from torch_parity.cases import CaseSpec, generate
from torch_parity.device import CPU, find_device, tensor_float_32
from torch_parity.errors import UsageError
from torch_parity.fixture import Case, Producer, producer, write_fixture
from torch_parity.known_answers import Answer, answer_suites, known_answer_case
from torch_parity.random_suites import RANDOM_SUITES
from torch_parity.ray_arguments import add_ray_arguments, needing_ray
from torch_parity.suites import default_suites
from torch_parity.suites.captured import (
    CapturedSpec,
    captured_forms,
    captured_suites,
    generate_captured,
)
from torch_parity.suites.models import ModelSpec, generate_model, model_suites
from torch_parity.threads import choose_threads

DEFAULT_SEED = 0
DEFAULT_COUNT = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("fixtures"), help="folder of the files")
    parser.add_argument(
        "--suite",
        nargs="+",
        default=[],
        metavar="NAME",
        help="rnn/relu, or rnn for all of a folder",
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of parameters and inputs")
    parser.add_argument("--count", type=int, default=DEFAULT_COUNT, help="cases of a random suite")
    parser.add_argument("--device", default="cpu", help="where torch computes: cpu, cuda, cuda:N")
    parser.add_argument("--tf32", action="store_true", help="let a GPU round to TF32 in products")
    parser.add_argument("--num-threads", type=int, default=1, help="torch's threads")
    parser.add_argument(
        "--progress", action="store_true", help="one JSON object a line for each event"
    )
    add_ray_arguments(parser, "--ray")
    parser.add_argument("--list", action="store_true", help="list the suites and record nothing")


#: A suite is what to record, or what others have published.
Suite = list[CaseSpec] | list[Answer] | list[ModelSpec] | list[CapturedSpec]


class Recording(NamedTuple):
    """Who records, and where it may be said how far that is."""

    #: The cases of suites, in their order.
    record: Callable[[Mapping[str, Suite]], Iterator[Case]]
    producer: Producer
    out: TextIO


def choose(names: list[str], seed: int, count: int) -> dict[str, Suite]:
    """The suites of these names or folders; every one but the random ones when none is named.

    Raises:
        UsageError: There is no suite of a name.
    """
    suites: dict[str, Suite] = {
        **default_suites(),
        **model_suites(),
        **captured_suites(),
        **captured_forms(),
        **answer_suites(),
    }
    if not names:
        return suites
    chosen: dict[str, Suite] = {}
    for name in names:
        inside = {
            own: specs for own, specs in suites.items() if own == name or own.startswith(f"{name}/")
        }
        if name in RANDOM_SUITES:
            inside = {name: list(RANDOM_SUITES[name](seed, count))}
        if not inside:
            known = ", ".join([*suites, *RANDOM_SUITES])
            raise UsageError(f"--suite: expected one of {known}, got {name}")
        chosen |= inside
    return chosen


def make_case(
    suite: str,
    item: CaseSpec | ModelSpec | CapturedSpec | Answer,
    seed: int,
    device: torch.device = CPU,
) -> Case:
    if isinstance(item, CaseSpec):
        return generate(suite, item, seed, device)
    if isinstance(item, CapturedSpec):
        return generate_captured(suite, item, seed)
    return (
        generate_model(suite, item, seed, device)
        if isinstance(item, ModelSpec)
        else known_answer_case(item)
    )


def id_of(item: CaseSpec | ModelSpec | CapturedSpec | Answer) -> str:
    return item.id if isinstance(item, CaseSpec | ModelSpec | CapturedSpec) else item["id"]


def version_of(specs: Suite) -> int:
    """Of the format: 2 where numbers are named instead of held, 3 where models are captured."""
    if any(isinstance(item, CapturedSpec) for item in specs):
        return 3
    return 2 if any(isinstance(item, CaseSpec) and item.generated for item in specs) else 1


def check(arguments: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: Numbers that mean nothing.
    """
    if arguments.seed < 0 or arguments.count < 0 or arguments.num_threads < 1:
        raise UsageError("--seed, --count, --num-threads: expected whole numbers from 0, 0 and 1")
    if arguments.tf32 and arguments.device == "cpu":
        raise UsageError("--tf32: expected a --device that has it, got cpu")


@contextmanager
def recording_here(arguments: argparse.Namespace) -> Iterator[Recording]:
    """Records in this process.

    Raises:
        UsageError: There is no such device here.
    """
    try:
        device = find_device(arguments.device)
    except ValueError as error:
        raise UsageError(str(error)) from None
    torch.set_num_threads(arguments.num_threads)
    choose_threads(arguments.num_threads)
    with tensor_float_32(arguments.tf32):
        yield Recording(
            lambda suites: (
                make_case(suite, item, arguments.seed, device)
                for suite, specs in suites.items()
                for item in specs
            ),
            producer(device),
            sys.stdout,
        )


def dump(arguments: argparse.Namespace) -> None:
    """Records the suites that were asked for and says what was written.

    Raises:
        UsageError: There is no suite of a name, or a file cannot be written.
    """
    check(arguments)
    suites = choose(arguments.suite, arguments.seed, arguments.count)
    if arguments.list:
        for name, specs in suites.items():
            print(f"{name}: {len(specs)} cases")
        return
    recording = recording_here
    if arguments.ray is not None:
        with needing_ray(arguments.ray):
            from torch_parity.ray_dump import recording_there as recording
    with recording(arguments) as by:
        write_suites(arguments, suites, by)


def write_suites(arguments: argparse.Namespace, suites: Mapping[str, Suite], by: Recording) -> None:
    """Writes the cases of all suites file by file.

    Raises:
        UsageError: A file cannot be written.
    """
    recorded = by.record(suites)

    def say(event: str, **about: Any) -> None:
        if arguments.progress:
            print(json.dumps({"event": event, **about}), flush=True, file=by.out)
        elif event == "file":
            text = f"{about['path']}: {about['cases']} cases, {about['bytes']} bytes"
            print(text, flush=True, file=by.out)

    def announced(suite: str, cases: Iterable[Case]) -> Iterator[Case]:
        for case in cases:
            yield case
            say("case", suite=suite, id=case["id"])

    total = sum(len(specs) for specs in suites.values())
    say("start", total=total, files=len(suites))
    for suite, specs in suites.items():
        path = arguments.out / f"{suite}.msgpack"
        try:
            cases = write_fixture(
                path,
                announced(suite, itertools.islice(recorded, len(specs))),
                name=suite,
                seed=arguments.seed,
                version=version_of(specs),
                recorder=by.producer,
            )
        except OSError as error:
            raise UsageError(
                f"{path}: expected a file that can be written, got {error.strerror}"
            ) from error
        say("file", suite=suite, path=str(path), cases=cases, bytes=path.stat().st_size)
    say("done", cases=total, files=len(suites))

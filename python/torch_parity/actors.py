"""Ray actors that record: as many Pythons as are asked for, on any node of a cluster.

Each has one case at a time, so that it is known over which case it died. Ray starts another in its
place and the case is asked again; one over which several died is lost, which is no verdict on it.
"""

import itertools
import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import msgpack
import ray
import torch
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from torch_parity.cluster import connected
from torch_parity.device import find_device, tensor_float_32
from torch_parity.errors import UsageError
from torch_parity.fixture import Case, Producer, producer
from torch_parity.oracle import answer
from torch_parity.threads import choose_threads

#: So many actors may die over a case before it is lost: whoever kills actors at random seldom
#: meets the same case again.
MOST_DEATHS = 3

#: So many cases are recorded ahead of the one that is waited for, for each actor.
AHEAD = 4


class LostError(Exception):
    """A case that no actor answers; its text says why."""


class Recorder:
    """The actor. Of what it is given all is plain, since its torch may be another."""

    def greet(self, device: str, tf32: bool, num_threads: int) -> Producer:
        """Makes ready, and says who records.

        Raises:
            ValueError: There is no such device here.
        """
        torch.set_num_threads(num_threads)
        choose_threads(num_threads)
        self.tf32 = tf32
        self.device = find_device(device)
        with tensor_float_32(tf32):
            return producer(self.device)

    def answer(self, request: bytes) -> bytes:
        """The oracle's reply to a request, both as MessagePack."""
        return cast(bytes, msgpack.packb(answer(msgpack.unpackb(request))))

    def make(self, suite: str, item: Any, seed: int) -> Case:
        """The case of a suite, as `dump` writes it."""
        from torch_parity.dump import make_case

        with tensor_float_32(self.tf32):
            return make_case(suite, item, seed, self.device)


#: Asks an actor for something. → Ray's reference to it
Ask = Callable[[Any], Any]


@dataclass(order=True)
class Job:
    """The oldest is asked for first, also when it is asked again."""

    number: float
    ask: Ask | None = field(compare=False)
    future: Future[Any] = field(compare=False, default_factory=Future)
    deaths: int = field(compare=False, default=0)


@dataclass(frozen=True)
class Wanted:
    """What is asked of a cluster. Times are in seconds; timeout: for one case, None for any."""

    address: str
    actors: int = 1
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    tf32: bool = False
    num_threads: int = 1
    timeout: float | None = None
    start_timeout: float = 100

    @property
    def num_gpus(self) -> int:
        return 0 if self.device == "cpu" else 1


class Pool:
    """Actors that are there; see `open_pool`."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._producer: Producer | None = None
        self._jobs: queue.PriorityQueue[Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._reason: UsageError | None = None
        self._left = wanted.actors
        remote = ray.remote(
            num_cpus=1, num_gpus=wanted.num_gpus, max_restarts=-1, max_task_retries=0
        )(Recorder)
        self._greeted: queue.Queue[UsageError | None] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._attend, args=(remote.remote(),), daemon=True)
            for _ in range(wanted.actors)
        ]

    def start(self) -> None:
        """Waits until every actor is there.

        Raises:
            UsageError: One is not, or is another than the rest.
        """
        for thread in self._threads:
            thread.start()
        reasons = [self._greeted.get() for _ in self._threads]
        late = sum(isinstance(reason, LateError) for reason in reasons)
        for reason in reasons:
            if reason is not None and not isinstance(reason, LateError):
                raise reason
        if late > 0:
            raise UsageError(no_room(self.wanted, len(reasons) - late))

    @property
    def producer(self) -> Producer:
        """What all of them say of themselves."""
        if self._producer is None:
            raise RuntimeError("expected a pool that was started")
        return self._producer

    def ask(self, ask: Ask) -> Future[Any]:
        """Asks any actor. The future raises LostError, what the actor raised, or a UsageError
        where no actor is left.
        """
        job = Job(next(self._numbers), ask)
        with self._lock:
            if self._reason is None:
                self._jobs.put(job)
                return job.future
        job.future.set_exception(self._reason)
        return job.future

    def in_order(self, asks: Iterable[Ask]) -> Iterator[Any]:
        """What is asked for, a few ahead of the one that is waited for."""
        pending: deque[Future[Any]] = deque()
        for ask in asks:
            pending.append(self.ask(ask))
            if len(pending) > AHEAD * self.wanted.actors:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def close(self) -> None:
        """Lets every actor finish what it has begun, for a moment."""
        for _ in self._threads:
            self._jobs.put(Job(math.inf, None))
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=0.2)

    def _attend(self, actor: Any) -> None:
        """Gives an actor one job after the other for as long as there is such an actor."""
        try:
            self._greet(actor)
        except UsageError as reason:
            self._greeted.put(reason)
            return
        self._greeted.put(None)
        try:
            while (job := self._jobs.get()).ask is not None:
                if not self._do(job, job.ask, actor):
                    self._greet(actor)
        except UsageError as reason:
            self._give_up(reason)

    def _do(self, job: Job, ask: Ask, actor: Any) -> bool:
        """Whether the actor is still there afterwards."""
        try:
            job.future.set_result(ray.get(ask(actor), timeout=self.wanted.timeout))
            return True
        except RayTaskError as error:
            job.future.set_exception(error)
            return True
        except GetTimeoutError:
            ray.kill(actor, no_restart=False)
            job.future.set_exception(LostError(f"none within {self.wanted.timeout:g} s"))
        except RayError as error:
            job.deaths += 1
            if job.deaths < MOST_DEATHS:
                self._jobs.put(job)
            else:
                why = f"{job.deaths} actors that died over it ({in_short(error)})"
                job.future.set_exception(LostError(why))
        return False

    def _greet(self, actor: Any) -> None:
        """Waits for an actor that starts, for the first time or again.

        Raises:
            UsageError: There is none, or it does not record as the others do.
        """
        wanted = self.wanted
        greet = actor.greet.options(max_task_retries=-1)
        try:
            greeting = greet.remote(wanted.device, wanted.tf32, wanted.num_threads)
            own = ray.get(greeting, timeout=wanted.start_timeout)
        except GetTimeoutError:
            ray.kill(actor)
            raise LateError(no_room(wanted, 0)) from None
        except RayTaskError as error:
            raise UsageError(str(error.cause)) from None
        except RayError as error:
            raise UsageError(
                f"--ray {wanted.address}: expected actors that record, got {in_short(error)}"
            ) from None
        with self._lock:
            self._producer = self._producer or own
        if own != self.producer:
            ray.kill(actor)
            raise UsageError(unlike(wanted, self.producer, own))

    def _give_up(self, reason: UsageError) -> None:
        """Does without an actor; without the last one, nothing is answered any more."""
        with self._lock:
            self._left -= 1
            if self._left > 0:
                return
            self._reason = reason
        while not self._jobs.empty():
            self._jobs.get().future.set_exception(reason)


class LateError(UsageError):
    """An actor that has not started in time."""


def no_room(wanted: Wanted, found: int) -> str:
    actors = "1 actor" if wanted.actors == 1 else f"{wanted.actors} actors"
    each = "1 CPU" if wanted.num_gpus == 0 else f"1 CPU and {wanted.num_gpus} GPU"
    total = ray.cluster_resources()
    has = f"CPU {total.get('CPU', 0):g}, GPU {total.get('GPU', 0):g}"
    return (
        f"--ray {wanted.address}: expected room for {actors} of {each}, "
        f"got {found} that started within {wanted.start_timeout:g} s, in a cluster with {has}\n"
        "ask for fewer, or wait until others have ended"
    )


def unlike(wanted: Wanted, one: Producer, other: Producer) -> str:
    """Where two actors differ: what a file says of its producer is to hold of each case."""
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    said = [", ".join(f"{name} {own.get(name)}" for name in names) for own in (one, other)]
    return (
        f"--ray {wanted.address}: expected actors that record alike, got {said[0]} and {said[1]}\n"
        "--runtime-env can make them so, such as "
        '\'{"pip": ["torch==2.13.0"], "env_vars": {"ATEN_CPU_CAPABILITY": "avx2"}}\''
    )


def in_short(error: BaseException) -> str:
    """The last line of what Ray says, which names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else 'no reason'}"[:300]


@contextmanager
def open_pool(wanted: Wanted) -> Iterator[Pool]:
    """Connects to a cluster, or starts one that ends with this, and starts actors.

    Raises:
        UsageError: There is no such cluster, no room in it, or an actor records as no other does.
    """
    if wanted.actors < 1:
        raise UsageError(f"--actors: expected a whole number of at least 1, got {wanted.actors}")
    with connected(wanted.address, wanted.actors, wanted.runtime_env):
        pool = Pool(wanted)
        try:
            pool.start()
            yield pool
        finally:
            pool.close()

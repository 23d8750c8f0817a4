"""The fixture format, versions 1 to 3, as fixtures/README.md specifies it."""

import contextlib
import glob
import hashlib
import itertools
import os
import platform
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import msgpack
import numpy as np
import numpy.typing as npt
import torch

from torch_parity.device import CPU, describe
from torch_parity.ids import check_id
from torch_parity.shared import Shared, Sharing
from torch_parity.stored import Storing, loaded
from torch_parity.threads import chosen_threads
from torch_parity.values import Generated, regenerate

#: What captured models stand under.
CAPTURED = "ExportedProgram"

DTYPES = ("float16", "bfloat16", "float32", "float64", "int64")


class EncodedTensor(TypedDict):
    """Holds its numbers, or, in a file of version 2, says how they are made."""

    dtype: str
    shape: list[int]
    data: NotRequired[bytes]
    generated: NotRequired[Generated]


class Case(TypedDict):
    """A module, what went in, what PyTorch gave, and the error that is allowed."""

    id: str
    module: str
    config: dict[str, Any]
    dtype: str
    params: dict[str, EncodedTensor]
    inputs: dict[str, EncodedTensor]
    expected: dict[str, EncodedTensor]
    budget: NotRequired[dict[str, EncodedTensor]]
    states: NotRequired[dict[str, EncodedTensor]]
    cotangents: NotRequired[dict[str, EncodedTensor]]
    training: NotRequired[dict[str, Any]]
    source: NotRequired[str]
    alone: NotRequired[dict[str, EncodedTensor]]
    samples: NotRequired[dict[str, Any]]


class Producer(TypedDict):
    torch: str
    numpy: str
    python: str
    platform: str
    cpu_capability: str
    num_threads: int
    device: NotRequired[str]
    cudnn: NotRequired[str]
    tf32: NotRequired[bool]


class Header(TypedDict):
    format: str
    version: int
    name: str
    seed: int
    producer: Producer


def encode_tensor(array: npt.NDArray[Any] | torch.Tensor) -> EncodedTensor:
    """Encodes an array of any shape; NaN and infinities are kept bit for bit.

    Raises:
        ValueError: The dtype is none that a fixture holds.
    """
    dtype = str(array.dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        raise ValueError(f"expected dtype {', '.join(DTYPES)}, got {dtype}")
    if isinstance(array, torch.Tensor):
        # numpy has no bfloat16.
        same_size = torch.int16 if array.dtype == torch.bfloat16 else array.dtype
        array = array.contiguous().view(same_size).numpy()
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"dtype": dtype, "shape": list(array.shape), "data": little.tobytes()}


def decode_tensor(tensor: EncodedTensor) -> npt.NDArray[Any]:
    """Decodes to an array of the tensor's shape that cannot be written to; bfloat16 as float32."""
    if "generated" in tensor:
        return decode_tensor(encode_tensor(generated_tensor(tensor)))
    if tensor["dtype"] == "bfloat16":
        bits = np.frombuffer(tensor["data"], dtype="<u2").astype("<u4") << np.uint32(16)
        return bits.view("<f4").reshape(tensor["shape"])
    dtype = np.dtype(tensor["dtype"]).newbyteorder("<")
    return np.frombuffer(tensor["data"], dtype=dtype).reshape(tensor["shape"])


def generated_tensor(tensor: EncodedTensor) -> torch.Tensor:
    """The numbers that a tensor names, rounded to its dtype as torch rounds."""
    numbers = torch.from_numpy(regenerate(tensor["generated"], tensor["shape"]))
    return numbers.to(getattr(torch, tensor["dtype"]))


def has_generated(case: Case) -> bool:
    """Whether a case names numbers instead of holding them."""
    groups = (case["params"], case["inputs"], case.get("cotangents", {}))
    return any("generated" in tensor for tensors in groups for tensor in tensors.values())


def producer(device: torch.device = CPU) -> Producer:
    """What records here, as a fixture's header says it."""
    return {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "num_threads": chosen_threads(),
        **describe(device),
    }


def write_fixture(
    path: str | os.PathLike[str],
    cases: Iterable[Case],
    *,
    name: str | None = None,
    seed: int = 0,
    device: torch.device = CPU,
    version: int | None = None,
    weights: str | os.PathLike[str] | None = None,
    recorder: Producer | None = None,
) -> int:
    """Writes a fixture aside, case by case, and renames it when it is whole.

    name: the suite; the file's own name when absent. device: where the cases were computed.
    version: 2 where a case may have tensors that are generated, 3 where cases are captured models;
    when absent 3 where the first one is, else 1. weights: a .safetensors file in the folder of this
    one, or below: what captured models have of it is named, and not copied. recorder: who made the
    cases, where it was not this process.
    Returns how many cases it holds.

    Raises:
        ValueError: Two cases have the same id, one has an id that `verify` refuses, or what a file
            of this version does not hold; or weights are elsewhere.
        OSError: The file cannot be written; what was there before stays.
    """
    path = Path(path)
    cases = iter(cases)
    first = next(cases, None)
    if version is None:
        version = 3 if first is not None and first["module"] == CAPTURED else 1
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    header: Header = {
        "format": "torch-parity",
        "version": version,
        "name": path.stem if name is None else name,
        "seed": seed,
        "producer": producer(device) if recorder is None else recorder,
    }
    sha256 = hashlib.sha256()
    ids: set[str] = set()
    sharing = Sharing()
    storing = None if weights is None else Storing(path, weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_aside(path)
    try:
        with aside.open("wb") as file:

            def write(record: object) -> None:
                message = cast(bytes, msgpack.packb(record))
                sha256.update(message)
                file.write(message)

            write(header)
            for case in () if first is None else itertools.chain([first], cases):
                check_id(case["id"])
                if case["id"] in ids:
                    raise ValueError(f"{path}: expected ids of their own, got {case['id']} twice")
                needed = 3 if case["module"] == CAPTURED else 2 if has_generated(case) else 1
                if version < needed:
                    raise ValueError(
                        f"{path}: {case['id']}: expected version {needed}, got version {version}"
                    )
                ids.add(case["id"])
                if case["module"] != CAPTURED:
                    write(case)
                    continue
                for record in sharing.parted(case):
                    stays = storing is not None and "weights" in record
                    write(storing.named(record) if storing is not None and stays else record)
            write({"cases": len(ids), "sha256": sha256.digest()})
        os.replace(aside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()
    return len(ids)


#: So long nobody writes nothing: another machine may share the folder.
STALE_SECONDS = 600


def clear_aside(path: Path) -> None:
    """Takes away what killed runs have left beside a file and no process is writing any more."""
    for aside in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        pid = aside.name.removeprefix(f".{path.name}.").removesuffix(".partial")
        if not pid.isdecimal() or is_alive(int(pid)):
            continue
        with contextlib.suppress(OSError):
            if time.time() - aside.stat().st_mtime > STALE_SECONDS:
                aside.unlink()


def is_alive(pid: int) -> bool:
    if os.name == "nt":
        # There, os.kill ends what it is asked about.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def read_fixture(path: str | os.PathLike[str]) -> tuple[Header, Iterator[Case]]:
    """Reads a file that is trusted, case by case: its hash is not checked here.

    Raises:
        ValueError: The file is of another format or version.
    """
    file = Path(path).open("rb")  # noqa: SIM115 - the iterator closes it
    unpacker = msgpack.Unpacker(file, max_buffer_size=2**28)
    header = next(unpacker)
    if header.get("format") != "torch-parity" or header.get("version") not in (1, 2, 3):
        file.close()
        raise ValueError(
            f"{path}: expected a torch-parity fixture of version 1 to 3, got another file"
        )

    def cases() -> Iterator[Case]:
        shared = Shared()
        with file:
            for record in unpacker:
                if "sha256" in record:
                    return
                is_weights = "weights" in record
                whole = shared.whole(loaded(Path(path).parent, record) if is_weights else record)
                if whole is not None:
                    yield cast(Case, whole)

    return header, cases()

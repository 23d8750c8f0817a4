"""Weights that stay in the user's .safetensors file: a fixture names them, and their SHA-256."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

#: The dtypes of a fixture's weights, as safetensors calls them.
DTYPES = {"F32": "float32", "F64": "float64"}


class Entry(NamedTuple):
    """Where the bytes of a tensor are, after the header."""

    dtype: str | None
    shape: list[int]
    begin: int
    end: int


class Stored:
    """A .safetensors file, of which tensors are read one at a time.

    Source: https://github.com/huggingface/safetensors#format.

    Raises:
        ValueError: It is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(min(length, path.stat().st_size))
        try:
            header = json.loads(text)
            entries = {key: own for key, own in header.items() if key != "__metadata__"}
            self._entries: dict[str, Entry] = {
                key: Entry(DTYPES.get(own["dtype"]), list(own["shape"]), *own["data_offsets"])
                for key, own in entries.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: expected a safetensors file, got another file") from error
        self._start = 8 + length
        self._digests: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """The bytes of a tensor; nothing where there is none of that name."""
        if name not in self._entries:
            return None
        _, _, begin, end = self._entries[name]
        with self._path.open("rb") as file:
            file.seek(self._start + begin)
            return file.read(end - begin)

    def find(self, name: str, tensor: Mapping[str, Any]) -> str | None:
        """What a tensor of a fixture is called here: by its name, or by its numbers."""
        wanted = (tensor["dtype"], list(tensor["shape"]))
        alike = [key for key, own in self._entries.items() if (own.dtype, own.shape) == wanted]
        digest = hashlib.sha256(tensor["data"]).digest()
        for key in sorted(alike, key=lambda key: key != name):
            if self._digest(key) == digest:
                return key
        return None

    def _digest(self, name: str) -> bytes:
        if name not in self._digests:
            self._digests[name] = hashlib.sha256(self.read(name) or b"").digest()
        return self._digests[name]


class Storing:
    """Names the weights of a fixture that stand in a file of its folder.

    Raises:
        ValueError: The file is not in the folder of the fixture, or no safetensors file.
    """

    def __init__(self, fixture: Path, weights: str | os.PathLike[str]) -> None:
        folder, own = fixture.parent.resolve(), Path(weights).resolve()
        if not own.is_relative_to(folder):
            raise ValueError(f"{fixture}: weights: expected a file in {folder}, got {weights}")
        self._name = own.relative_to(folder).as_posix()
        self._fixture = fixture
        self._stored = Stored(own)

    def named(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record of weights, with names in the place of numbers that the file has.

        Raises:
            ValueError: It has none of them.
        """
        params = {key: self._of(key, own) for key, own in record["params"].items()}
        if params and not any("stored" in own for own in params.values()):
            raise ValueError(
                f"{self._fixture}: weights: expected some of the weights that were captured in "
                f"{self._name}, got none"
            )
        return {**record, "params": params}

    def _of(self, name: str, tensor: Mapping[str, Any]) -> dict[str, Any]:
        found = self._stored.find(name, tensor)
        if found is None:
            return dict(tensor)
        digest = hashlib.sha256(tensor["data"]).digest()
        stored = {"file": self._name, "name": found, "sha256": digest}
        return {"dtype": tensor["dtype"], "shape": tensor["shape"], "stored": stored}


def loaded(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of weights with its numbers, wherever they are.

    Raises:
        ValueError: The file is missing, outside of the folder, or has other numbers.
    """
    files: dict[str, Stored] = {}

    def whole(key: str, tensor: Mapping[str, Any]) -> dict[str, Any]:
        if "stored" not in tensor:
            return dict(tensor)
        stored = tensor["stored"]
        name, path = stored["file"], (folder / stored["file"]).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ValueError(f"{folder}: expected a file in this folder, got {name}")
        if name not in files:
            if not path.is_file():
                raise ValueError(
                    f"{path}: expected the weights that a fixture beside it names, got none"
                )
            files[name] = Stored(path)
        data = files[name].read(stored["name"])
        if data is None or hashlib.sha256(data).digest() != stored["sha256"]:
            raise ValueError(
                f"{path}: {stored['name']}: expected the numbers that were captured, got "
                f"{'others' if data is not None else 'none'}\n"
                "put the file back that the model was captured with, or capture it again"
            )
        return {"dtype": tensor["dtype"], "shape": tensor["shape"], "data": data}

    return {**record, "params": {key: whole(key, own) for key, own in record["params"].items()}}

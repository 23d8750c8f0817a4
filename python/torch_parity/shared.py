"""What cases of captured models have in common stands once in a file: programs and weights."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgpack

#: Of a program.
PARTS = ("nodes", "taps", "params", "inputs", "gradients")


def digest_of(value: object) -> str:
    """The name of a program or of weights: two have the same where they are the same."""
    return hashlib.sha256(msgpack.packb(value)).hexdigest()[:32]


class Sharing:
    """Takes cases apart, and gives what they share before the first that needs it."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def parted(self, case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The records to write for a case, itself the last."""
        config, params = case["config"], case["params"]
        program = {key: config[key] for key in PARTS if key in config}
        names = {"program": digest_of(program), "weights": digest_of(params)}
        for kind, record in (("program", program), ("weights", {"params": params})):
            if names[kind] not in self._known:
                self._known.add(names[kind])
                yield {kind: names[kind], **record}
        rest = {key: own for key, own in case.items() if key != "params"}
        yield {**rest, "config": {"name": config["name"], **names}}


class Shared:
    """Puts cases together again, from records in the order of a file."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def whole(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """A case; nothing where the record is what cases share."""
        for kind in ("program", "weights"):
            if kind in record:
                self._known[kind, record[kind]] = record
                return None
        if record["module"] != "ExportedProgram":
            return record
        config = record["config"]
        program = self._known["program", config["program"]]
        own = {"name": config["name"], **{key: program[key] for key in PARTS if key in program}}
        params = self._known["weights", config["weights"]]["params"]
        return {**record, "config": own, "params": params}

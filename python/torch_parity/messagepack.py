"""As much of MessagePack as an engine has to know, which so needs numpy alone.

Source: the MessagePack specification, "Formats".
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

#: Numbers by their first byte.
NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}

#: In how many bytes the length of something follows, by its first byte.
BINS = {0xC4: 1, 0xC5: 2, 0xC6: 4}
STRINGS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
LISTS = {0xDC: 2, 0xDD: 4}
MAPS = {0xDE: 2, 0xDF: 4}


def unpack(body: bytes) -> Any:
    """Decodes one message.

    Raises:
        ValueError: It is torn, goes on after its end, or has something of a type that is not used.
    """
    value, end = value_at(body, 0)
    if end != len(body):
        raise ValueError(f"expected a message of {len(body)} bytes, got one of {end}")
    return value


def value_at(body: bytes, at: int) -> tuple[Any, int]:
    """The value that begins somewhere, and where it ends."""
    kind = part(body, at, 1)[0]
    at += 1
    if kind <= 0x7F:
        return kind, at
    if kind >= 0xE0:
        return kind - 256, at
    if kind <= 0x8F:
        return map_at(body, at, kind & 0x0F)
    if kind <= 0x9F:
        return list_at(body, at, kind & 0x0F)
    if kind <= 0xBF:
        length = kind & 0x1F
        return part(body, at, length).decode(), at + length
    if kind in CONSTANTS:
        return CONSTANTS[kind], at
    if kind in NUMBERS:
        size = struct.calcsize(NUMBERS[kind])
        return struct.unpack(NUMBERS[kind], part(body, at, size))[0], at + size
    for kinds, read in ((BINS, bin_at), (STRINGS, string_at), (LISTS, list_at), (MAPS, map_at)):
        if kind in kinds:
            size = kinds[kind]
            return read(body, at + size, int.from_bytes(part(body, at, size), "big"))
    raise ValueError(f"expected nil, numbers, strings, bin, lists and maps, got byte {kind:#x}")


def part(body: bytes, at: int, length: int) -> bytes:
    if at + length > len(body):
        raise ValueError(f"expected {length} bytes at {at}, got {len(body) - at}")
    return body[at : at + length]


def bin_at(body: bytes, at: int, length: int) -> tuple[Any, int]:
    return part(body, at, length), at + length


def string_at(body: bytes, at: int, length: int) -> tuple[Any, int]:
    return part(body, at, length).decode(), at + length


def list_at(body: bytes, at: int, length: int) -> tuple[Any, int]:
    values = []
    for _ in range(length):
        value, at = value_at(body, at)
        values.append(value)
    return values, at


def map_at(body: bytes, at: int, length: int) -> tuple[Any, int]:
    values = {}
    for _ in range(length):
        key, at = value_at(body, at)
        values[key], at = value_at(body, at)
    return values, at


def pack(value: object) -> bytes:
    """Encodes one message.

    Raises:
        TypeError: Something in it is no value of a message.
    """
    parts: list[bytes] = []
    add(value, parts)
    return b"".join(parts)


def add(value: object, parts: list[bytes]) -> None:
    if value is None:
        parts.append(b"\xc0")
    elif isinstance(value, bool):
        parts.append(b"\xc3" if value else b"\xc2")
    elif isinstance(value, int):
        parts.append(struct.pack(">Bq", 0xD3, value))
    elif isinstance(value, float):
        parts.append(struct.pack(">Bd", 0xCB, value))
    elif isinstance(value, str):
        text = value.encode("utf-8", "replace")
        parts += struct.pack(">BI", 0xDB, len(text)), text
    elif isinstance(value, bytes):
        parts += struct.pack(">BI", 0xC6, len(value)), value
    elif isinstance(value, Mapping):
        parts.append(struct.pack(">BI", 0xDF, len(value)))
        for key, own in value.items():
            add(key, parts)
            add(own, parts)
    elif isinstance(value, Sequence):
        parts.append(struct.pack(">BI", 0xDD, len(value)))
        for own in value:
            add(own, parts)
    else:
        raise TypeError(f"expected a value of a message, got {type(value).__name__}")

"""The ids that a fixture may have."""

import re

#: What readers of fixtures refuse: more would be cut off, or make text look other than it is.
LONGEST_ID = 200
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def check_id(id: object) -> None:
    """Refuses the ids that `verify` refuses.

    Raises:
        TypeError: It is no string.
        ValueError: It is empty, too long, or has characters that text cannot show.
    """
    if not isinstance(id, str):
        raise TypeError(f"id: expected a string, got {type(id).__name__}")
    # Readers count as JavaScript does.
    units = len(id.encode("utf-16-le", "surrogatepass")) // 2
    if not 1 <= units <= LONGEST_ID:
        raise ValueError(f"id: expected 1 to {LONGEST_ID} characters, got {units}")
    for character in id:
        if CONTROLS.match(character) or 0xD800 <= ord(character) < 0xE000:
            raise ValueError(
                f"id: expected no control character, got U+{ord(character):04X} in {id!a}"
            )

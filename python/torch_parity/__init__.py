"""Records torch modules as fixtures that carry their own error budget."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch_parity.capture.case import capture
    from torch_parity.fixture import Case, read_fixture, write_fixture
    from torch_parity.record import record
    from torch_parity.record_model import record_model

__all__ = ["Case", "capture", "read_fixture", "record", "record_model", "write_fixture"]

#: The module of each name that the package gives.
HOMES = {
    "Case": "fixture",
    "capture": "capture.case",
    "read_fixture": "fixture",
    "record": "record",
    "record_model": "record_model",
    "write_fixture": "fixture",
}


class Package(ModuleType):
    """Loads what is asked for when it is asked for: `torch_parity.engine` needs no torch."""

    def __getattr__(self, name: str) -> object:
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)

    def __setattr__(self, name: str, value: object) -> None:
        # Loading a module gives the package its name, and `record` is the function all the same.
        if name not in HOMES:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = Package

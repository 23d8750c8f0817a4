"""Records torch modules as fixtures that carry their own error budget."""

from torch_parity.fixture import Case, read_fixture, write_fixture
from torch_parity.record import record

__all__ = ["Case", "read_fixture", "record", "write_fixture"]

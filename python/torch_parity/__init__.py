"""Records torch modules as fixtures that carry their own error budget."""

from torch_parity.fixture import Case, read_fixture, write_fixture
from torch_parity.record import record
from torch_parity.record_model import record_model

__all__ = ["Case", "read_fixture", "record", "record_model", "write_fixture"]

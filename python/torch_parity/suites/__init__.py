"""The suites that are recorded, one file for each trait, as data."""

from torch_parity.cases import CaseSpec
from torch_parity.suites.cells import cell_suites
from torch_parity.suites.edges import edge_suites
from torch_parity.suites.gradients import gradient_suites
from torch_parity.suites.layers import layer_suites
from torch_parity.suites.meetings import meeting_suites
from torch_parity.suites.padding import padding_suites

#: The folder of each module's fixtures.
FOLDERS = {
    "RNNCell": "rnn_cell",
    "RNN": "rnn",
    "LSTMCell": "lstm_cell",
    "LSTM": "lstm",
    "GRUCell": "gru_cell",
    "GRU": "gru",
}


def default_suites() -> dict[str, list[CaseSpec]]:
    """Every suite of cases that is committed, by name."""
    suites: dict[str, list[CaseSpec]] = {}
    for module, folder in FOLDERS.items():
        own = gradient_suites(module)
        if module.endswith("Cell"):
            own = {**cell_suites(module), **own}
        else:
            own = {**layer_suites(module), **own, **padding_suites(module)}
        own |= {**edge_suites(module), **meeting_suites(module)}
        for name, specs in own.items():
            suites[f"{folder}/{name}"] = specs
    return suites

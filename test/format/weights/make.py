"""Makes the files of weights that the tests read, with the frameworks themselves.

pip install torch==2.13.0 safetensors keras==3.15.1 h5py onnx==1.23.2 scipy
KERAS_BACKEND=torch python make.py
"""

from __future__ import annotations

from pathlib import Path

import keras
import onnx
import torch
from safetensors.torch import save_file

here = Path(__file__).parent


def in_order(rows: torch.Tensor) -> torch.Tensor:
    """Rows of gates r z n as z r n, which Keras and ONNX have."""
    r, z, n = rows.chunk(3)
    return torch.cat([z, r, n])


torch.manual_seed(0)
gru = torch.nn.GRU(4, 3)
state = gru.state_dict()
save_file(state, here / "gru.safetensors")

inputs = keras.Input((None, 4))
layer = keras.layers.GRU(3, name="gru")
model = keras.Model(inputs, layer(inputs))
layer.set_weights(
    [
        in_order(state["weight_ih_l0"]).T.numpy(),
        in_order(state["weight_hh_l0"]).T.numpy(),
        torch.stack([in_order(state["bias_ih_l0"]), in_order(state["bias_hh_l0"])]).numpy(),
    ]
)
model.save_weights(here / "gru.weights.h5")

both = torch.nn.GRU(4, 3, bidirectional=True)
save_file(both.state_dict(), here / "both.safetensors")
torch.onnx.export(both, (torch.zeros(2, 1, 4),), here / "both.onnx", dynamo=False)
exported = onnx.load(here / "both.onnx")
onnx.save_model(
    exported,
    here / "beside.onnx",
    save_as_external_data=True,
    location="beside.bin",
    size_threshold=0,
)

lstm = torch.nn.LSTM(4, 3)
save_file(lstm.state_dict(), here / "lstm.safetensors")

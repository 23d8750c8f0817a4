"""onnxruntime in Python: ONNX models of one layer each, RNN, LSTM, and GRU with
linear_before_reset, on one thread of the CPU.

Gates are i o f c and z r h, biases torch's two, one after the other. Source:
onnx/docs/Operators.md.
"""

import json
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from torch_parity.adapters.recurrent import (
    Arrays,
    Layer,
    Module,
    compute,
    module_of,
    refusal,
    zero_past,
)
from torch_parity.engine import Request, Tensors, serve

#: Which of torch's blocks of rows stands at each place of ONNX's.
BLOCKS = {"RNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}
#: Sessions by what their models are made of; weights go in as inputs do.
SESSIONS: dict[str, Any] = {}


def supports(request: Request) -> bool | str:
    reason = refusal(request, ("float32",))
    if reason is not None or request.module.startswith("RNN"):
        return reason or True
    is_alone = request.inputs["input"].ndim == (1 if request.module.endswith("Cell") else 2)
    first = 1 if "batch_first" in request.config and not request.config["batch_first"] else 0
    if not is_alone and request.inputs["input"].shape[first] == 0:
        return "aborts in GRU and LSTM where the batch is 0"
    if request.module.startswith("GRU") and request.config["input_size"] == 0:
        return "aborts in GRU where input_size is 0"
    return True


def session_of(module: Module, inputs: Arrays) -> Any:
    """A session of a model that has one operator. inputs: by ONNX's names."""
    relu = "Relu" if module.config.get("nonlinearity") == "relu" else "Tanh"
    hidden_size = module.config["hidden_size"]
    key = json.dumps([module.kind, hidden_size, module.directions, relu, sorted(inputs)])
    if key in SESSIONS:
        return SESSIONS[key]
    names = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c")
    used = [name if name in inputs else "" for name in names]
    outputs = ["Y", "Y_h", "Y_c"][: 3 if module.kind == "LSTM" else 2]
    options: dict[str, Any] = {"GRU": {"linear_before_reset": 1}}.get(module.kind, {})
    if module.kind == "RNN":
        options = {"activations": [relu] * module.directions}
    node = helper.make_node(
        module.kind,
        used if module.kind == "LSTM" else used[:-1],
        outputs,
        hidden_size=hidden_size,
        direction="bidirectional" if module.directions == 2 else "forward",
        **options,
    )
    given = [
        helper.make_tensor_value_info(
            name,
            TensorProto.INT32 if name == "sequence_lens" else TensorProto.FLOAT,
            [None] * array.ndim,
        )
        for name, array in inputs.items()
    ]
    found = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "torch-parity", given, found)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    SESSIONS[key] = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    return SESSIONS[key]


def run_layer(module: Module, layer: Layer) -> tuple[Any, list[Any]]:
    def stacked(*names: str) -> Any:
        """Torch's parameters of each direction, their blocks of rows in ONNX's order."""
        order = BLOCKS[module.kind]
        return np.stack(
            [
                np.concatenate(
                    [np.split(params[name], len(order))[block] for name in names for block in order]
                )
                for params in layer.params
            ]
        )

    inputs = {
        "X": np.ascontiguousarray(np.swapaxes(layer.input, 0, 1)),
        "W": stacked("weight_ih"),
        "R": stacked("weight_hh"),
    }
    if "bias_ih" in layer.params[0]:
        inputs["B"] = stacked("bias_ih", "bias_hh")
    if layer.lengths is not None:
        inputs["sequence_lens"] = layer.lengths.astype(np.int32)
    inputs.update(zip(("initial_h", "initial_c"), layer.states, strict=False))
    output, *states = session_of(module, inputs).run(None, inputs)
    # (seq_len, D, batch, hidden_size) → (batch, seq_len, D * hidden_size)
    seq_len, width, batch, hidden_size = output.shape
    output = np.transpose(output, (2, 0, 1, 3)).reshape(batch, seq_len, width * hidden_size)
    return zero_past(np, output, layer.lengths), states


def run(request: Request) -> Tensors:
    module = module_of(request)
    with np.errstate(all="ignore"):
        return compute(
            np, module, request.params, request.inputs, lambda layer: run_layer(module, layer)
        )


if __name__ == "__main__":
    # A model is checked here, and warnings are no answers.
    onnxruntime.set_default_logger_severity(3)
    serve(run, supports, name=f"onnxruntime {onnxruntime.__version__} in Python (cpu)")

"""Answers the requests that `torch-parity ask` has written, with torch: a pattern for any port.

    torch-parity ask fixtures --out requests
    python answer_with_torch.py requests answers
    torch-parity verify fixtures --answers answers

Whatever computes instead of `answer` is judged in its place. With `--format fixture` the requests
are messages, and so are the answers.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgpack
import torch
from safetensors.torch import load_file, save_file

from torch_parity.fixture import EncodedTensor, decode_tensor, encode_tensor
from torch_parity.models import MODELS, build_model
from torch_parity.modules import Tensors, build, call, call_with_gradients
from torch_parity.record_model import run_model
from torch_parity.training import train


def answer(
    request: dict[str, Any], params: Tensors, inputs: Tensors, cotangents: Tensors
) -> Tensors:
    """What torch gives for one request, by torch's names."""
    name, config = request["module"], request["config"]
    if name in MODELS:
        given = {**inputs, **({"cotangent": cotangents["loss"]} if cotangents else {})}
        outputs = run_model(build_model(name, config, params), given)
        dtype = getattr(torch, request["dtype"])
        return {key: tensor.to(dtype) for key, tensor in outputs.items()}
    module = build(name, config, params)
    if "training" in request:
        rest = {key: tensor for key, tensor in inputs.items() if key != "target"}
        return train(module, rest, inputs["target"], request["training"])
    if cotangents:
        return call_with_gradients(module, inputs, cotangents)
    with torch.no_grad():
        return call(module, inputs)


def answer_files(requests: Path, answers: Path) -> int:
    """A file of tensors for each case, as index.json lists them."""
    cases = json.loads((requests / "index.json").read_text())["cases"]
    for case in cases:
        tensors = load_file(requests / case["file"])
        params, inputs, cotangents = (
            {key.removeprefix(group): own for key, own in tensors.items() if key.startswith(group)}
            for group in ("params.", "inputs.", "cotangents.")
        )
        outputs = answer(case, params, inputs, cotangents)
        path = answers / case["answer"]
        path.parent.mkdir(parents=True, exist_ok=True)
        wanted = [output["name"] for output in case["outputs"]]
        save_file({name: outputs[name].contiguous().clone() for name in wanted}, path)
    return len(cases)


def answer_messages(requests: Path, answers: Path) -> int:
    """A file of messages { id, outputs } for each file of requests."""
    count = 0
    for source in sorted(requests.rglob("*.msgpack")):
        path = answers / source.relative_to(requests)
        path.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as read, path.open("wb") as write:
            for request in msgpack.Unpacker(read, max_buffer_size=2**28):
                if "id" not in request:  # the header, or the end
                    continue
                params, inputs, cotangents = (
                    {name: decoded(tensor) for name, tensor in request.get(group, {}).items()}
                    for group in ("params", "inputs", "cotangents")
                )
                outputs = answer(request, params, inputs, cotangents)
                encoded = {name: encode_tensor(tensor) for name, tensor in outputs.items()}
                write.write(msgpack.packb({"id": request["id"], "outputs": encoded}))
                count += 1
    return count


def decoded(tensor: EncodedTensor) -> torch.Tensor:
    return torch.tensor(decode_tensor(tensor)).to(getattr(torch, tensor["dtype"]))


def main() -> int:
    """Answers all requests of a folder and prints how many there were."""
    requests, answers = (Path(argument) for argument in sys.argv[1:])
    torch.set_num_threads(1)
    is_listed = (requests / "index.json").exists()
    count = (answer_files if is_listed else answer_messages)(requests, answers)
    print(f"{count} answers in {answers}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

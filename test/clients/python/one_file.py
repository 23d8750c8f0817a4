"""RNNCell in numpy, one request a run: --engine-command 'python one_file.py {in.npz} {out.npz}'."""

import json
import sys

import numpy as np

given = np.load(sys.argv[1])
request = json.loads(given["request"].item())
if request["module"] != "RNNCell" or "cotangents.h_1" in given or "training" in request:
    print("RNNCell alone, and no gradients", file=sys.stderr)
    sys.exit(3)

config, x = request["config"], given["inputs.input"]
zeros = np.zeros((*x.shape[:-1], config["hidden_size"]), x.dtype)
h_0 = given.get("inputs.h_0", zeros)
sums = x @ given["params.weight_ih"].T + h_0 @ given["params.weight_hh"].T
if config["bias"]:
    sums += given["params.bias_ih"] + given["params.bias_hh"]
h_1 = np.tanh(sums) if config["nonlinearity"] == "tanh" else np.maximum(sums, 0)
np.savez(sys.argv[2], h_1=h_1)

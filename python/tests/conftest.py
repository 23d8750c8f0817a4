"""One thread, as the command records with: on a busy machine two wait for each other.

MKL adds up in another order on each kind of CPU, and on some by the number of rows: tests that
compare bit by bit, or overflow in between, need one order.
Source: Intel oneMKL, "Conditional Numerical Reproducibility".
"""

import os

# Read when MKL is first used, so before torch is imported.
os.environ.setdefault("MKL_CBWR", "COMPATIBLE")

import torch

torch.set_num_threads(1)

#: Where there is no Ray its tests are left out, and ci/test.sh says so.
collect_ignore = [] if "TORCH_PARITY_RAY" in os.environ else ["test_ray.py"]

"""Frameworks that are asked as engines: `torch-parity verify --engine flax` starts
`python -m torch_parity.adapters.flax`.

Each file is one framework, and computes nothing itself but what recurrent.py says.
"""

# Takes standard output, before a framework that is imported next may print.
from torch_parity import engine

__all__ = ["engine"]

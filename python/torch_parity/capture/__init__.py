"""Captures a model as it is: its exported program, its weights, and every tensor on its way."""

from torch_parity.capture.case import capture

__all__ = ["capture"]

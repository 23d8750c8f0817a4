"""Functions of jax as engines: compiled once for each configuration and the shapes it meets."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from torch_parity.adapters.recurrent import Arrays, Module, module_of
from torch_parity.engine import Request, Tensors

DTYPES = ("float16", "bfloat16", "float32", "float64")

#: So many configurations stay compiled, which takes about a megabyte for each shape.
KEPT = 64

#: (module, params, inputs) → what the module gives, by torch's names.
Forward = Callable[[Module, Arrays, Arrays], dict[str, Any]]


@dataclass(frozen=True)
class Prepared:
    module: Module
    params: dict[str, Any]


class Jaxed:
    """Asks a function that jax can trace: what goes forward, and gradients by jax.vjp."""

    def __init__(self, forward: Forward) -> None:
        self.forward = forward
        self.compiled: dict[str, Callable[..., dict[str, Any]]] = {}

    def prepare(self, request: Request) -> Prepared:
        module = module_of(request)
        return Prepared(module, arrays(request.params, module.dtype))

    def run(self, own: Prepared, inputs: Tensors, cotangents: Tensors | None) -> Tensors:
        module = own.module
        key = json.dumps([module.name, module.config, module.dtype])
        function = self.compiled.pop(key, None) or jax.jit(
            lambda *given: self.answer(module, *given)
        )
        # The last is the one that was used last.
        self.compiled[key] = function
        if len(self.compiled) > KEPT:
            del self.compiled[next(iter(self.compiled))]
        given = None if cotangents is None else arrays(cotangents, module.dtype)
        outputs = function(own.params, arrays(inputs, module.dtype), given)
        # numpy has no bfloat16; the numbers of float16 and bfloat16 stand in float32.
        wide = {"float64": jnp.float64}.get(module.dtype, jnp.float32)
        return {name: jax.device_get(value.astype(wide)).copy() for name, value in outputs.items()}

    def answer(
        self, module: Module, params: Arrays, inputs: Arrays, cotangents: Arrays | None
    ) -> dict[str, Any]:
        if cotangents is None:
            return self.forward(module, params, inputs)
        leaves = {name: inputs[name] for name in ("input", "h_0", "c_0") if name in inputs}
        outputs, pull = jax.vjp(
            lambda leaves, params: self.forward(module, params, {**inputs, **leaves}),
            leaves,
            dict(params),
        )
        by_leaves, by_params = pull(dict(cotangents))
        gradients = {**by_leaves, **by_params}
        return {**outputs, **{f"grad_{name}": value for name, value in gradients.items()}}


def arrays(tensors: Tensors, dtype: str) -> dict[str, Any]:
    """Arrays of jax, of a dtype but for lengths."""
    return {
        name: jnp.asarray(array, None if name == "lengths" else dtype)
        for name, array in tensors.items()
    }

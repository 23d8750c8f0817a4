"""Which tensors of a program are looked at: what modules give, all, or those that are named."""

import operator
from collections.abc import Sequence

import torch
from torch import fx

from torch_parity.capture.exported import Exported, module_of

#: By name, in order of computation; those that the model gives come under their own names.
Taps = dict[str, fx.Node]


def taps_of(exported: Exported, wanted: str | Sequence[str], id: str) -> Taps:
    """wanted: `modules`, `all`, or names of modules or operations.

    Raises:
        ValueError: There is nothing of a name.
    """
    given = {node: name for name, node in exported.outputs.items()}
    named = names_of(exported)
    if wanted == "modules":
        chosen = {node for node in named if leaves(node)}
    elif wanted == "all":
        chosen = set(named)
    else:
        if isinstance(wanted, str):
            raise ValueError(f"{id}: taps: expected modules, all, or a list of names, got {wanted}")
        chosen = set()
        for name in wanted:
            found = [
                node for node, own in named.items() if name in (own, node.name, module_of(node))
            ]
            found = [node for node in found if node.name == name or leaves(node)]
            if not found:
                raise ValueError(f"{id}: taps: expected the name of a module, got {name}")
            chosen.update(found)
    taps: Taps = {}
    for node in exported.graph.nodes:
        if node in given:
            continue
        if node in chosen and isinstance(node.meta["val"], torch.Tensor):
            name = named[node]
            taps[f"{name}:{node.name}" if name in exported.outputs else name] = node
    ordered = {node: i for i, node in enumerate(exported.graph.nodes)}
    taps.update(exported.outputs)
    return dict(sorted(taps.items(), key=lambda own: ordered[own[1]]))


def leaves(node: fx.Node) -> bool:
    """Whether a module gives this: somebody outside of it reads it."""
    path = module_of(node)
    if path == "":
        return False
    return any(
        user.op == "output" or not is_within(module_of(user), path)
        for user in node.users
        if user.target is not operator.getitem or node.target is operator.getitem
    )


def is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}.")


def names_of(exported: Exported) -> dict[fx.Node, str]:
    """The module's path where that is enough, else with what tells its tensors apart."""
    nodes = [
        node
        for node in exported.graph.nodes
        if node.op == "call_function" and isinstance(node.meta.get("val"), torch.Tensor)
    ]
    given = [node for node in nodes if leaves(node)]
    names: dict[fx.Node, str] = {}
    for node in nodes:
        path = module_of(node)
        beside = [own for own in given if module_of(own) == path]
        if node.target is operator.getitem and node in given:
            names[node] = f"{path}.{part_of(node)}"
        elif node in given and len(beside) == 1:
            names[node] = path
        else:
            names[node] = f"{path}:{node.name}" if path else node.name
    return names


def part_of(node: fx.Node) -> str:
    """What torch calls one of several tensors that an operation gives."""
    source, place = node.args
    if "aten.lstm" in str(source.target) or "aten.gru" in str(source.target):  # type: ignore[union-attr]
        return ("output", "h_n", "c_n")[place]  # type: ignore[index]
    if "aten.rnn_" in str(source.target):  # type: ignore[union-attr]
        return ("output", "h_n")[place]  # type: ignore[index]
    return str(place)

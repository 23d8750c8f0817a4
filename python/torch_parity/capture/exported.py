"""What torch.export makes of a model, as plain data that any language can read."""

import operator
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch.export.graph_signature import InputKind

#: An argument, or where it comes from: {"node": name, "output"?: i}, {"param": name} or
#: {"input": name}.
Argument = Any
#: What makes the value of a node of the graph.
ATEN = torch._ops.OpOverload


class NotExportableError(ValueError):
    """torch.export does not take a model, or gives what this format cannot hold."""


@dataclass(frozen=True)
class Exported:
    """A graph, and by what names its tensors go in and come out."""

    graph: fx.Graph
    #: By placeholder: the parameter's, buffer's or constant's own name.
    params: dict[str, str]
    #: By placeholder: the name of what goes into the model.
    inputs: dict[str, str]
    #: By name: what comes out.
    outputs: dict[str, fx.Node]
    #: The names of all that goes in, in the order of its leaves.
    order: list[str]
    tensors: dict[str, torch.Tensor] = field(repr=False)


def export(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], id: str) -> Exported:
    """Exports a model with the shapes of its example inputs.

    Raises:
        ValueError: It has no program, or one that this format cannot hold.
    """
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # Recurrent layers keep their weights in a list as well, as torch itself wrote them.
            warnings.filterwarnings("ignore", ".*_flat_weights.*")
            program = torch.export.export(model, args, dict(kwargs), strict=False)
    except Exception as error:
        said = str(error).strip().split("\n")[0]
        raise NotExportableError(
            f"{id}: expected a model that torch.export can export, got {said}\n"
            "what depends on values can be left out of what is captured: capture(model.part, …)"
        ) from error
    params: dict[str, str] = {}
    inputs: dict[str, str] = {}
    for spec in program.graph_signature.input_specs:
        name = getattr(spec.arg, "name", "")
        if spec.kind == InputKind.USER_INPUT:
            inputs[name] = name
        elif spec.target is not None:
            params[name] = spec.target
    tensors = {**dict(program.state_dict), **dict(program.constants)}
    graph = program.graph
    clear_dead(graph)
    results = next(node for node in reversed(graph.nodes) if node.op == "output").args[0]
    specs = [getattr(spec.arg, "name", None) for spec in program.graph_signature.output_specs]
    paths = output_names(program, len(specs))
    # What is nothing, such as weights that were not asked for, is no output.
    kept = [i for i, own in enumerate(results) if own is not None]
    results = [results[i] for i in kept]
    paths = [paths[i] for i in kept]
    nodes = [own for own in results if isinstance(own, fx.Node)]
    if len(nodes) == 0:
        raise ValueError(f"{id}: expected a model that gives a tensor, got none")
    if len(nodes) != len(results):
        raise ValueError(f"{id}: expected a model that gives tensors alone, got other values too")
    mutated = [
        spec for spec in program.graph_signature.output_specs if "MUTATION" in spec.kind.name
    ]
    if mutated:
        raise ValueError(
            f"{id}: expected a model that changes nothing of its own, got a change of "
            f"{mutated[0].target}\ncall model.eval() first"
        )
    used = {node.name for node in graph.nodes if node.op == "placeholder" and node.users}
    exported = Exported(
        graph,
        {key: own for key, own in params.items() if key in used},
        {key: own for key, own in inputs.items() if key in used},
        dict(zip(paths, nodes, strict=True)),
        list(inputs.values()),
        {own: tensors[own] for key, own in params.items() if key in used},
    )
    check(exported, id)
    return exported


def output_names(program: Any, count: int) -> list[str]:
    """`output`, or `output.0`, `output.logits` where there are several."""
    if count == 1:
        return ["output"]
    blank = torch.utils._pytree.tree_unflatten(list(range(count)), program.call_spec.out_spec)
    paths = torch.utils._pytree.tree_flatten_with_path(blank)[0]
    by_place = {
        place: ".".join(["output", *(str(key).strip("[].'\"") for key in path)])
        for path, place in paths
    }
    names = [by_place[i] for i in range(count)]
    return names if len(set(names)) == count else [f"output.{i}" for i in range(count)]


#: Nothing reads what these give: they are there for torch itself.
ASSERTIONS = ("_assert_tensor_metadata", "_assert_async", "sym_constrain_range", "_assert_scalar")


def clear_dead(graph: fx.Graph) -> None:
    for node in reversed(list(graph.nodes)):
        if any(word in str(node.target) for word in ASSERTIONS) and not node.users:
            graph.erase_node(node)
    # What writes into its operand is read by its operand's name: none is dead.
    graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output") or writes(node))


def writes(node: fx.Node) -> bool:
    return isinstance(node.target, ATEN) and node.target._schema.is_mutable


def check(exported: Exported, id: str) -> None:
    """Raises:
    ValueError: The program has what a fixture cannot hold.
    """
    for node in exported.graph.nodes:
        if node.op in ("placeholder", "output"):
            continue
        if node.op != "call_function":
            raise NotExportableError(
                f"{id}: expected operations of torch, got {node.op} {node.target}"
            )
        if node.target is operator.getitem:
            continue
        sizes = [size for own in several(node.meta["val"]) for size in own.shape]
        if not all(isinstance(size, int) for size in sizes):
            raise NotExportableError(
                f"{id}: {node.name}: expected sizes that do not depend on values, "
                f"got {node.target}\n"
                "what is around it can be captured by parts: capture(model.part, …)"
            )
        half = {own.dtype for own in several(node.meta["val"])} & {torch.float16, torch.bfloat16}
        if half:
            raise ValueError(
                f"{id}: {node.name}: expected float32 or float64 throughout, got {half.pop()}"
            )
        if not isinstance(node.target, ATEN) or node.target.namespace != "aten":
            raise NotExportableError(
                f"{id}: {node.name}: expected an operation of aten, got {node.target}\n"
                "what is around it can be captured by parts: capture(model.part, …)"
            )
        if writes(node):
            check_writing(node, id)
        if torch.Tag.nondeterministic_seeded in node.target.tags and not is_kept(node):
            raise ValueError(
                f"{id}: {node.name}: expected no random numbers, got {node.target}\n"
                "call model.eval() first, or hand the numbers in"
            )


def check_writing(node: fx.Node, id: str) -> None:
    """Raises:
    ValueError: An operation writes into what went in, or into a part of another tensor.
    """
    written = node.args[0]
    if not isinstance(written, fx.Node) or written.op == "placeholder":
        raise ValueError(
            f"{id}: {node.name}: expected a model that changes nothing that it is given, "
            f"got a change of {written}\ncall model.eval() first, or hand a copy in"
        )
    views = [user for user in written.users if is_view(user) and user is not node]
    if written.target is operator.getitem or is_view(written) or views:
        raise NotExportableError(
            f"{id}: {node.name}: expected no writing into a tensor that others see in parts, "
            f"got {node.target}\n"
            "what is around it can be captured by parts: capture(model.part, …)"
        )


def is_view(node: fx.Node) -> bool:
    """Whether an operation gives numbers that stand in its operand's memory."""
    if not isinstance(node.target, ATEN) or writes(node):
        return False
    return any(own.alias_info is not None for own in node.target._schema.returns)


def several(value: Any) -> list[torch.Tensor]:
    """The tensors that an operation gives: one, or more."""
    values = value if isinstance(value, (tuple, list)) else [value]
    return [own for own in values if isinstance(own, torch.Tensor)]


def is_kept(node: fx.Node) -> bool:
    """Dropout, and the recurrent layers that have one, draw nothing in evaluation mode."""
    name = node.target._schema.name  # type: ignore[union-attr]
    if name == "aten::dropout":
        return not node.args[2]
    if name in ("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"):
        return not node.args[6 if node.target._overloadname == "input" else 7]  # type: ignore[union-attr]
    if name == "aten::scaled_dot_product_attention":
        return not (len(node.args) > 4 and node.args[4])
    return False


def records(exported: Exported) -> Iterator[dict[str, Any]]:
    """Every operation in order of computation, as a fixture holds it."""
    now: dict[fx.Node, fx.Node] = {}

    def source(node: fx.Node) -> Argument:
        node = now.get(node, node)
        if node.target is operator.getitem:
            return {**source(node.args[0]), "output": node.args[1]}  # type: ignore[arg-type]
        if node.name in exported.params:
            return {"param": exported.params[node.name]}
        if node.name in exported.inputs:
            return {"input": exported.inputs[node.name]}
        return {"node": node.name}

    def plain(value: object) -> Argument:
        if isinstance(value, fx.Node):
            return source(value)
        if isinstance(value, (list, tuple)):
            return [plain(own) for own in value]
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if isinstance(value, int) and value >= TO_THE_END:
            return None
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return None  # layouts, devices, memory formats

    for node in exported.graph.nodes:
        if node.op != "call_function" or node.target is operator.getitem:
            continue
        schema = node.target._schema
        given = {own.name: own.default_value for own in schema.arguments}
        given.update(zip(given, node.args, strict=False))
        given.update(node.kwargs)
        # An operation that writes gives what it has written: its operand is that from here on.
        written = schema.is_mutable and isinstance(node.args[0], fx.Node)
        args = {key: plain(own) for key, own in given.items() if key not in IGNORED}
        overload = str(node.target).split(".")
        if written:
            overload[1] = overload[1].removesuffix("_")
            now[node.args[0]] = node
        tensors = several(node.meta["val"])
        yield {
            "name": node.name,
            "op": ".".join(overload),
            "args": {key: own for key, own in args.items() if own is not None},
            "shapes": [list(own.shape) for own in tensors],
            "dtypes": [str(own.dtype).removeprefix("torch.") for own in tensors],
            "module": module_of(node),
            "line": line_of(node),
        }


#: What torch.export writes for an end that is not given; a double holds no such number.
TO_THE_END = 2**53

#: What says where numbers are, and nothing of what they are.
IGNORED = ("device", "layout", "pin_memory", "memory_format", "non_blocking", "copy", "generator")


def module_of(node: fx.Node) -> str:
    """The path of the innermost module that it is a part of; empty in the model itself."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


FRAME = re.compile(r'File "([^"]+)", line (\d+), in ')


def line_of(node: fx.Node) -> str:
    """`model.py:12`, the innermost line that is not torch's own; empty where there is none."""
    frames = FRAME.findall(node.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in frames if "/torch/" not in file.replace("\\", "/")]
    return f"{Path(own[-1][0]).name}:{own[-1][1]}" if own else ""

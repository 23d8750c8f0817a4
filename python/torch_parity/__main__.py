"""python -m torch_parity: records. Exit codes: 0 done, 2 not done, 130 interrupted."""

import argparse
import sys
from importlib.metadata import version

#: torch.backends.cpu.get_cpu_capability and load_state_dict(assign=True) came by then.
OLDEST_TORCH = (2, 4)


def main() -> int:
    """Parses arguments, runs the command and prints what went wrong in one line."""
    parser = argparse.ArgumentParser(
        prog="torch_parity", description="Records torch modules as fixtures."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    dump_parser = commands.add_parser("dump", help="record suites")
    commands.add_parser("oracle", help="record what standard input asks for, see oracle.py")
    ray_parser = commands.add_parser("ray", help="the same, recorded by Ray actors")
    try:
        # torch is imported here, so that its absence is one line and no traceback.
        from torch_parity.dump import add_arguments, dump
        from torch_parity.errors import UsageError
        from torch_parity.oracle import oracle
        from torch_parity.ray_arguments import add_ray_arguments, needing_ray
    except ModuleNotFoundError as error:
        print(
            f"error {sys.executable}: expected the package {error.name}, got none of that name\n"
            f"{sys.executable} -m pip install -r python/requirements.txt brings it",
            file=sys.stderr,
        )
        return 2
    found = version("torch")
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_TORCH:
        oldest = ".".join(str(part) for part in OLDEST_TORCH)
        print(
            f"error {sys.executable}: expected torch {oldest} or newer, got {found}\n"
            "name another Python with --python or TORCH_PARITY_PYTHON, "
            "or install python/requirements.txt",
            file=sys.stderr,
        )
        return 2
    add_arguments(dump_parser)
    add_ray_arguments(ray_parser, "--address")
    ray_parser.add_argument("--timeout", type=float, help="seconds for one case")
    arguments = parser.parse_args()
    try:
        if arguments.command == "oracle":
            oracle()
        elif arguments.command == "ray":
            with needing_ray(arguments.address):
                from torch_parity.ray_oracle import ray_oracle
            ray_oracle(arguments)
        else:
            dump(arguments)
    except UsageError as error:
        print(f"error {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def run() -> None:
    """The command `torch_parity`, and `python -m torch_parity`."""
    sys.exit(main())


if __name__ == "__main__":
    run()

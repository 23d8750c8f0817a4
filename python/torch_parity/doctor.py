"""Says what there is to record with, as one line of JSON.

It is run as a file, by whatever Python there is: an old one must be able to read it, and torch may
be missing.
"""

import importlib
import json
import os
import platform
import sys

# This folder's files are modules of torch_parity, not of everybody.
sys.path.pop(0)

PACKAGES = ("torch", "numpy", "msgpack")


def version_of(package: str) -> "dict[str, str]":
    """The version of a package that can be imported, or why it cannot."""
    try:
        module = importlib.import_module(package)
    except Exception as error:
        missing = isinstance(error, ImportError) and getattr(error, "name", None) == package
        return {"error": "none" if missing else f"{type(error).__name__}: {error}"}
    version = getattr(module, "__version__", None) or ".".join(map(str, module.version))
    return {"version": str(version)}


def main() -> None:
    """Prints what there is."""
    versions = {package: version_of(package) for package in PACKAGES}
    found = {
        "executable": sys.executable,
        "python": platform.python_version(),
        "environment": sys.prefix != sys.base_prefix,
        "packages": versions,
        "cpus": os.cpu_count() or 1,
    }
    if "version" in versions["torch"]:
        torch = sys.modules["torch"]
        found["num_threads"] = torch.get_num_threads()
        if hasattr(torch.backends, "cpu"):
            found["cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    # A line of its own, whatever was printed before.
    print("\n" + json.dumps(found))


main()

"""Whether the packages of this image have bytecode. The standard library alone, because the runner asks first."""

import os
from importlib.util import find_spec

SLOW = "Django has no bytecode here, so each process compiles it before it can use it: seconds of CPU time."
REMEDY = (
    "Have it made when the image is built: UV_COMPILE_BYTECODE=1 with uv, which makes none by itself; with pip, "
    "leave --no-compile out; or run python -m compileall on the packages."
)


def is_compiled(package: str = "django") -> bool:
    """Whether a package need not be compiled to be imported. True also for one that is not there.

    To be asked before the package is imported, because that may write what is looked for.
    """
    spec = find_spec(package)
    return spec is None or spec.cached is None or os.path.exists(spec.cached)  # noqa: PTH110 - without pathlib's cost

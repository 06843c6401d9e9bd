"""Whether the packages of this image have bytecode. The standard library alone, because the runner asks first."""

import os
from importlib.util import MAGIC_NUMBER, find_spec
from typing import Final

SLOW = "Django has no bytecode here that holds, so each process compiles it before it can use it: seconds of CPU time."
REMEDY = (
    "Have it made when the image is built: UV_COMPILE_BYTECODE=1 with uv, which makes none by itself; with pip, "
    "leave --no-compile out; or run python -m compileall on the packages. Where it was made, the sources have got "
    "other times since: run python -m compileall -f --invalidation-mode unchecked-hash."
)
# Magic number, flags, and the time and size of the source, or its hash: https://peps.python.org/pep-0552/
HEADER_BYTES: Final = 16
BY_HASH: Final = 1


def is_compiled(package: str = "django") -> bool:
    """Whether a package need not be compiled to be imported. True also for one that is not there.

    To be asked before the package is imported, because that may write what is looked for.
    """
    spec = find_spec(package)
    if spec is None or spec.cached is None or spec.origin == spec.cached:
        return True
    try:
        # A build that sets the times of all files leaves bytecode that no process takes.
        return _holds(spec.cached, os.stat(spec.origin or ""))  # noqa: PTH116 - without pathlib's cost
    except OSError:
        return False


def _holds(file: str, source: os.stat_result) -> bool:
    """Whether Python takes the file, as importlib decides it."""
    with open(file, "rb") as opened:  # noqa: PTH123 - as above
        header = opened.read(HEADER_BYTES)
    magic, flags, seconds, size = (header[at : at + 4] for at in range(0, HEADER_BYTES, 4))
    if magic != MAGIC_NUMBER or len(size) < 4:
        return False
    if int.from_bytes(flags, "little") & BY_HASH:
        return True
    return (seconds, size) == (_word(int(source.st_mtime)), _word(source.st_size))


def _word(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")

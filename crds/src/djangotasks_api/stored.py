"""Where a text is that is too long for a resource: a file in one of the project's STORAGES, and its digest.

The file's name begins with the namespace and the name of its task, so that whoever cleans up can tell what it belongs
to, and nobody can make a task's resource point to anything else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from djangotasks_api.names import SHA256_PATTERN, STORED_NAME_MAX_CHARS

FOLDER: Final = "djangotasks"
STORAGE_MAX_CHARS: Final = 253
SHA256_CHARS: Final = 64
# What JSON parsers of any language hold exactly.
SIZE_MAX: Final = 2**53 - 1


def folder(namespace: str) -> str:
    """Where the files of a namespace's tasks are, flat: one listing of a storage shows all of them."""
    return f"{FOLDER}/{namespace}"


def task_of(file: str) -> str:
    """The name of the task that a file in the folder belongs to. Names of tasks have no dot."""
    return file.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRef:
    """`storage`: an alias in Django's STORAGES. `size`: in bytes. `sha256`: of the bytes, in hex."""

    storage: str
    name: str
    size: int
    sha256: str

    def belongs_to(self, namespace: str, task: str) -> bool:
        """Whether the file is where this task's files are."""
        start, _, file = self.name.rpartition("/")
        return start == folder(namespace) and file.startswith(f"{task}.")

    def to_data(self) -> dict[str, Any]:
        return {"storage": self.storage, "name": self.name, "size": self.size, "sha256": self.sha256}

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Raises ValueError with the field that is wrong. What it does not know, it drops."""
        if not isinstance(data, Mapping):
            raise ValueError("must be an object")
        storage, name, size, sha256 = (data.get(field) for field in ("storage", "name", "size", "sha256"))
        if not (isinstance(storage, str) and storage.isprintable() and 0 < len(storage) <= STORAGE_MAX_CHARS):
            raise ValueError("storage must be an alias of STORAGES")
        if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= STORED_NAME_MAX_CHARS):
            raise ValueError(f"name must be a file's name of at most {STORED_NAME_MAX_CHARS} characters")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= SIZE_MAX:
            raise ValueError("size must be a number of bytes")
        if not (isinstance(sha256, str) and len(sha256) == SHA256_CHARS and re.fullmatch(SHA256_PATTERN, sha256)):
            raise ValueError("sha256 must be a SHA-256 in hex")
        return cls(storage=storage, name=name, size=size, sha256=sha256)

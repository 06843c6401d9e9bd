"""References to texts that are too long for a resource: a file in one of the project's STORAGES, and its digest.

A file's name begins with the namespace and the name of its task. So a clean-up can tell which task a file belongs to,
and nobody can make a task's resource point to another file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from djangotasks_api.bounds import SHA256_CHARS, STORAGE_ALIAS_MAX_CHARS, STORED_NAME_MAX_CHARS, STORED_SIZE
from djangotasks_api.names import SHA256_PATTERN

FOLDER: Final = "djangotasks"
# What no storage takes for a path: django-storages makes a slash of a backslash, and goes up where dots stand between.
FILE: Final = re.compile(r"[\w.-]+", re.ASCII)


def folder(namespace: str) -> str:
    """The folder of a namespace's files. It is flat: one listing of the storage shows all of them."""
    return f"{FOLDER}/{namespace}"


def task_of(file: str) -> str:
    """The name of the task that a file in the folder belongs to. Names of tasks have no dot."""
    return file.partition(".")[0]


def is_file(name: str) -> bool:
    """Whether a file in the folder may be a task's, and is nothing else for any storage."""
    return FILE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRef:
    """A file that holds the text."""

    storage: str
    """The alias in Django's STORAGES setting."""

    name: str
    """The file's name in the storage."""

    size: int
    """The text's length in bytes."""

    sha256: str
    """The digest of its bytes, in hex."""

    def belongs_to(self, namespace: str, task: str) -> bool:
        """Whether the file is in the task's folder and has the task's name."""
        start, _, file = self.name.rpartition("/")
        return start == folder(namespace) and file.startswith(f"{task}.") and is_file(file)

    def to_data(self) -> dict[str, Any]:
        return {"storage": self.storage, "name": self.name, "size": self.size, "sha256": self.sha256}

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Parse a reference, and drop unknown fields. Raises ValueError with the field that is wrong."""
        if not isinstance(data, Mapping):
            raise ValueError("must be an object")
        storage, name, size, sha256 = (data.get(field) for field in ("storage", "name", "size", "sha256"))
        if not (isinstance(storage, str) and storage.isprintable() and 0 < len(storage) <= STORAGE_ALIAS_MAX_CHARS):
            raise ValueError("storage must be an alias of STORAGES")
        if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= STORED_NAME_MAX_CHARS):
            raise ValueError(f"name must be a file's name of at most {STORED_NAME_MAX_CHARS} characters")
        if isinstance(size, bool) or not isinstance(size, int) or size not in STORED_SIZE:
            raise ValueError("size must be a number of bytes")
        if not (isinstance(sha256, str) and len(sha256) == SHA256_CHARS and re.fullmatch(SHA256_PATTERN, sha256)):
            raise ValueError("sha256 must be a SHA-256 in hex")
        return cls(storage=storage, name=name, size=size, sha256=sha256)

"""Texts that are too long for a resource, as files in one of the project's STORAGES (OPTIONS["STORAGE"]).

A file is written once, under a random name, and belongs to the one task that its name begins with. It is used only
where its digest is right. This module is imported only for a task that has such a file, because storages cost a task
pod time.
"""

import errno
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, Storage, storages

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import StorageFailed, StoredTextInvalid
from djangotasks_api.bounds import STORED_NAME_MAX_CHARS
from djangotasks_api.stored import TextRef, folder

if TYPE_CHECKING:
    from django.core.files import File

logger = logging.getLogger(__name__)

# No room on a disk, in a quota, or in what a file may have.
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# The first and the longest wait between the tries of a pod, which no user waits for.
RETRY_WAIT_SECONDS: Final = 0.5
RETRY_WAIT_MAX_SECONDS: Final = 15.0
ALIVE_SECONDS: Final = 1.0


def find_storage(alias: str) -> Storage:
    """Raises StorageFailed."""
    try:
        return storages[alias]
    except (InvalidStorageError, ImportError) as error:
        raise StoredTextInvalid(
            f"STORAGES has no usable storage {alias!r} here ({error}), and a task's file is in it. Web app and tasks "
            "need the same STORAGES."
        ) from error


@dataclass(frozen=True, slots=True)
class Files:
    """Where a backend keeps such files."""

    alias: str
    """The storage that new files go to."""

    max_bytes: int
    """Longer files are neither written nor read."""

    find: Callable[[str], Storage] = find_storage
    """Returns the storage of an alias."""

    def write(self, namespace: str, task: str, kind: str, text: str) -> TextRef:
        """Writes a new file. `kind`: "payload", or "result-" and the attempt. `text`: ASCII. Raises StorageFailed."""
        data = text.encode("ascii")
        # A storage may rename or overwrite a file whose name is taken. A random name is never taken.
        wanted = f"{folder(namespace)}/{task}.{kind}.{secrets.token_hex(8)}.json"
        try:
            name = self.find(self.alias).save(wanted, ContentFile(data), max_length=STORED_NAME_MAX_CHARS)
        except StorageFailed:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                self._delete_part(wanted)
            raise StorageFailed(
                f"The storage {self.alias!r} did not take a file of {len(data):,} bytes: {_describe(error)}."
            ) from error
        ref = TextRef(storage=self.alias, name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        if not ref.belongs_to(namespace, task):
            self.delete(ref)
            raise StoredTextInvalid(
                f"The storage {self.alias!r} was to save {wanted}, and says that it saved {name}: a file that is not "
                "called after its task is never found again. Use a storage that keeps names."
            )
        return ref

    def _delete_part(self, name: str) -> None:
        """Of a file that a disk had no room for: with those of each try it would stay full until the sweep, also for
        what is smaller, and when others have made room."""
        with suppress(Exception):  # whatever a storage raises: the sweep finds it
            self.find(self.alias).delete(name)

    def read(self, ref: TextRef) -> str:
        """Returns the text of a file. Raises StorageFailed."""
        where = f"The file {ref.name} in the storage {ref.storage!r}"
        if ref.size > self.max_bytes:
            raise StoredTextInvalid(
                f"{where} has {ref.size:,} bytes. No more than {self.max_bytes:,} are read here: "
                "OPTIONS['STORAGE_MAX_BYTES']."
            )
        try:
            with self.find(ref.storage).open(ref.name) as file:
                data = _read_up_to(file, ref.size + 1)
        except StorageFailed:
            raise
        except FileNotFoundError as error:
            raise StorageFailed(f"{where} is not there: somebody deleted it, or looks elsewhere.") from error
        except Exception as error:
            raise StorageFailed(f"{where} cannot be read: {_describe(error)}.") from error
        if len(data) != ref.size or hashlib.sha256(data).hexdigest() != ref.sha256:
            raise StoredTextInvalid(f"{where} is not what was stored: its SHA-256 is another one.")
        return data.decode("ascii")

    def delete(self, ref: TextRef) -> bool:
        """Deletes a file, and returns whether the storage did. An error is logged, not raised: `prune_task_files` finds
        the file again."""
        try:
            self.find(ref.storage).delete(ref.name)
        except Exception as error:  # noqa: BLE001 - whatever a storage raises
            logger.warning("The file %s in the storage %r was not deleted: %s", ref.name, ref.storage, _describe(error))
            return False
        return True


def retry_storage[T](operation: Callable[[], T], seconds: float, alive: Callable[[], object] = lambda: None) -> T:
    """Retries an operation for so long, while the storage fails in a way that may pass. The log says so.

    `alive`: called before each try, and each second of the waits.
    """
    deadline = time.monotonic() + seconds
    for tries in count():
        alive()
        try:
            return operation()
        except StoredTextInvalid:
            raise
        except StorageFailed as error:
            wait = min(RETRY_WAIT_SECONDS * 2.0**tries, RETRY_WAIT_MAX_SECONDS)
            if time.monotonic() + wait > deadline:
                raise
            if tries == 0:
                logger.warning("%s Trying again for %.0f s.", error, seconds)
            until = time.monotonic() + wait
            while (left := until - time.monotonic()) > 0:
                time.sleep(min(left, ALIVE_SECONDS))
                alive()
    raise AssertionError


def refs_of(resource: Resource) -> list[TextRef]:
    """The files that a DjangoTask refers to, without those that belong to other tasks."""
    namespace, name = resource["metadata"]["namespace"], resource["metadata"]["name"]
    found = []
    for data in (resource["spec"].get("payloadRef"), (resource.get("status") or {}).get("resultRef")):
        with suppress(ValueError):  # there is none, or it is wrong
            found.append(TextRef.from_data(data))
    return [ref for ref in found if ref.belongs_to(namespace, name)]


def delete_files_of(resource: Resource) -> int:
    """Deletes the files of a DjangoTask that is gone, and returns how many. For the DELETED events of a watch:

        for event in watch:
            if event["type"] == "DELETED":
                stored.delete_files_of(event["object"])  # the last version of the resource, as the API gives it

    Blocks while the storage works. Safe to call twice, and while a task of the same name is enqueued again, whose files
    have other names. Raises nothing for a storage that does not answer: it is logged, and `prune.prune()`, which
    should run now and then in any case, finds what is left, and what an attempt wrote that nobody heard of.
    """
    return delete_files(refs_of(resource))


def delete_files(refs: Iterable[TextRef]) -> int:
    """The same with the files themselves."""
    files = Files("", 0)
    return sum(files.delete(ref) for ref in refs)


def try_storage(files: Files, namespace: str) -> None:
    """Writes, reads and deletes a small file. Raises StorageFailed."""
    ref = files.write(namespace, "check", "check", '"djangotasks"')
    try:
        files.read(ref)
    finally:
        deleted = files.delete(ref)
    if not deleted:
        raise StorageFailed(f"The storage {files.alias!r} does not delete. The log of this process has its words.")


def _read_up_to(file: "File[bytes]", size: int) -> bytes:
    """So many bytes, or all: a storage that streams may give fewer at once than it is asked for."""
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")

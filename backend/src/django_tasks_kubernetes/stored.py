"""Texts that are too long for a resource, as files in one of the project's STORAGES (OPTIONS["STORAGE"]).

A file is written once, under a name that nobody else writes to, and belongs to one task: what its name begins with
says to which. It is taken for the text only where its digest is right. Imported where there is such a file, and not
before: storages cost a task pod time.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, Storage, storages

from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.exceptions import StorageFailed, StoredTextInvalid
from djangotasks_api.names import STORED_NAME_MAX_CHARS
from djangotasks_api.stored import TextRef, folder

logger = logging.getLogger(__name__)

# For a pod, which nobody waits for, a storage may be away for a moment: seconds between the tries.
PATIENCE: Final = (0.5, 1.0, 2.0)


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
    """Where a backend keeps such files. `alias`: of the storage that new ones go to.

    `max_bytes`: longer ones are neither written nor read. `find`: the storage of an alias.
    """

    alias: str
    max_bytes: int
    find: Callable[[str], Storage] = find_storage

    def write(self, namespace: str, task: str, kind: str, text: str) -> TextRef:
        """A new file. `kind`: "payload", or "result-" and the attempt. `text`: ASCII. Raises StorageFailed."""
        data = text.encode("ascii")
        # A storage may rename, or overwrite, what has the name of another: these have none.
        wanted = f"{folder(namespace)}/{task}.{kind}.{secrets.token_hex(8)}.json"
        try:
            name = self.find(self.alias).save(wanted, ContentFile(data), max_length=STORED_NAME_MAX_CHARS)
        except StorageFailed:
            raise
        except Exception as error:
            raise StorageFailed(
                f"The storage {self.alias!r} did not take a file of {len(data):,} bytes: {_said(error)}."
            ) from error
        ref = TextRef(storage=self.alias, name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        if not ref.belongs_to(namespace, task):
            self.delete(ref)
            raise StoredTextInvalid(
                f"The storage {self.alias!r} was to save {wanted}, and says that it saved {name}: a file that is not "
                "called after its task is never found again. Use a storage that keeps names."
            )
        return ref

    def read(self, ref: TextRef) -> str:
        """The text. Raises StorageFailed."""
        where = f"The file {ref.name} in the storage {ref.storage!r}"
        if ref.size > self.max_bytes:
            raise StoredTextInvalid(
                f"{where} has {ref.size:,} bytes. No more than {self.max_bytes:,} are read here: "
                "OPTIONS['STORAGE_MAX_BYTES']."
            )
        storage = self.find(ref.storage)
        try:
            with storage.open(ref.name) as file:
                data: bytes = file.read(ref.size + 1)
        except FileNotFoundError as error:
            raise StorageFailed(f"{where} is not there: somebody deleted it, or looks elsewhere.") from error
        except Exception as error:
            raise StorageFailed(f"{where} cannot be read: {_said(error)}.") from error
        if len(data) != ref.size or hashlib.sha256(data).hexdigest() != ref.sha256:
            raise StoredTextInvalid(f"{where} is not what was stored: its SHA-256 is another one.")
        return data.decode("ascii")

    def delete(self, ref: TextRef) -> bool:
        """Whether the storage did it. An error is logged and not raised: `prune_task_files` finds what is left."""
        try:
            self.find(ref.storage).delete(ref.name)
        except Exception as error:  # noqa: BLE001 - whatever a storage raises
            logger.warning("The file %s in the storage %r was not deleted: %s", ref.name, ref.storage, _said(error))
            return False
        return True


def patiently[T](operation: Callable[[], T]) -> T:
    """Tries again what a storage refused, if that may pass."""
    for seconds in PATIENCE:
        try:
            return operation()
        except StoredTextInvalid:
            raise
        except StorageFailed:
            time.sleep(seconds)
    return operation()


def refs_of(resource: Resource) -> list[TextRef]:
    """The files that a DjangoTask says are its own, and that are. What it says of others does not count."""
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

    Blocks while the storage works. Safe to call twice, and while a task of the same name is enqueued anew, whose files
    have other names. Raises nothing for a storage that does not answer: it is logged, and `prune.prune()`, which
    should run now and then in any case, finds what is left, and what an attempt wrote that nobody heard of.
    """
    files = Files("", 0)
    return sum(files.delete(ref) for ref in refs_of(resource))


def try_storage(files: Files, namespace: str) -> None:
    """Writes, reads and deletes a small file. Raises StorageFailed."""
    ref = files.write(namespace, "check", "check", '"djangotasks"')
    try:
        files.read(ref)
    finally:
        deleted = files.delete(ref)
    if not deleted:
        raise StorageFailed(f"The storage {files.alias!r} does not delete. The log of this process has its words.")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")

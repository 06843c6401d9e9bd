"""Files in the database, so that every pod of any cluster sees them.

A shop of any size has object storage or a shared volume, and names it in STORAGES: nothing else changes.
"""

import io
from typing import Any

from django.core.files import File
from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Length

from .models import FileChunk

CHUNK_BYTES = 256 * 1024


class DatabaseStorage(Storage):
    def _save(self, name: str, content: "File[Any]") -> str:
        with transaction.atomic():
            for number, data in enumerate(content.chunks(CHUNK_BYTES)):
                FileChunk.objects.create(name=name, number=number, data=data)
        return name

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        if mode != "rb":
            raise ValueError("stored files are written by save() and only read after that")
        if not self.exists(name):
            raise FileNotFoundError(name)
        return File(io.BufferedReader(_Chunks(name)), name)

    def exists(self, name: str) -> bool:
        return FileChunk.objects.filter(name=name).exists()

    def delete(self, name: str) -> None:
        FileChunk.objects.filter(name=name).delete()

    def size(self, name: str) -> int:
        return FileChunk.objects.filter(name=name).aggregate(total=Sum(Length("data")))["total"] or 0


class _Chunks(io.RawIOBase):
    """Reads a file chunk by chunk: no more than one is in memory."""

    def __init__(self, name: str) -> None:
        self._chunks = FileChunk.objects.filter(name=name).values_list("data", flat=True)
        self._next = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(self._chunks.filter(number=self._next).first() or b"")
            self._next += 1
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

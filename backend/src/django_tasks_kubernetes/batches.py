"""Rows that go into one statement: each has a whole resource, and databases limit how long a statement may be."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

ROWS_PER_QUERY: Final = 500
# MariaDB takes 16 MiB (max_allowed_packet), and escapes may double the text. One row has less than etcd's 1.5 MiB.
BYTES_PER_QUERY: Final = 4 * 1024 * 1024


class Row(Protocol):
    resource: str


def batches[R: Row](rows: Iterable[R]) -> Iterator[list[R]]:
    """The rows in their order, as many at a time as one statement takes."""
    batch: list[R] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == ROWS_PER_QUERY or size + len(row.resource) > BYTES_PER_QUERY):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row.resource)
    if batch:
        yield batch

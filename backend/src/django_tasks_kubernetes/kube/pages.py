"""Pages of a list: how they are asked for, how large they are, and what is on them. Pure.

By their bytes: a process holds a page at a time, and a DjangoTask may have 2 KB or 1.5 MB.
"""

from collections.abc import Iterable
from typing import Final

from django_tasks_kubernetes.codec.resource import Resource

# A page is to have so many bytes. As text in Python, and parsed, it takes several times as much.
PAGE_BYTES: Final = 4 * 1024 * 1024
# Of the first page, when nothing is known of the sizes: 30 MB at worst.
FIRST_LIMIT: Final = 20
# The API server's own clients ask for so many at most.
LAST_LIMIT: Final = 500
# Of objects with their results. After many small ones, such as a backlog that waits, the next page may have large ones
# alone: 50 MB of results as large as they may be, and not 250.
LAST_WHOLE_LIMIT: Final = 100


class PageLimit:
    """How many objects to ask for next."""

    def __init__(self, most: int = LAST_LIMIT) -> None:
        """`most`: whatever was learnt."""
        self.value = FIRST_LIMIT
        self._most = most

    def learn(self, objects: int, size: int) -> None:
        """Takes the sizes of the page that came into account: its number of objects, and of bytes."""
        if objects:
            self.value = min(max(PAGE_BYTES * objects // max(size, 1), 1), self._most)


def selectors(fields: str, labels: str) -> dict[str, str]:
    """The parameters of a list's request; of a selector that is empty none."""
    return {name: value for name, value in (("fieldSelector", fields), ("labelSelector", labels)) if value}


def items_of(page: Resource) -> Iterable[Resource]:
    return page.get("items") or ()


def rows_of(page: Resource) -> Iterable[Resource]:
    """Of a Table: the metadata, and under `cells` the columns by their names."""
    names = [column["name"] for column in page.get("columnDefinitions") or ()]
    for row in page.get("rows") or ():
        yield {"metadata": row["object"]["metadata"], "cells": dict(zip(names, row["cells"], strict=False))}

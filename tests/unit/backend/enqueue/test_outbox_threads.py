"""The outbox asked by asynchronous code: which thread asks the database, and what it leaves behind."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection
from django.tasks import task_backends

from tests.unit.backend.enqueue.test_outbox import Cluster, left, outbox_cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def cluster() -> Iterator[Cluster]:
    with outbox_cluster() as cluster:
        yield cluster


@pytest.mark.parametrize("ask", ["aget_result", "acancel"])
def test_outbox_leaves_no_connection_open_after_an_asynchronous_request(ask: str) -> None:
    """Django closes, and checks, the connections of the thread-sensitive thread alone."""
    id_, backend = left(1), task_backends["default"]

    def is_open() -> bool:
        return connection.connection is not None

    async def request() -> Any:
        # One thread, which is checked below; else it is one of many.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        result = await getattr(backend, ask)(id_)
        used = await sync_to_async(is_open, thread_sensitive=True)()
        # As Django does at the end of a request.
        await sync_to_async(close_old_connections, thread_sensitive=True)()
        left_open = [await sync_to_async(is_open, thread_sensitive=sensitive)() for sensitive in (True, False)]
        return result.status, used, left_open

    assert asyncio.run(request()) == ("READY", True, [False, False])

"""What tasks that run in this process see of the request or the test that has enqueued them, and leave to it."""

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.tasks import task
from django.test import RequestFactory, override_settings
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation

from django_tasks_kubernetes.testing import InMemoryCluster

LOCAL = {"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend"}}
TENANT: ContextVar[str] = ContextVar("tenant", default="none")


def seen() -> list[Any]:
    return [translation.get_language(), timezone.get_current_timezone_name(), get_urlconf(), get_script_prefix()]


def change() -> None:
    translation.activate("fr")
    timezone.activate("Asia/Tokyo")
    set_urlconf("shop.urls_of_a_host")
    set_script_prefix("/shop/")
    TENANT.set("changed")


@task
def says() -> list[Any]:
    return seen()


@task
async def says_async() -> list[Any]:
    return [*seen(), *(await sync_to_async(seen)())]


@task
def changes() -> None:
    change()


@task
def enqueues_after_a_change() -> list[Any]:
    change()
    return [says.enqueue().return_value, seen()]


@pytest.fixture(autouse=True)
def _restored() -> Any:
    """What a test changes is that of its own thread."""
    language, prefix = translation.get_language(), get_script_prefix()
    TENANT.set("none")
    yield
    translation.activate(language)
    timezone.deactivate()
    set_urlconf(None)
    set_script_prefix(prefix)


def test_a_task_has_the_language_and_the_zone_of_the_settings(cluster: InMemoryCluster) -> None:
    expected = seen()
    change()
    says.enqueue(), says_async.enqueue()
    assert [result.return_value for result in cluster.run_pending()] == [expected, [*expected, *expected]]
    assert seen() != expected


def test_what_a_task_activates_ends_with_it(cluster: InMemoryCluster) -> None:
    before = seen()
    changes.enqueue(), says.enqueue()
    assert cluster.run_pending()[1].return_value == before
    assert (seen(), TENANT.get()) == (before, "none")


@override_settings(TASKS=LOCAL)
def test_a_task_that_a_task_runs_has_its_own() -> None:
    before = seen()
    own = ["fr", "Asia/Tokyo", "shop.urls_of_a_host", "/shop/"]
    assert enqueues_after_a_change.enqueue().return_value == [before, own]


@override_settings(TASKS=LOCAL)
def test_a_view_in_the_language_of_its_reader_enqueues_a_task_in_that_of_the_settings() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with translation.override("de"):
            return HttpResponse(says.enqueue().return_value[0])

    assert view(RequestFactory().get("/")).content.decode() == translation.get_language()


@override_settings(TASKS=LOCAL)
def test_an_async_view_too() -> None:
    async def view() -> Any:
        with translation.override("de"):
            return (await says.aenqueue()).return_value[0]

    assert asyncio.run(view()) == translation.get_language()


@override_settings(FORCE_SCRIPT_NAME="/shop")
def test_urls_have_the_prefix_of_the_settings(cluster: InMemoryCluster) -> None:
    says.enqueue()
    assert cluster.run_pending()[0].return_value[3] == "/shop/"

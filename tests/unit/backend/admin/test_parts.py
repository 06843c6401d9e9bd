"""Parts that the browser has are not rendered again, unless something about them may be different."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from django_tasks_kubernetes.admin import TaskAdmin, parts
from django_tasks_kubernetes.admin.keeping import KEEPER
from django_tasks_kubernetes.admin.parts import PARTS
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.admin.seen import Seen
from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend.admin.conftest import LIST, LogIn, put

ROWS = f"{LIST}?part=rows"
OLD: dict[str, Any] = {"spec": {"enqueuedAt": "2026-11-01T12:00:00Z"}, "finishedAt": "2026-11-01T12:00:09Z"}


@pytest.fixture(autouse=True)
def nothing_rendered() -> Iterator[None]:
    PARTS._rendered.clear()
    yield
    PARTS._rendered.clear()


class Renders:
    """Counts what is rendered."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.number += 1
        return self.render(*args, **kwargs)

    render = staticmethod(parts.render_part)


@pytest.fixture
def renders() -> Iterator[Renders]:
    found = Renders()
    with patch("django_tasks_kubernetes.admin.page.render_part", found):
        yield found


def old_task(cluster: InMemoryCluster, **fields: Any) -> str:
    return put(cluster, phase="Succeeded", startedAt="2026-11-01T12:00:01Z", **OLD, **fields)


def expire() -> None:
    """Lets what was read be read again."""
    for one in KEEPER._kept.values():
        one.until = 0.0


def ask(client: Client, etag: str, address: str = ROWS) -> int:
    return client.get(address, headers={"If-None-Match": etag}).status_code


def test_what_is_unchanged_is_not_rendered(cluster: InMemoryCluster, viewer: Client, renders: Renders) -> None:
    old_task(cluster)
    first = viewer.get(ROWS)
    response = viewer.get(ROWS, headers={"If-None-Match": f"W/{first.headers['ETag']}"})
    assert (first.status_code, response.status_code, renders.number) == (200, 304, 1)
    assert {name: response.headers[name] for name in ("ETag", "X-As-Of")} == {
        name: first.headers[name] for name in ("ETag", "X-As-Of")
    }


def test_what_is_kept_is_good_enough(cluster: InMemoryCluster, viewer: Client, renders: Renders) -> None:
    old_task(cluster)
    etag = viewer.get(ROWS).headers["ETag"]
    expire()
    assert (ask(viewer, etag), renders.number) == (304, 1)
    old_task(cluster, reason="Other")
    assert ask(viewer, etag) == 304
    expire()
    assert ask(viewer, etag) == 200


@pytest.mark.parametrize("page", ["overview/?part=overview", "?part=rows", "overview/?part=overview&within=24h"])
def test_what_changed_is_rendered(cluster: InMemoryCluster, viewer: Client, page: str) -> None:
    old_task(cluster)
    etag = viewer.get(LIST + page).headers["ETag"]
    assert ask(viewer, etag, LIST + page) == 304
    put(cluster, phase="Failed", **OLD)
    forget()
    assert ask(viewer, etag, LIST + page) == 200


def test_what_is_young_is_rendered_since_its_age_changes(
    cluster: InMemoryCluster, viewer: Client, renders: Renders
) -> None:
    put(cluster, phase="Running", spec={"enqueuedAt": timezone.now().isoformat()})
    etag = viewer.get(ROWS).headers["ETag"]
    ask(viewer, etag)
    assert renders.number == 2


def test_another_reader_has_parts_of_their_own(cluster: InMemoryCluster, log_in: LogIn, renders: Renders) -> None:
    old_task(cluster)
    jane, joe = log_in("view_task"), log_in("view_task")
    etag = jane.get(ROWS).headers["ETag"]
    ask(joe, etag)
    assert renders.number == 2


def test_a_permission_that_was_taken_or_given_counts_at_once(
    cluster: InMemoryCluster, viewer: Client, renders: Renders
) -> None:
    old_task(cluster)
    etag = viewer.get(ROWS).headers["ETag"]
    user = User.objects.get()
    user.user_permissions.add(Permission.objects.get(codename="change_task"))
    ask(viewer, etag)
    assert renders.number == 2
    user.user_permissions.clear()
    assert ask(viewer, etag) == 403


def test_queues_that_were_taken_count_at_once(cluster: InMemoryCluster, viewer: Client) -> None:
    old_task(cluster)
    etag = viewer.get(ROWS).headers["ETag"]
    with patch.object(TaskAdmin, "queues_for", lambda self, request: {"other"}):
        assert ask(viewer, etag) == 200


@pytest.mark.parametrize(("language", "zone"), [("de", None), ("en", "Asia/Tokyo")])
def test_a_language_and_a_zone_have_parts_of_their_own(
    cluster: InMemoryCluster, viewer: Client, renders: Renders, settings: Any, language: str, zone: str | None
) -> None:
    old_task(cluster)
    etag = viewer.get(ROWS).headers["ETag"]
    settings.LANGUAGE_CODE = language
    with timezone.override(zone or timezone.get_default_timezone_name()):
        ask(viewer, etag)
    assert renders.number == 2


def test_an_action_is_no_question_for_a_part(cluster: InMemoryCluster, log_in: LogIn) -> None:
    client, task = log_in("view_task", "delete_task"), old_task(cluster)
    etag = client.get(ROWS).headers["ETag"]
    chosen = {"action": "delete_selected", "_selected_action": task}
    response = client.post(ROWS, chosen, headers={"If-None-Match": etag})
    assert (response.status_code, b"Yes, delete" in response.content) == (200, True)


def test_a_cluster_that_is_away_is_reported(cluster: InMemoryCluster, viewer: Client) -> None:
    old_task(cluster)
    etag = viewer.get(ROWS).headers["ETag"]
    with patch.object(Place, "page", side_effect=ApiUnavailable("away")):
        expire()
        assert ask(viewer, etag) == 503


def test_only_so_many_are_known() -> None:
    found = parts.Parts()
    for number in range(parts.RENDERED_MAX + 9):
        found._keep(number, parts.Rendered("", Seen(), 0.0))
    assert len(found._rendered) == parts.RENDERED_MAX

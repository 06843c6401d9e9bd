"""The overview."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.task_ids import new_id, order_labels
from tests.unit.backend.admin.conftest import LIST, LogIn, tables_of
from tests.unit.backend.admin.queue_answers import QueueServer, made, queue_resource
from tests.unit.backend.resources import attempt, resource
from tests.unit.backend.web_server import Server

PAGE = f"{LIST}overview/"
HOSTILE = "<script>alert(1)</script>"


def task(phase: str = "Queued", minutes: float = 5, **fields: Any) -> dict[str, Any]:
    """Enqueued an hour ago; started and ended so many minutes ago where the phase says that."""
    at = timezone.now() - timedelta(minutes=minutes)
    name = fields.pop("name", None) or new_id()
    status: dict[str, Any] = {"phase": phase}
    if phase not in ("Queued", "Starting"):
        status["startedAt"] = (at - timedelta(seconds=30)).isoformat()
    if phase in ("Succeeded", "Failed", "Cancelled"):
        status["finishedAt"] = at.isoformat()
    enqueued = (at - timedelta(minutes=1)).isoformat()
    made = resource(name, spec={"enqueuedAt": enqueued} | fields.pop("spec", {}), **status | fields)
    made["metadata"] |= {"labels": order_labels(name), "uid": f"uid-of-{name}"}
    return made


def put(cluster: InMemoryCluster, *tasks: dict[str, Any]) -> None:
    for one in tasks:
        cluster.resources[one["metadata"]["name"]] = one


def text_of(client: Client, query: str = "") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())


def failed(minutes: float = 5, error: str = "builtins.KeyError", **fields: Any) -> dict[str, Any]:
    return task("Failed", minutes, reason="TaskError", attempts=[attempt(error={"type": error})], **fields)


def test_it_counts_what_waits_runs_ended_and_failed(cluster: InMemoryCluster, viewer: Client) -> None:
    repeated = failed(7)
    put(
        cluster,
        task(),
        task(reason="QuotaExceeded", spec={"queue": "reports"}),
        task("Running", 40, spec={"task": "shop.video.encode"}, progress={"text": "62 %"}),
        task("Succeeded"),
        task("Succeeded"),
        failed(),
        failed(6, "smtplib.SMTPServerDisconnected"),
        repeated,
        task("Succeeded", 2, spec={"retryOf": repeated["metadata"]["name"]}),
    )
    response = viewer.get(PAGE)
    context = response.context
    assert (context["waiting"], context["running"], context["ended"], context["open_failures"]) == (2, 1, 6, 2)
    assert context["succeeded_percent"] == 50.0
    assert [group.cause for group in context["groups"]] == ["builtins.KeyError", "smtplib.SMTPServerDisconnected"]
    assert [(found.queue, found.waiting, found.reasons) for found, *_ in context["queues"]] == [
        ("mail", 1, ()),
        ("reports", 1, (("QuotaExceeded", 1),)),
    ]
    assert [row.task for _, row in context["runners"]] == ["shop.video.encode"]
    assert context["overall"]["waited"] == {"p50": "30 s", "p95": "30 s"}
    text = text_of(viewer)
    for words in (
        "in 2 groups",
        "QuotaExceeded",
        "50.0 % succeeded",
        "9 tasks are in the cluster",
        "SMTPServerDisconn",
    ):
        assert words in text


def test_nothing_yet(cluster: InMemoryCluster, viewer: Client) -> None:
    text = text_of(viewer)
    for words in (
        "No tasks yet",
        "nothing waits",
        "nothing runs",
        "nothing ended",
        "nothing to do",
        "No queue has tasks",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("word", "ended"),
    [
        ("1h", 1),
        ("30d", 5),
        *(pytest.param(*one, marks=pytest.mark.thorough) for one in (("3h", 2), ("24h", 3), ("7d", 4))),
    ],
)
def test_windows(cluster: InMemoryCluster, viewer: Client, word: str, ended: int) -> None:
    put(cluster, *(task("Succeeded", minutes) for minutes in (5, 120, 600, 3000, 15000)))
    response = viewer.get(f"{PAGE}?within={word}")
    assert response.context["ended"] == ended
    assert len(response.context["ends"].rows) >= 56


def test_an_unknown_window_is_a_bad_request(cluster: InMemoryCluster, viewer: Client) -> None:
    assert viewer.get(f"{PAGE}?within=2h").status_code == 400


@pytest.mark.parametrize(
    ("spec", "alarm"),
    [({}, True), ({"runAfter": "2199-01-01T00:00:00Z"}, False)],
    ids=["due", "deferred"],
)
def test_where_nothing_starts_it_asks_for_the_operator(
    cluster: InMemoryCluster, viewer: Client, spec: dict[str, Any], alarm: bool
) -> None:
    put(cluster, task(spec=spec))
    assert ("Is the operator running" in text_of(viewer)) is alarm


def test_it_takes_four_requests_and_few_queries(
    api_server: Server, viewer: Client, django_assert_num_queries: Any
) -> None:
    api_server.answer = tables_of(*(task("Succeeded") for _ in range(60)), task("Running"))
    viewer.get(LIST)
    api_server.requests.clear()
    # The person, and the permissions twice: of groups and of the person.
    with django_assert_num_queries(3):
        assert viewer.get(PAGE).context["ended"] == 60
    assert len(api_server.requests) == 4
    assert viewer.get(f"{PAGE}?part=overview&within=24h").status_code == 200
    assert len(api_server.requests) == 4


def test_of_more_than_is_read_it_says_so(api_server: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.overview_reading.ROWS_MAX", 3)
    api_server.answer = tables_of(*(task("Succeeded") for _ in range(5)), *(task() for _ in range(5)))
    text = text_of(viewer)
    assert "Of the newest 3 tasks that ended, since" in text
    assert "There are more of some kinds than this page reads" in text


def test_of_a_slow_cluster_it_asks_only_for_what_it_cannot_do_without(
    api_server: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server would end the worker, with nothing kept: the page would never be there."""
    monkeypatch.setattr("django_tasks_kubernetes.admin.overview_reading.ROWS_MAX", 3)
    api_server.answer = tables_of(*(task(reason="QueueFull") for _ in range(5)))
    text_of(viewer)
    assert len(api_server.requests) > 4
    monkeypatch.setattr("django_tasks_kubernetes.admin.overview_reading.EXTRAS_SECONDS", 0)
    forget()
    api_server.requests.clear()
    assert "There are more of some kinds than this page reads" in text_of(viewer)
    assert len(api_server.requests) == 4


def test_a_cluster_that_does_not_answer_is_asked_once(api_server: Server, viewer: Client) -> None:
    api_server.answer = lambda request: None
    assert "The cluster does not answer" in text_of(viewer)
    assert len({request.path for request in api_server.requests}) == 1
    assert viewer.get(f"{PAGE}?part=overview").status_code == 503


def test_only_queues_that_a_person_may_see(
    cluster: InMemoryCluster, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cluster, task(), failed(spec={"queue": "secret", "task": "shop.hidden"}))
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"mail"})
    response = viewer.get(PAGE)
    assert (response.context["waiting"], response.context["open_failures"]) == (1, 0)
    for words in ("secret", "shop.hidden", "in the cluster"):
        assert words not in response.text


def test_who_may_not_see_tasks_sees_nothing(cluster: InMemoryCluster, log_in: LogIn) -> None:
    assert log_in().get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302


def test_hostile_names_are_escaped_and_nothing_is_inline(cluster: InMemoryCluster, viewer: Client) -> None:
    put(
        cluster,
        failed(error=f"a.{HOSTILE}", spec={"task": f"shop.{HOSTILE}", "queue": HOSTILE}),
        task(reason=f"{HOSTILE}\u202e", spec={"queue": HOSTILE}),
        task("Running", spec={"task": HOSTILE, "queue": f'"{HOSTILE}'}, progress={"text": HOSTILE}),
        task(HOSTILE),
    )
    text = viewer.get(PAGE).text
    assert "alert(1)" in text
    assert HOSTILE not in text
    assert "\u202e" not in text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text)


def test_why_tasks_wait_and_the_limits_and_holds_of_queues(
    api_server: Server, log_in: LogIn, django_assert_num_queries: Any
) -> None:
    hold = made("reports", {"concurrency": 0, "by": "jane", "reason": "prices are wrong"}, "1")
    queues = QueueServer(queue_resource("mail"), queue_resource("reports"), queue_resource("idle"), holds=(hold,))
    pulled = task("Starting", reason="ImagePullFailed", message="shop:9 not found\nand more")
    queues.tasks = [pulled, task(spec={"queue": "reports"})]
    api_server.answer = queues
    client = log_in("view_task", "view_queue")
    with django_assert_num_queries(3):
        response = client.get(PAGE)
    # Four, the task that says why, the queues, and the holds.
    assert len(api_server.requests) == 7
    assert [(cause.queue, cause.words) for cause in response.context["causes"]] == [
        ("mail", "1 task: ImagePullFailed: shop:9 not found"),
        ("reports", "It is held by jane: paused (prices are wrong)"),
    ]
    shown = {found.queue: line.limit for found, _, line in response.context["queues"]}
    assert shown == {"mail": "5", "reports": "0 (5)"}
    text = text_of(client)
    for words in ("Why tasks wait", "shop:9 not found", "prices are wrong", "paused"):
        assert words in text, words
    assert "hidden-value" not in response.text


def test_without_the_right_to_see_queues_there_are_no_limits(api_server: Server, log_in: LogIn, viewer: Client) -> None:
    queues = QueueServer(queue_resource("mail"))
    queues.tasks = [task("Running")]
    api_server.answer = queues
    assert not viewer.get(PAGE).context["knows_queues"]
    assert len(api_server.requests) == 4
    queues.forbidden = {"djangotaskqueues", "djangotaskholds"}
    response = log_in("view_task", "view_queue").get(f"{PAGE}?fresh=1")
    assert (response.status_code, response.context["knows_queues"]) == (200, False)

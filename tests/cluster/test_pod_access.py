"""What an attacker gets who controls a task's pod, or has copied a token: no more than SECURITY.md says."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from shop import probes

from djangotasks_api.bounds import TASK_REQUEST_MAX_BYTES
from djangotasks_api.names import API_VERSION
from djangotasks_api.reports import report_path
from djangotasks_api.task_ids import id_for, new_id
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports.task_limits import MEASURES
from tests.cluster.test_reports import OUTCOME, Reporter
from tests.support.tasks import FINISH_SECONDS, wait_phase
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.tasks.backends.base import BaseTaskBackend

    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

THREADS = 50
TASK = "shop.probes.add"


class Pod:
    """Asks the operator as a task's pod does, with the right token by default."""

    def __init__(self, operator: OperatorProcess, kubectl: Kubectl, name: str, *, attempt: int = 1) -> None:
        self._operator, self._namespace, self.name, self._attempt = operator, kubectl.namespace, name, attempt
        self._uid: str = kubectl.get("djangotask", name)["metadata"]["uid"]

    def token(self, *, attempt: int | None = None, namespace: str | None = None) -> str:
        key = self._operator.key_path.read_bytes().strip()
        return sign(key, namespace or self._namespace, self._uid, attempt or self._attempt)

    def ask(
        self, method: str, path: str = "", body: Any = None, *, token: str | None = None, namespace: str | None = None
    ) -> tuple[int, Any]:
        """The status and what was said, as JSON where it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self._operator.port, timeout=60)
        url = report_path(namespace or self._namespace, self.name, self._uid, self._attempt, f"tasks{path}")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        try:
            connection.request(method, url, data, headers)
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, json.loads(text) if text.startswith("{") else text
        finally:
            connection.close()

    def enqueue(self, **spec: Any) -> tuple[int, Any]:
        return self.ask("POST", body=new_task(**spec))


def new_task(name: str | None = None, metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """In a queue that starts nothing."""
    return {
        "apiVersion": API_VERSION,
        "kind": "DjangoTask",
        "metadata": {"name": name or new_id()} | (metadata or {}),
        "spec": {"task": TASK, "queue": "idle"} | spec,
    }


@pytest.fixture(scope="module", autouse=True)
def idle(cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl.apply(queue_manifest("idle", cluster.image(Target.EXAMPLE), suspended=True))


@pytest.fixture(scope="module")
def running(backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess) -> Iterator[Pod]:
    """Of a task that runs for longer than any test."""
    result = probes.sleep.enqueue(3600)
    wait_phase(kubectl, result.id, "Running")
    yield Pod(operator, kubectl, result.id)
    kubectl("delete", "djangotask", result.id, "--wait=false")


@pytest.fixture
def second(backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess) -> Iterator[Pod]:
    result = probes.sleep.enqueue(3600)
    wait_phase(kubectl, result.id, "Running")
    yield Pod(operator, kubectl, result.id)
    kubectl("delete", "djangotask", result.id, "--wait=false", "--ignore-not-found")


def names(kubectl: Kubectl) -> set[str]:
    return set(kubectl("get", "djangotasks", "-o", "jsonpath={.items[*].metadata.name}").split())


def test_a_forged_token(running: Pod, kubectl: Kubectl) -> None:
    before, good = names(kubectl), running.token()
    forged = [
        "",
        "x",
        good[:-1],
        good + "0",
        good.upper(),
        running.token(attempt=2),
        running.token(namespace="default"),
    ]
    for method, path, body in (("POST", "", new_task()), ("GET", "", None), ("GET", f"/{running.name}", None)):
        assert {running.ask(method, path, body, token=token)[0] for token in forged} == {401}
    assert names(kubectl) == before


def test_a_token_of_another_task_gets_that_tasks_own_alone(running: Pod, second: Pod, kubectl: Kubectl) -> None:
    """Stolen: on its own task's URL it is that task's, and shows nothing of others."""
    created, answer = running.enqueue()
    name = answer["metadata"]["name"]
    assert created == 201
    assert running.ask("GET", f"/{name}", token=second.token())[0] == 401
    status, said = second.ask("GET", f"/{name}")
    assert (status, said["reason"]) == (403, "TaskAccess")
    cancel = {"spec": {"cancel": True, "cancelReason": "x"}}
    assert second.ask("PATCH", f"/{name}?fieldValidation=Strict", cancel)[0] == 403
    assert second.ask("GET")[1]["items"] == []
    assert [item["metadata"]["name"] for item in running.ask("GET")[1]["items"]] == [name]
    # A selector of the pod's own narrows what it sees, and never widens it.
    assert second.ask("GET", f"?fieldSelector=metadata.name%3D{name}")[1]["items"] == []
    uid = kubectl.get("djangotask", running.name)["metadata"]["uid"]
    assert second.ask("GET", f"?fieldSelector=spec.enqueuedBy.uid%3D{uid}")[1]["items"] == []
    assert running.ask("PATCH", f"/{name}?fieldValidation=Strict", cancel)[0] == 200


def test_an_attempt_that_is_over(second: Pod, kubectl: Kubectl, operator: OperatorProcess) -> None:
    """While its process still runs, receivers of task_finished enqueue. Once it does not, nothing is left."""
    assert second.enqueue()[0] == 201
    assert Reporter(operator, kubectl, second.name).send(OUTCOME.to_json()) == 200
    assert second.enqueue()[0] == 201
    for path in ("", f"/{second.name}"):
        status, said = second.ask("GET", path)
        assert (status, said["reason"]) == (403, "AttemptEnded")
    kubectl("delete", "pod", f"{second.name}-1", "--wait=false")
    kubectl(
        "wait", "--for=jsonpath={.metadata.deletionTimestamp}", f"pod/{second.name}-1", "--timeout=240s", seconds=250
    )
    wait_for("the operator has seen it", lambda: second.enqueue()[0] == 403 or None, seconds=FINISH_SECONDS)
    before = names(kubectl)
    for method, path, body in (("POST", "", new_task()), ("GET", "", None), ("GET", f"/{second.name}", None)):
        status, said = second.ask(method, path, body)
        assert (status, said["reason"]) == (403, "AttemptEnded")
    assert names(kubectl) == before


def test_a_task_that_was_cancelled(second: Pod, kubectl: Kubectl) -> None:
    kubectl("patch", "djangotask", second.name, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    wait_phase(kubectl, second.name, "Cancelled")
    status, said = second.enqueue()
    assert (status, said["reason"]) == (403, "AttemptEnded")


def test_a_foreign_namespace(running: Pod, kubectl: Kubectl, cluster: Cluster) -> None:
    assert running.ask("POST", body=new_task(), namespace="default")[0] == 401
    status, answer = running.ask("POST", body=new_task(metadata={"namespace": "default"}))
    assert status == 201
    assert answer["metadata"]["name"] in names(kubectl)
    assert answer["metadata"]["name"] not in names(cluster.kubectl("default"))


def test_who_enqueued_it_is_the_operators_word(running: Pod, second: Pod, kubectl: Kubectl) -> None:
    lie = {"name": second.name, "uid": "another", "attempt": 7}
    odd = {
        "labels": {"djangotasks.dev/enqueued-by": second.name, "team": "x"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "0"}],
        "finalizers": ["example.com/stays"],
    }
    _, answer = running.ask("POST", body=new_task(metadata=odd, enqueuedBy=lie) | {"status": {"phase": "Succeeded"}})
    found = kubectl.get("djangotask", answer["metadata"]["name"])
    assert (found["spec"]["enqueuedBy"]["name"], found["spec"]["enqueuedBy"]["attempt"]) == (running.name, 1)
    assert found["metadata"]["labels"]["djangotasks.dev/enqueued-by"] == running.name
    assert not {"ownerReferences", "finalizers"} & found["metadata"].keys()
    assert found["status"]["phase"] == "Queued"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (new_task(queue="unknown"), 422, "has no DjangoTaskQueue 'unknown'"),
        (new_task("shop-nightly-202611260100"), 422, "a new id"),
        (new_task(id_for(TASK, "order-1")), 422, "a new id"),
        (new_task(priority=1000), 422, "spec.priority"),
        (new_task(image="evil"), 400, "unknown field"),
        (new_task(payload="x" * (96 * 1024 + 1)), 422, "spec.payload"),
        (new_task(payloadRef={"storage": "s", "name": "media/passport.jpg", "size": 1, "sha256": "0"}), 422, "payloadRef"),
        (b"{", 422, "not JSON"),
        (b" " * (TASK_REQUEST_MAX_BYTES + 1), 413, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_what_a_pod_may_not_create(running: Pod, kubectl: Kubectl, body: Any, status: int, words: str) -> None:
    before = names(kubectl)
    answered, said = running.ask("POST", "?fieldValidation=Strict", body)
    assert (answered, said["kind"]) == (status, "Status")
    assert words in said["message"]
    assert names(kubectl) == before


@pytest.mark.parametrize("query", ["?dryRun=All", "?fieldValidation=Ignore", "?fieldManager=x"])
def test_a_query_that_means_something_else(running: Pod, query: str) -> None:
    assert running.ask("POST", query, new_task())[0] == 422


def test_what_a_pod_may_not_do_at_all(running: Pod, kubectl: Kubectl) -> None:
    _, answer = running.enqueue()
    name = answer["metadata"]["name"]
    for method, path in (("DELETE", ""), ("DELETE", f"/{name}"), ("PUT", f"/{name}"), ("PATCH", f"/{name}/status")):
        assert running.ask(method, path, {"status": {"phase": "Succeeded"}})[0] in (404, 405)
    for patch in ({"spec": {"priority": 100}}, {"metadata": {"finalizers": ["x/y"]}}, {"status": {"phase": "Failed"}}):
        assert running.ask("PATCH", f"/{name}", patch)[0] == 422
    assert "finalizers" not in kubectl.get("djangotask", name)["metadata"]


def test_a_flood_of_requests(
    running: Pod, second: Pod, kubectl: Kubectl, operator: OperatorProcess, backend: BaseTaskBackend
) -> None:
    """What is created is bounded; others' outcomes, and tasks, get through meanwhile."""
    measure, before, began = MEASURES["enqueue"], len(names(kubectl)), time.monotonic()
    answers: Counter[int | None] = Counter()
    over = threading.Event()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for _ in range(THREADS):
                pool.submit(flood, running, answers, over)
            wait_for(
                "the flood is refused",
                lambda: (answers[429] > 0 and answers[201] >= measure.burst) or None,
                seconds=FINISH_SECONDS,
            )
            assert Reporter(operator, kubectl, second.name).send(OUTCOME.to_json()) == 200
            other: Any = probes.add.enqueue(1, 2)
            assert wait_phase(kubectl, other.id, "Succeeded")["result"] == "3"
        finally:
            over.set()
    assert answers.keys() <= {201, 429, None}, answers
    created = len(names(kubectl)) - before
    assert measure.burst <= created <= measure.burst + measure.per_second * (time.monotonic() - began) + 2
    operator.get("/healthz")


def flood(pod: Pod, answers: Counter[int | None], over: threading.Event) -> None:
    """Enqueues until it is over, and counts the answers."""
    while not over.is_set():
        answers[enqueue_status(pod)] += 1


def enqueue_status(pod: Pod) -> int | None:
    """The status; None where the connection was closed: there are too many."""
    try:
        return pod.enqueue()[0]
    except (OSError, http.client.HTTPException):
        return None

"""A tenant who writes the worst that the API server takes, beside a well-behaved neighbour of the same operator."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from djangotasks_api.workflow.bounds import WINDOW
from tests.support.faults import Call
from tests.support.spending import breakdown, excess
from tests.support.stage import Stage, example_image
from tests.support.tasks import FINISH_SECONDS, scheduled_task
from tests.support.zygote import Zygote
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

GROUP = "/apis/djangotasks.dev/v1alpha1/namespaces"
# Deeper than the fastest parsers go, and not deeper than the API server does.
DEEP = 1_500
SCHEDULES, WIDE = 8, 8
ABSURD = {"resources": {"requests": {"memory": "999Ei"}}, "nodeSelector": {"a": "b"}}
WRONG: dict[str, dict[str, Any]] = {
    "nulls": {"template": {"metadata": None, "spec": {"containers": [{"name": "task", "env": None}], "volumes": None}}},
    "text": {"template": {"spec": {"containers": "x"}}},
    "odd": {"template": {"spec": {"containers": [{"name": "task", "securityContext": "x"}], "initContainers": ["x"]}}},
    "empty": {"template": {}},
    "twice": {"template": {"spec": {"containers": [{"name": "task"}, {"name": "task"}]}}},
    "host": {"template": {"spec": {"hostPID": True, "containers": [{"name": "task", "image": "x"}]}}},
    "gone": {"podTemplateFrom": {"deployment": "gone"}},
    "class": {"template": {"spec": {"containers": [{"name": "task", "image": "x"}]}}, "priorityClassName": "gone"},
}


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def queue(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskQueue",
        "metadata": {"name": name},
        "spec": spec,
    }


def hostile_queues(image: str) -> Iterator[dict[str, Any]]:
    yield from (queue(name, **spec) for name, spec in WRONG.items())
    yield queue("deep", template={"spec": {"containers": [{"name": "task", "image": "x", "env": nested(DEEP)}]}})
    yield queue_manifest("allowed", image, concurrency=1, allowedOverrides=["resources", "nodeSelector"])
    yield queue_manifest("failing", image, concurrency=1, policy={"maxAttempts": 100, "backoff": {"initialSeconds": 0}})


def hostile_tasks() -> Iterator[dict[str, Any]]:
    for name in (*WRONG, "deep", "missing"):
        for number in range(12):
            yield scheduled_task(name=f"{name}-{number}", queue=name, priority=100)
    odd: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "managed": ({"managedFields": [{"manager": "x", "fieldsType": "FieldsV1", "fieldsV1": nested(DEEP)}]}, {}),
        "large": ({"annotations": {f"a{number}": "<" * 20_000 for number in range(12)}}, {"payload": "<" * 98_304}),
        "kept": ({"finalizers": ["evil.example/x"]}, {"cancel": True}),
        "old": ({}, {"enqueuedAt": "1000-01-01T00:00:00Z", "priority": 100}),
        "never": ({}, {"runAfter": "9999-12-31T23:59:59-23:59"}),
        "expired": ({}, {"expiresAt": "1000-01-01T00:00:00Z"}),
        "child": ({}, {"enqueuedBy": {"name": "mq", "uid": "x", "attempt": 1}}),
        "step": ({}, {"workflow": {"name": "gone", "uid": "x", "step": "a", "index": 0}}),
        "slot": ({}, {"schedule": "gone", "scheduledFor": "1000-01-01T00:00:00Z"}),
    }
    for name, (metadata, spec) in odd.items():
        for number in range(6):
            manifest = scheduled_task(name=f"{name}-{number}", queue="gone", **spec)
            manifest["metadata"] |= metadata
            yield manifest
    for number in range(12):
        yield scheduled_task(name=f"absurd-{number}", queue="allowed", overrides=ABSURD)
    for number in range(2):
        yield scheduled_task("shop.probes.fail", "x", name=f"failing-{number}", queue="failing")


def hostile_others() -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(SCHEDULES):
        task = {"task": "shop.probes.add", "queue": "gone", "payload": "<" * 10_000}
        spec = {"everyMinutes": 1, "concurrencyPolicy": "Allow", "catchUp": "All", "catchUpLimit": 1000, "task": task}
        yield "djangotaskschedules", {"metadata": {"name": f"each-minute-{number}"}, "spec": spec}
    for name in (*WRONG, "missing", *(f"gone-{number}" for number in range(20))):
        spec = {"concurrency": 100_000, "by": "<" * 256, "reason": "\x1b[2J" * 64, "until": "9999-12-31T23:59:59-23:59"}
        yield "djangotaskholds", {"metadata": {"name": name}, "spec": spec}
    for number in range(WIDE):
        lists = [{"name": "all", "items": json.dumps(list(range(1000)))}]
        steps = [{"name": "a", "task": "shop.probes.add", "queue": "text", "map": {"list": "all"}}]
        yield "djangotaskworkflows", {"metadata": {"name": f"wide-{number}"}, "spec": {"lists": lists, "steps": steps}}


@pytest.fixture
def tenants(cluster: Cluster, zygote: Zygote, tmp_path: Path) -> Iterator[tuple[Stage, str]]:
    """The neighbour's stage, whose operator works in the hostile tenant's namespace as well."""
    hostile = cluster.new_namespace()
    try:
        with Stage(cluster, tmp_path, zygote, options=("--namespace", hostile)) as stage:
            yield stage, hostile
            print(stage.operator.log()[-8000:])
    finally:
        kubectl = cluster.kubectl(hostile)
        for task in kubectl("get", "djangotasks", "-o", "name").split():
            # With a finalizer left, neither the namespace nor the kind could be deleted.
            if "/kept-" in task:
                kubectl("patch", task, "--type=merge", "-p", json.dumps({"metadata": {"finalizers": None}}))
        cluster.delete_namespace(hostile)


def calls_in(stage: Stage, namespace: str, since: int) -> list[Call]:
    return [call for call in stage.proxy.calls[since:] if f"/namespaces/{namespace}/" in call.path]


def calls_for(calls: list[Call], task: str) -> int:
    """How many were about a task, and its Job and its Pod."""
    return sum(call.name in (task, f"{task}-1") for call in calls)


def created_too_many(calls: list[Call], minutes: int) -> list[str]:
    """Of what the operator creates for the tenant: a window of each workflow, and a task a minute of each schedule."""
    names = {call.name for call in calls if call.label == "create djangotasks"}
    most = {f"wide-{number}": WINDOW for number in range(WIDE)} | {
        f"each-minute-{number}": minutes for number in range(SCHEDULES)
    }
    found = Counter(next((owner for owner in most if name.startswith(f"{owner}-")), name) for name in names)
    return [f"{count} tasks of {owner}" for owner, count in found.items() if count > most.get(owner, 0)]


def test_a_hostile_tenant_costs_a_neighbour_nothing(cluster: Cluster, tenants: tuple[Stage, str]) -> None:
    stage, hostile = tenants
    stage.wait_phase(stage.enqueue("add", 1, 2), "Succeeded")
    stage.wait_phase(alone := stage.enqueue("add", 1, 2), "Succeeded")
    stage.wait_finished_jobs(alone)
    needed = calls_for(calls_in(stage, stage.namespace, 0), alone)

    bodies = [("djangotaskqueues", body) for body in hostile_queues(example_image(cluster))]
    bodies += [("djangotasks", body) for body in hostile_tasks()]
    bodies += hostile_others()
    answers = {
        body["metadata"]["name"]: stage.proxy.request(
            "POST",
            f"{GROUP}/{hostile}/{plural}",
            {"apiVersion": "djangotasks.dev/v1alpha1", "kind": KINDS[plural], **body},
        )
        for plural, body in bodies
    }
    refused = {name: answer for name, (status, answer) in answers.items() if status >= 300}
    assert len(answers) - len(refused) >= 200, refused

    def has_seen_them() -> bool | None:
        """Each broken queue says so, and one of its tasks why it waits."""
        queues = stage.proxy.request("GET", f"{GROUP}/{hostile}/djangotaskqueues")[1]["items"]
        ready = {item["metadata"]["name"]: item.get("status", {}).get("conditions") for item in queues}
        return all(ready[name] and ready[name][0]["status"] == "False" for name in WRONG) or None

    wait_for("the queues say what is wrong with them", has_seen_them, seconds=FINISH_SECONDS, why=stage.tell)
    before, began = len(stage.proxy.calls), time.monotonic()
    beside = [stage.enqueue("add", 1, 2) for _ in range(5)]
    for name in beside:
        stage.wait_phase(name, "Succeeded")
        stage.wait_finished_jobs(name)
    stage.assert_once(*beside)
    seconds = time.monotonic() - began
    ours, theirs = calls_in(stage, stage.namespace, before), calls_in(stage, hostile, before)
    print(f"In {seconds:.1f} s:", breakdown(ours), breakdown(theirs), sep="\n")
    # A task that is slow is shown as Starting and Running.
    assert all(calls_for(ours, name) <= needed + 3 for name in beside), breakdown(ours)
    assert not excess(ours, seconds), breakdown(ours)
    assert not excess(theirs, seconds), breakdown(theirs)
    assert not created_too_many(theirs, minutes=int(seconds / 60) + 2), breakdown(theirs)
    assert stage.operator.running


# Enough for each of several backoffs of a queue, which double from 0.2 s.
TRIES = 7


def test_hundreds_of_tasks_of_one_broken_queue_cost_what_one_costs(
    cluster: Cluster, zygote: Zygote, tmp_path: Path
) -> None:
    """Its Deployment is missing. What is asked of the API server does not depend on how many tasks wait."""
    with Stage(cluster, tmp_path, zygote) as stage:
        path = f"{GROUP}/{stage.namespace}"
        stage.request(
            "POST",
            f"{path}/djangotaskqueues",
            queue("gone", podTemplateFrom={"deployment": "gone"}) | {"apiVersion": "djangotasks.dev/v1alpha1"},
        )
        for _ in range(300):
            stage.enqueue("add", 1, 2, queue="gone")
        before, began = len(stage.proxy.calls), time.monotonic()

        def tried() -> int:
            return sum(call.path.endswith("/deployments/gone") for call in stage.proxy.calls[before:])

        wait_for("the queue is tried again and again", lambda: tried() >= TRIES or None, seconds=300, why=stage.tell)
        calls = stage.proxy.calls[before:]
        assert not excess(calls, time.monotonic() - began), breakdown(calls)
        # Two tasks take turns in each try: it is read, and its status may say why it waits. And the status of the queue.
        about_tasks = [call for call in calls if call.resource == "djangotasks" and call.name]
        assert len(about_tasks) <= 4 * (tried() + 1), breakdown(calls)
        stage.wait_phase(stage.enqueue("add", 1, 2), "Succeeded")


KINDS = {
    "djangotasks": "DjangoTask",
    "djangotaskqueues": "DjangoTaskQueue",
    "djangotaskschedules": "DjangoTaskSchedule",
    "djangotaskholds": "DjangoTaskHold",
    "djangotaskworkflows": "DjangoTaskWorkflow",
}

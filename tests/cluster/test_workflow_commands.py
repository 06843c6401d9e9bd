"""`kubectl djangotask workflows` and `manage.py tasks workflows`, as people use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from shop import probes

from django_tasks_kubernetes.workflows import ALWAYS, ON_FAILURE, each, step, workflow
from tests.support.shells import Shell, ended, manage, plugin
from tests.support.tasks import FINISH_SECONDS

if TYPE_CHECKING:
    from django.tasks.backends.base import BaseTaskBackend

    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

SECONDS = str(FINISH_SECONDS)


@pytest.fixture(params=["kubectl", "manage.py"])
def shell(request: pytest.FixtureRequest, cluster: Cluster, namespace: str, backend: BaseTaskBackend) -> Shell:
    if request.param == "kubectl":
        return plugin(cluster, namespace, cluster.kubeconfig)
    return manage(namespace, cluster.kubeconfig)


def as_json(shell: Shell) -> str:
    return "--output=json" if shell.options else "--json"


@workflow
def odd(numbers: list[int]) -> None:
    """The item "x" cannot be added to a number."""
    mapped = each(probes.add, numbers, 1, name="plus-one")
    total = step(probes.echo, name="total")(mapped)
    step(probes.echo, name="alert", runs=ON_FAILURE, after=total)("alert")
    step(probes.write_lines, name="clean-up", runs=ALWAYS, after=total)(2)


@workflow
def slow() -> None:
    first = step(probes.sleep, name="first")(600)
    step(probes.write_lines, name="last", after=first)(1)


def test_a_workflow_that_fails_is_watched_shown_and_retried(shell: Shell, kubectl: Kubectl) -> None:
    id_ = odd.enqueue([1, "x", 3]).id  # type: ignore[list-item]  # what fails
    watched = shell("workflows", "watch", id_, "--timeout", SECONDS)
    assert watched.code == 1, watched.err
    assert "plus-one  Failed  3/3  1 failed" in watched.out
    assert "clean-up  Succeeded  always" in watched.out
    shown = shell("workflows", "show", f"djangotaskworkflow/{id_}", "nope")
    assert (shown.code, shown.err) == (1, "There is no workflow 'nope'.\n")
    assert "└─ total" in shown.out
    assert "plus-one[1]\n  TaskError: TypeError: " in shown.out
    (record,) = shell("workflows", "show", id_, as_json(shell)).objects
    assert (record["status"], record["progress"]) == ("FAILED", {"done": 6, "total": 6})
    assert all(one["started_at"] for one in record["steps"] if one["phase"] != "Skipped")  # type: ignore[attr-defined]  # a list

    assert id_ in shell("workflows", "list", "--status", "failed", "--workflow", "odd").out
    (listed,) = [one for one in shell("workflows", "list", as_json(shell)).objects if one["id"] == id_]
    assert listed["workflow"] == f"{__name__}.odd"

    retried = shell("workflows", "retry", id_)
    assert retried.code == 0, retried.err
    new = retried.out.split()[-1]
    assert shell("workflows", "watch", new, "--timeout", SECONDS).code == 1
    tasks = kubectl.get("djangotasks", "-l", f"djangotasks.dev/workflow={new}")["items"]
    assert sorted(task["metadata"]["name"].removeprefix(f"{new}-") for task in tasks) == [
        "alert",
        "clean-up",
        "plus-one-00001",
    ]
    # What was taken over has its log where it ran.
    assert shell("workflows", "logs", new, "plus-one[0]").code == 0


def test_logs_of_steps(shell: Shell) -> None:
    id_ = odd.enqueue([1]).id
    followed = ended(shell.start("workflows", "logs", id_, "clean-up", "--follow"))
    assert (followed.code, followed.out) == (0, "line 1 of 2\nline 2 of 2\n"), followed.err
    assert shell("workflows", "logs", id_, "clean-up", "--tail", "1").out == "line 2 of 2\n"
    skipped = shell("workflows", "logs", id_, "alert", "--follow")
    assert (skipped.code, skipped.err) == (1, "alert did not run: alert is Skipped, NotNeeded.\n")
    for words, code, said in (
        (("plus-one",), 2, "say which, such as 'plus-one[0]'"),
        (("total[0]",), 2, "total is one task"),
        (("nope",), 1, "There are: plus-one, total, alert, clean-up."),
    ):
        refused = shell("workflows", "logs", id_, *words)
        assert refused.code == code
        assert said in refused.err


def test_cancel(shell: Shell) -> None:
    id_ = slow.enqueue().id
    assert shell("workflows", "watch", id_, "--timeout", "2").code == 3
    waits = shell("workflows", "logs", id_, "last")
    assert (waits.code, waits.err) == (1, "last has not begun: last is Pending, after first.\n")
    cancelled = shell("workflows", "cancel", id_, "nope", "--reason", "a test asks")
    assert (cancelled.code, cancelled.out) == (1, f"{id_}: asked to cancel\n")
    assert "There is no workflow 'nope'" in cancelled.err
    assert shell("workflows", "watch", id_, "--timeout", SECONDS).code == 1
    assert "a test asks" in shell("workflows", "show", id_).out


def test_kubectl_shows_the_same(shell: Shell, kubectl: Kubectl) -> None:
    id_ = odd.enqueue([1, 2]).id
    assert shell("workflows", "watch", id_, "--timeout", SECONDS).code == 0
    heading, row = kubectl("get", "djangotaskworkflow", id_).splitlines()
    assert heading.split() == ["NAME", "WORKFLOW", "PHASE", "PROGRESS", "ACTIVE", "AGE"]
    assert row.split()[:5] == [id_, f"{__name__}.odd", "Succeeded", "5/5", "0"]
    task = json.loads(kubectl("get", "djangotask", f"{id_}-plus-one-00001", "-o", "json"))
    assert task["spec"]["workflow"]["index"] == 1
    wide = kubectl("get", "djangotask", f"{id_}-plus-one-00001", "-o", "wide").split()
    assert (id_ in wide, "plus-one" in wide) == (True, True)

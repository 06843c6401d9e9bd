"""enqueue() whose answer is lost: the task exists, and is known again with all that the API server filled in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.tasks.backends.base import BaseTaskBackend
from django.test import override_settings
from shop import probes

from django_tasks_kubernetes import Fixed, Linear, Retry
from django_tasks_kubernetes.workflows import call, chain
from tests.support.faults import AFTER, Drop, Rule, Status
from tests.support.proxy import Proxy
from tests.support.tasks import FINISH_SECONDS, finish
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl


@pytest.fixture
def proxy(cluster: Cluster, namespace: str, backend: BaseTaskBackend, tmp_path: Path) -> Iterator[Proxy]:
    """Between Django and the API server."""
    with Proxy(cluster.kubeconfig, tmp_path) as proxy:
        options = {"NAMESPACE": namespace, "KUBECONFIG": str(proxy.kubeconfig)}
        engine = "django_tasks_kubernetes.KubernetesBackend"
        with override_settings(TASKS={"default": {"BACKEND": engine, "QUEUES": [], "OPTIONS": options}}):
            yield proxy


@pytest.mark.parametrize("fault", [Drop(), Status(500, reason="InternalError")], ids=["no answer", "500"])
@pytest.mark.parametrize(
    "retry",
    [
        None,
        Retry(max_attempts=3),
        Retry(max_attempts=3, backoff=Fixed(delay=1)),
        Retry(max_attempts=3, backoff=Linear(initial=1)),
    ],
    ids=["plain", "retry", "fixed", "linear"],
)
def test_a_task_whose_answer_was_lost_is_ones_own(
    proxy: Proxy, kubectl: Kubectl, retry: Retry | None, fault: Drop | Status
) -> None:
    proxy.add(Rule(fault, "create djangotasks", moment=AFTER, times=1))
    options: dict[str, Any] = {} if retry is None else {"retry": retry}
    task = probes.add.using(**options)
    result = task.enqueue(1, 2)
    assert [call.status for call in proxy.writes(resource="djangotasks")] == [201, 409]
    assert finish(result).return_value == 3
    names = kubectl("get", "djangotasks", "-o", "name").split()
    assert sum(result.id in name for name in names) == 1


@pytest.mark.parametrize("fault", [Drop(), Status(500, reason="InternalError")], ids=["no answer", "500"])
def test_a_workflow_whose_answer_was_lost_is_ones_own(proxy: Proxy, kubectl: Kubectl, fault: Drop | Status) -> None:
    proxy.add(Rule(fault, "create djangotaskworkflows", moment=AFTER, times=1))
    result = chain(call(probes.add, 1, 2), call(probes.add, 10)).enqueue()
    assert [call.status for call in proxy.writes(resource="djangotaskworkflows")] == [201, 409]
    assert result.get(timeout=FINISH_SECONDS) == 13
    names = kubectl("get", "djangotaskworkflows", "-o", "name").split()
    assert sum(result.id in name for name in names) == 1

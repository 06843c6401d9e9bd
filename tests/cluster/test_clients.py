"""A published package whose own tasks are enqueued within a task: Wagtail's, in pods that have no credentials."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.postgres import postgres
from tests.support.tasks import create_task, status_of, wait_phase
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

# Wagtail has 300 migrations.
MIGRATE_SECONDS = 300.0
JOBS = "tools.clients.jobs"
# Its image takes minutes to build.
pytestmark = pytest.mark.slow


@pytest.fixture
def wagtail(cluster: Cluster, kubectl: Kubectl, operator: OperatorProcess) -> Iterator[None]:
    """The queue `default`, whose tasks have Wagtail and its database."""
    with postgres(cluster, kubectl) as database:
        address = kubectl.get("pod", "postgres")["status"]["podIP"]
        variables = {"DATABASE_HOST": address, "DATABASE_PASSWORD": database["DATABASE_PASSWORD"]}
        container = {
            "env": [{"name": name, "value": value} for name, value in variables.items()],
            "resources": {"limits": {"memory": "512Mi"}},
        }
        kubectl.apply(queue_manifest("default", cluster.image(Target.CLIENTS), container_update=container))
        migrated = create_task(kubectl, f"{JOBS}.migrate")
        assert wait_phase(kubectl, migrated, "Succeeded", "Failed", seconds=MIGRATE_SECONDS)["phase"] == "Succeeded"
        yield


def test_a_page_that_a_task_saves_is_indexed_by_wagtails_tasks(kubectl: Kubectl, wagtail: None) -> None:
    parent = create_task(kubectl, f"{JOBS}.publish", "Lighthouse in a pod")
    wait_phase(kubectl, parent, "Succeeded")
    found = json.loads(kubectl("get", "djangotasks", "-l", f"djangotasks.dev/enqueued-by={parent}", "-o", "json"))
    children = {item["metadata"]["name"]: item["spec"]["task"] for item in found["items"]}
    assert "wagtail.tasks.update_reference_index_task" in children.values()

    def ended() -> bool | None:
        return all(status_of(kubectl, name)["phase"] in ("Succeeded", "Failed") for name in children) or None

    wait_for("the ends of Wagtail's tasks", ended, seconds=MIGRATE_SECONDS)
    assert {status_of(kubectl, name)["phase"] for name in children} == {"Succeeded"}
    searched = create_task(kubectl, f"{JOBS}.search", "Lighthouse")
    assert json.loads(wait_phase(kubectl, searched, "Succeeded")["result"]) == ["Lighthouse in a pod"]

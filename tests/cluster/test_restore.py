"""A task that a backup brings back does not run by itself: as Velero does it, and as the guide does it for other tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from djangotasks_api.names import EXCLUDE_FROM_BACKUP_LABEL, RESTORED_LABELS
from tests.support.tasks import finish, wait_gone, wait_phase, wait_reason
from tools.kubectl import Kubectl


def backed_up(kubectl: Kubectl, name: str, label: str) -> dict[str, Any]:
    """What there was of a task, without the cluster's own fields and without its status."""
    found = kubectl.get("djangotask", name)
    labels = found["metadata"].get("labels", {}) | {label: "monday"}
    return {key: found[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize("label", RESTORED_LABELS)
def test_a_finished_task_waits_after_a_restore(backend: BaseTaskBackend, kubectl: Kubectl, label: str) -> None:
    id_ = finish(probes.add.enqueue(1, 2)).id
    for kind in ("job", "pod"):
        assert kubectl.get(kind, f"{id_}-1")["metadata"]["labels"][EXCLUDE_FROM_BACKUP_LABEL] == "true"
    copy = backed_up(kubectl, id_, label)
    kubectl("delete", "djangotask", id_)
    wait_gone(kubectl, "job", f"{id_}-1")
    kubectl("create", "-f", "-", stdin=json.dumps(copy))
    status = wait_reason(kubectl, id_, "Restored")
    assert status["phase"] == "Queued"
    assert not kubectl("get", "job", f"{id_}-1", "--ignore-not-found")
    # The way out, as the message says it.
    (command,) = [part for part in status["message"].split(". ") if "kubectl " in part]
    kubectl(*command.partition("kubectl ")[2].split())
    wait_phase(kubectl, id_, "Succeeded")


def test_a_status_that_is_restored_after_the_object_stays(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    """Velero's two steps, with `--status-include-resources`."""
    id_ = finish(probes.add.enqueue(1, 2)).id
    status = kubectl.get("djangotask", id_)["status"]
    copy = backed_up(kubectl, id_, RESTORED_LABELS[0])
    kubectl("delete", "djangotask", id_)
    wait_gone(kubectl, "job", f"{id_}-1")
    created = json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(copy)))
    kubectl("replace", "--subresource=status", "-f", "-", stdin=json.dumps(created | {"status": status}))
    found = kubectl.get("djangotask", id_)["status"]
    assert (found["phase"], found["result"]) == ("Succeeded", "3")

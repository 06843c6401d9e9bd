"""What stories do with tasks: make them by hand, wait for what becomes of them."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.tasks import TaskResult

    from tools.kubectl import Kubectl

# A cold pod takes one to three seconds on an idle machine; tests run side by side on a busy one.
FINISH_SECONDS = 90.0
Status = dict[str, Any]


def scheduled_task(task: str = "shop.probes.add", *args: Any, name: str | None = None, **spec: Any) -> dict[str, Any]:
    """A DjangoTask as somebody writes it by hand."""
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTask",
        "metadata": {"name": name or f"task-{secrets.token_hex(4)}"},
        "spec": {"task": task, "payload": json.dumps({"args": args, "kwargs": {}})} | spec,
    }


def create_task(kubectl: Kubectl, task: str = "shop.probes.add", *args: Any, **spec: Any) -> str:
    """Applies such a task, and returns its name."""
    manifest = scheduled_task(task, *args, **spec)
    kubectl.apply(manifest)
    name: str = manifest["metadata"]["name"]
    return name


def status_of(kubectl: Kubectl, name: str) -> Status:
    status: Status = kubectl.get("djangotask", name)["status"]
    return status


def wait_status(
    kubectl: Kubectl, name: str, check: Callable[[Status], bool], what: str, seconds: float = FINISH_SECONDS
) -> Status:
    """The first status that passes the check."""
    last: Status = {}

    def look() -> Status | None:
        nonlocal last
        last = status_of(kubectl, name)
        return last if check(last) else None

    return wait_for(f"task {name}: {what}", look, seconds=seconds, why=lambda: json.dumps(last, indent=1))


def wait_phase(kubectl: Kubectl, name: str, *phases: str, seconds: float = FINISH_SECONDS) -> Status:
    return wait_status(kubectl, name, lambda status: status["phase"] in phases, "/".join(phases), seconds)


def wait_reason(kubectl: Kubectl, name: str, reason: str, seconds: float = FINISH_SECONDS) -> Status:
    return wait_status(kubectl, name, lambda status: status.get("reason") == reason, reason, seconds)


def finish(result: TaskResult[..., Any], seconds: float = FINISH_SECONDS) -> TaskResult[..., Any]:
    """The result, once its task is finished."""

    def look() -> TaskResult[..., Any] | None:
        result.refresh()
        return result if result.is_finished else None

    return wait_for(f"task {result.id} is finished", look, seconds=seconds, why=lambda: repr(result))


def wait_gone(kubectl: Kubectl, kind: str, name: str, seconds: float = FINISH_SECONDS) -> None:
    def look() -> bool | None:
        return True if not kubectl("get", kind, name, "--ignore-not-found", "-o", "name").strip() else None

    wait_for(f"{kind} {name} is gone", look, seconds=seconds)


def assert_stopped(kubectl: Kubectl, pod: str) -> None:
    """Its containers have ended, or it is gone. (The pod's phase follows a moment after.)"""
    found = kubectl("get", "pod", pod, "--ignore-not-found", "-o", "json").strip()
    states = [container["state"] for container in json.loads(found)["status"]["containerStatuses"]] if found else []
    assert all("terminated" in state for state in states), states

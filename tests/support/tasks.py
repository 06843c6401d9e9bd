"""What stories do with tasks: make them by hand, wait for what becomes of them."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from tools.kubectl import StepFailed, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.tasks import TaskResult

    from tools.kubectl import Kubectl

# A cold pod takes one to three seconds on an idle machine; tests run side by side on a busy one. Only what fails waits
# for so long.
FINISH_SECONDS = 240.0
# What `probes.wait_for_file` waits for: the task ends when the test says so, and not when a time is over.
GO = "/tmp/go"
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


def go(kubectl: Kubectl, pod: str) -> None:
    """Makes the file that the task waits for, as soon as its container is there."""

    def made() -> bool | None:
        try:
            kubectl("exec", pod, "--", "touch", GO)
        except StepFailed:
            return None
        return True

    wait_for(f"the task in {pod} may go on", made, seconds=FINISH_SECONDS)


def killed_for(kubectl: Kubectl, pod: str) -> str:
    """The reason of an attempt that took too much memory, by what the kubelet says of its container: on a busy node it
    hears of the end before it hears of the cause, and then never says that it was the memory."""
    (container,) = kubectl.get("pod", pod)["status"]["containerStatuses"]
    return "OOMKilled" if container["state"]["terminated"]["reason"] == "OOMKilled" else "ProcessExited"


def assert_stopped(kubectl: Kubectl, pod: str) -> None:
    """Its containers have ended, or it is gone. (The pod's phase follows a moment after.)"""
    found = kubectl("get", "pod", pod, "--ignore-not-found", "-o", "json").strip()
    states = [container["state"] for container in json.loads(found)["status"]["containerStatuses"]] if found else []
    assert all("terminated" in state for state in states), states

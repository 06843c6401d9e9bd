"""What init containers say of a pod."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.init_states import failed_init, initializing

INITS = [{"name": "proxy", "restartPolicy": "Always"}, {"name": "fetch"}, {"name": "render"}]
READY = {"name": "proxy", "state": {"running": {}}, "started": True}


def ended(name: str, **terminated: Any) -> dict[str, Any]:
    return {"name": name, "state": {"terminated": terminated}}


def pod(*statuses: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"initContainers": INITS}, "status": {"initContainerStatuses": list(statuses)}}


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"exitCode": 1, "reason": "Error"}, "its init container 'render' ended with exit code 1."),
        (
            {"exitCode": 137, "reason": "OOMKilled", "message": "no memory"},
            "its init container 'render' ended with exit code 137 (OOMKilled). It left:\nno memory",
        ),
    ],
)
def test_the_init_container_that_failed(end: dict[str, Any], words: str) -> None:
    """And not the sidecar that was stopped after it."""
    assert failed_init(pod(ended("proxy", exitCode=143), ended("fetch", exitCode=0), ended("render", **end))) == words


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([], None),
        ([{"name": "proxy", "state": {"waiting": {"reason": "PodInitializing"}}}], None),
        ([READY | {"started": False}], "The sidecar 'proxy' has not started up"),
        ([READY], None),
        ([READY, {"name": "fetch", "state": {"running": {}}, "started": False}], "'fetch' has not ended."),
        ([READY, {"name": "fetch", "state": {"running": {}}, "started": True}], "'fetch' has not ended."),
        ([READY, ended("fetch", exitCode=0), {"name": "render", "state": {"running": {}}}], "'render' has not ended."),
        ([{"name": "a-webhooks", "state": {"running": {}}}], None),
    ],
)
def test_what_the_containers_of_a_pod_wait_for(statuses: list[dict[str, Any]], words: str | None) -> None:
    found = initializing(pod(*statuses))
    assert found is None if words is None else words in (found or "")

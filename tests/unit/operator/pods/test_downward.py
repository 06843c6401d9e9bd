"""What the environment takes from labels that do not come along."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.operator.pods.test_follow import follow


def env(path: str) -> dict[str, Any]:
    return {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['prometheus.io/path']", "/$$(A)"),
        ("metadata.labels['team']", None),
        ("metadata.annotations['kept']", None),
        ("metadata.name", None),
        ("status.podIP", None),
    ],
)
def test_the_environment_says_of_labels_what_the_web_app_reads(path: str, value: str | None) -> None:
    """By its value, where the task's pod has no such label or annotation."""
    containers = [{"name": name, "image": "shop", "env": [env(path)]} for name in ("web", "proxy")]
    annotations = {"prometheus.io/path": "/$(A)", "kept": "1"}
    made = follow({"containers": containers}, annotations, copyLabels=["team"])
    expected = env(path) if value is None else {"name": "A", "value": value}
    assert [container["env"] for container in made.manifest["spec"]["containers"]] == [[expected], [expected]]

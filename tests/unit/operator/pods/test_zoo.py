"""The pod of a task of each app in the zoo, beside the Deployment's."""

from __future__ import annotations

import pytest

from djangotasks_operator.pods.template import pod_template
from tests.zoo import APPS, App
from tests.zoo.differences import differences

# What no task's container has of its Deployment's, and what each one has instead.
SERVING = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
RUNNING = ("command", "args", "terminationMessagePath", "terminationMessagePolicy")


def of_every_task(app: App) -> set[str]:
    """The paths that differ for each of them."""
    container = f"spec.containers[{app.container}]"
    return {
        "metadata.labels",
        "metadata.annotations[kubectl.kubernetes.io/default-container]",
        "spec.automountServiceAccountToken",
        "spec.restartPolicy",
        *(f"{container}.{key}" for key in SERVING + RUNNING),
    }


def path(line: str) -> str:
    return line[2:].partition(" = ")[0].partition(": ")[0]


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_a_task_has_what_its_deployment_has(app: App) -> None:
    made = pod_template(app.template, app.parsed_queue(), app.deployment_selector, "shop")
    always = of_every_task(app)
    found = [line for line in differences(app.template, made.manifest) if path(line) not in always]
    assert sorted(found) == sorted(app.differences)
    assert list(made.notes) == app.notes
    container = next(c for c in made.manifest["spec"]["containers"] if c["name"] == made.container)
    assert (made.container, container["command"]) == (app.container, app.parsed_queue().command)
    assert not {*SERVING, "args"} & set(container)


def test_no_app_is_there_twice() -> None:
    assert len({app.name for app in APPS}) == len(APPS) >= 30

"""logs of a step: which task that is, and what is said where it is not there."""

from copy import deepcopy
from typing import Any

import pytest

from django_tasks_kubernetes.cli.task_follower import TaskFollower
from django_tasks_kubernetes.cli.workflow_logs import place_of, step_logs, task_of, why_not
from django_tasks_kubernetes.cli.workflow_session import NotFound
from django_tasks_kubernetes.presentation.filters import UsageError
from tests.unit.backend.workflow_resources import FAILED, RUNNING, RecordedWorkflows, workflow_resource

RUNS = workflow_resource(status=RUNNING)
BAD = workflow_resource(status=FAILED)
NEVER_RAN = workflow_resource(status={"phase": "Failed", "reason": "NotRetryable"})


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("extract", "flow-extract"),
        ("clean-up", "flow-clean-up"),
        ("render[7]", "flow-render-00007"),
        ("render-00007", "flow-render-00007"),
    ],
)
def test_a_step_is_named_as_people_and_as_tasks_name_it(text: str, task: str) -> None:
    assert task_of(BAD, place_of(BAD, text)) == task


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("no", NotFound, "flow has no step 'no'. There are: extract, render, publish, alert, clean-up."),
        ("", NotFound, "has no step ''"),
        (
            "render",
            UsageError,
            "render is a map of 10 tasks: say which, such as 'render[3]', in quotes. Failed: 3,7,9.",
        ),
        ("extract[0]", UsageError, "extract is one task, and has no index: say extract."),
        ("render[10]", NotFound, "render has 10 tasks, and the first is render[0]."),
    ],
)
def test_what_names_no_task(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as raised:
        place_of(BAD, text)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "task"),
    [("render[3]", "flow-render-00000"), ("render[7]", "flow-render-00001"), ("render-00001", "flow-render-00001")],
)
def test_an_item_of_a_chunk_has_the_task_of_that(text: str, task: str) -> None:
    found = deepcopy(workflow_resource(status=RUNNING))
    (render,) = [step for step in found["spec"]["steps"] if step["name"] == "render"]
    render["map"] = render["map"] | {"chunk": 5}
    assert task_of(found, place_of(found, text)) == task


def test_in_a_retry_the_task_may_be_that_of_the_workflow_before() -> None:
    taken: list[dict[str, Any]] = [{"workflow": "before", "uid": "u", "indexes": "0-2,4"}]
    steps = RUNNING["steps"]
    found = workflow_resource(status=RUNNING | {"steps": steps | {"render": steps["render"] | {"takenOver": taken}}})
    assert task_of(found, place_of(found, "render[4]")) == "before-render-00004"
    assert task_of(found, place_of(found, "render[3]")) == "flow-render-00003"


@pytest.mark.parametrize(
    ("resource", "step", "words"),
    [
        (RUNS, "extract", "The task of extract is gone, and its log with it."),
        (RUNS, "render[3]", "The task of render[3] is gone, and its log with it."),
        (RUNS, "render[8]", "render[8] has not begun: of render, 4/10 are over."),
        (RUNS, "alert", "alert has not begun: alert is Pending, after publish."),
        (BAD, "publish", "publish did not run: publish is Skipped, UpstreamFailed."),
    ],
)
def test_why_there_is_no_log(resource: dict[str, Any], step: str, words: str) -> None:
    assert why_not(resource, place_of(resource, step)) == words
    said = RecordedWorkflows(resource)
    assert step_logs(said.session, "flow", step) == 1
    assert said.err == words + "\n"


@pytest.mark.parametrize(
    ("resource", "step", "words"),
    [
        (RUNS, "render[3]", "The task of render[3] is gone, and its log with it."),
        (NEVER_RAN, "extract", "extract did not run: the workflow is Failed."),
    ],
)
def test_what_never_comes_is_not_waited_for(
    resource: dict[str, Any], step: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://github.com/argoproj/argo-workflows/issues/5362: logs of what is gone were waited for."""

    def wait(_follower: TaskFollower, _seconds: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(TaskFollower, "wait", wait)
    said = RecordedWorkflows(resource)
    monkeypatch.setattr(said.workflows, "subscribe", lambda _subscription: lambda: None)
    assert step_logs(said.session, "flow", step, follow=True) == 1
    assert said.err == words + "\n"

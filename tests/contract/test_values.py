"""Which values the API server takes, field by field, and that it keeps them as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from djangotasks_api.bounds import PAYLOAD_MAX_BYTES, RESULT_MAX_BYTES, STANDBY_MAX
from djangotasks_api.models import DjangoTask, DjangoTaskQueue, DjangoTaskSchedule, DjangoTaskWorkflow
from djangotasks_api.names import SCHEDULE_KIND, TASK_KIND, WORKFLOW_KIND
from djangotasks_api.phases import Reason
from tests.contract.bounds import Case, cases, put
from tests.contract.server import Server, is_accepted, queue, schedule, task, workflow
from tools.cluster import ROOT
from tools.kubectl import Kubectl

NewTask = Callable[..., str]


def check(case: Case, call: Callable[[], object]) -> None:
    assert is_accepted(call) is case.accepted


@pytest.mark.parametrize("case", cases(DjangoTask, "spec"), ids=str)
def test_values_of_a_tasks_spec(server: Server, case: Case) -> None:
    check(case, lambda: server.create(put(task(), case.path, case.value, DjangoTask), dry_run=True))


@pytest.fixture(scope="module")
def waiting(new_task: NewTask) -> str:
    return new_task()


@pytest.mark.parametrize("case", cases(DjangoTask, "status"), ids=str)
def test_values_of_a_tasks_status(server: Server, waiting: str, case: Case) -> None:
    body = put({}, case.path, case.value, DjangoTask)
    check(case, lambda: server.patch_status(waiting, body["status"], dry_run=True))


@pytest.mark.parametrize("case", cases(DjangoTaskQueue, "spec"), ids=str)
def test_values_of_a_queues_spec(server: Server, case: Case) -> None:
    body = queue()
    if case.path[1:2] == ("podTemplateFrom",):
        body["spec"] = {}
    if case.path[1:] == ("standby", "min"):
        body["spec"]["standby"] = {"max": STANDBY_MAX.most}
    check(case, lambda: server.create(put(body, case.path, case.value, DjangoTaskQueue), dry_run=True))


def with_source(body: Any, case: Case) -> None:
    """Chunks are of the items of something."""
    if case.path[-1] == "chunk":
        spec = body["spec"].get("workflow", body["spec"])
        spec["steps"][0]["map"]["over"] = "first"


@pytest.mark.parametrize("case", cases(DjangoTaskSchedule, "spec"), ids=str)
def test_values_of_a_schedules_spec(server: Server, case: Case) -> None:
    body = schedule()
    if case.path[1:2] == ("everyMinutes",):
        del body["spec"]["cron"]
    if case.path[1:2] == ("workflow",):
        body["spec"] = {"cron": body["spec"]["cron"], "workflow": workflow()["spec"]}
    body = put(body, case.path, case.value, DjangoTaskSchedule)
    with_source(body, case)
    check(case, lambda: server.create(body, dry_run=True))


@pytest.fixture(scope="module")
def waiting_schedule(server: Server) -> str:
    server.create(schedule("waiting"))
    return "waiting"


@pytest.mark.parametrize("case", cases(DjangoTaskSchedule, "status"), ids=str)
def test_values_of_a_schedules_status(server: Server, waiting_schedule: str, case: Case) -> None:
    status = put({}, case.path, case.value, DjangoTaskSchedule)["status"]
    check(case, lambda: server.patch_status(waiting_schedule, status, kind=SCHEDULE_KIND, dry_run=True))


@pytest.mark.parametrize("case", cases(DjangoTaskWorkflow, "spec"), ids=str)
def test_values_of_a_workflows_spec(server: Server, case: Case) -> None:
    body = put(workflow(), case.path, case.value, DjangoTaskWorkflow)
    with_source(body, case)
    check(case, lambda: server.create(body, dry_run=True))


@pytest.fixture(scope="module")
def pending(server: Server) -> str:
    body = workflow()
    server.create(body)
    name: str = body["metadata"]["name"]
    return name


@pytest.mark.parametrize("case", cases(DjangoTaskWorkflow, "status"), ids=str)
def test_values_of_a_workflows_status(server: Server, pending: str, case: Case) -> None:
    body = put({}, case.path, case.value, DjangoTaskWorkflow)
    check(case, lambda: server.patch_status(pending, body["status"], kind=WORKFLOW_KIND, dry_run=True))


def test_the_cases_are_found_by_themselves() -> None:
    found = {".".join(map(str, case.path)): case for case in cases(DjangoTask, "status")}
    assert {"status.attempts.0.error.traceback", "status.conditions.0.type", "status.interruptions"} <= found.keys()
    assert len(cases(DjangoTask, "spec")) > 100


@pytest.mark.parametrize("word", [*Reason, "SolarFlare", "A", "A" * 64])
def test_a_reason_of_any_version_is_taken(server: Server, waiting: str, word: str) -> None:
    """The CRD may be older than the operator that writes: its result must not be lost over a word."""
    attempt = {"number": 1, "job": "a-1", "pod": "a-1", "reason": word}
    server.patch_status(waiting, {"reason": word, "attempts": [attempt]}, dry_run=True)


def test_unknown_fields_are_pruned(server: Server) -> None:
    body = task("pruned", image="evil:1", policy={"maxAttempts": 2, "priorityClassName": "high"})
    created = server.create(body)
    assert "image" not in created["spec"]
    assert created["spec"]["policy"] == {"maxAttempts": 2}
    written = server.patch_status("pruned", {"phase": "Running", "mood": {"good": 1}})
    assert written["status"] == {"phase": "Running", "interruptions": 0}
    kept = server.create(queue("open", template={"spec": {"aFieldOfALaterKubernetes": [1]}}), dry_run=True)
    assert kept["spec"]["template"] == {"spec": {"aFieldOfALaterKubernetes": [1]}}


def test_the_largest_task_comes_back_to_the_byte(server: Server) -> None:
    """Payload, result and a hundred attempts at their limits, together, and in one write as the operator does it."""
    exact = [2**63 + 1, -(2**70), 1e300, "größe 名前 🎉 \\u0000 \u2028 $(HOME) </script>", None]
    payload = json.dumps({"args": exact, "kwargs": {}}, ensure_ascii=False)
    payload = payload[:-1] + " " * (PAYLOAD_MAX_BYTES - len(payload.encode())) + "}"
    server.create(task("large", payload=payload))
    result = json.dumps(exact, ensure_ascii=False)
    result = result[:-1] + " " * (RESULT_MAX_BYTES - len(result.encode())) + "]"
    attempts = [
        {
            "number": number,
            "job": f"large-{number}",
            "pod": f"large-{number}",
            "startedAt": "2026-11-23T12:00:00.000001Z",
            "finishedAt": "2026-11-23T12:00:00.999999Z",
            "exitCode": 137,
            "reason": "TaskError",
            "message": "m" * 1024,
            "error": {"type": "shop.probes.CardDeclined", "traceback": "größe\n" * 218},
        }
        for number in range(1, 101)
    ]
    server.patch_status("large", {"phase": "Succeeded", "result": result, "attempts": attempts})
    body = server.get(TASK_KIND, "large")
    assert body["spec"]["payload"] == payload
    assert body["status"]["result"] == result
    assert body["status"]["attempts"] == attempts
    assert json.loads(body["status"]["result"]) == exact


def test_the_server_has_the_definitions_of_this_tree(kubectl: Kubectl) -> None:
    """Nothing was left over by another version or another installer, and the rules are within the cost budget."""
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        wanted = yaml.safe_load(path.read_text())
        found = kubectl.get("crd", wanted["metadata"]["name"])
        assert found["spec"].pop("conversion") == {"strategy": "None"}
        assert found["spec"] == wanted["spec"]
        conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
        assert (conditions["Established"], conditions["NamesAccepted"]) == ("True", "True")
        assert conditions.get("NonStructuralSchema", "False") == "False"
        kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", str(path))

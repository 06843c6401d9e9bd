"""What becomes of pods on fake nodes: KWOK Stages that end a task's pod as its queue's template says. Pure.

A task's pod leaves its outcome in the termination message, signed as the runner does, so the operator learns of it from
the pod alone. The pods of bare Jobs just succeed. Stages: https://kwok.sigs.k8s.io/docs/user/stages-configuration/
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from benchmarks.go_signature import signed_message
from djangotasks_api.names import ATTEMPT_LABEL, STANDBY_LABEL, TASK_UID_LABEL

FATE = "bench.djangotasks.dev/fate"
# How long a pod runs, as Go writes durations: "10s". Without it, it ends as soon as it runs.
SECONDS = "bench.djangotasks.dev/runs-for"
SUCCESS = '{"startedAt":"NOW","finishedAt":"NOW","result":"3"}'
RESULT_BYTES = 1024
LARGE_SUCCESS = f'{{"startedAt":"NOW","finishedAt":"NOW","result":"\\"{"x" * RESULT_BYTES}\\""}}'
FAILURE = (
    '{"startedAt":"NOW","finishedAt":"NOW","reason":"TaskError","retryable":true,'
    '"error":{"type":"builtins.ValueError","traceback":"ValueError: as the benchmark wants it"}}'
)


class Fate(StrEnum):
    """`LARGE`: with a text of RESULT_BYTES as its result. `FLAKY`: the first attempt fails, the others succeed. `NEVER`:
    the pod runs until somebody deletes it."""

    SUCCEED = "succeed"
    LARGE = "large"
    FAIL = "fail"
    FLAKY = "flaky"
    OOM = "oom"
    NEVER = "never"


def pod_template(fate: Fate = Fate.SUCCEED, runs_for: str | None = None) -> dict[str, Any]:
    """A queue's, or a bare Job's: on fake nodes only, which never pull an image."""
    annotations = {FATE: fate.value} | ({} if runs_for is None else {SECONDS: runs_for})
    return {
        "metadata": {"annotations": annotations},
        "spec": {
            "nodeSelector": {"type": "kwok"},
            "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists", "effect": "NoSchedule"}],
            "containers": [{"name": "task", "image": "fake"}],
            "restartPolicy": "Never",
        },
    }


def stages() -> list[dict[str, Any]]:
    """How pods end. They exclude one another: where two fit, kwok would throw dice."""
    fate = f'.metadata.annotations["{FATE}"]'
    attempt, uid, standby = (f'.metadata.labels["{name}"]' for name in (ATTEMPT_LABEL, TASK_UID_LABEL, STANDBY_LABEL))
    # A standby pod waits until it is a task's.
    task, bare, never_standby = (uid, "Exists", ()), (uid, "DoesNotExist", ()), (standby, "DoesNotExist", ())
    first = (attempt, "In", ("1",))
    return [
        _stage("task-succeeds", _ended(0, "Completed", SUCCESS), task, (fate, "In", (Fate.SUCCEED,))),
        _stage("task-succeeds-largely", _ended(0, "Completed", LARGE_SUCCESS), task, (fate, "In", (Fate.LARGE,))),
        _stage("task-fails", _ended(1, "Error", FAILURE), task, (fate, "In", (Fate.FAIL,))),
        _stage("task-flaky-fails", _ended(1, "Error", FAILURE), task, (fate, "In", (Fate.FLAKY,)), first),
        _stage(
            *("task-flaky-succeeds", _ended(0, "Completed", SUCCESS), task),
            *((fate, "In", (Fate.FLAKY,)), (attempt, "NotIn", ("1",))),
        ),
        _stage("task-oom", _ended(137, "OOMKilled", ""), task, (fate, "In", (Fate.OOM,))),
        _stage("bare-succeeds", _ended(0, "Completed", ""), bare, never_standby, (fate, "In", (Fate.SUCCEED,))),
    ]


def _stage(name: str, status_template: str, *matches: tuple[str, str, tuple[str, ...]]) -> dict[str, Any]:
    always = ((".metadata.deletionTimestamp", "DoesNotExist", ()), (".status.phase", "In", ("Running",)))
    expressions: list[dict[str, Any]] = [
        {"key": key, "operator": operator} | ({"values": list(map(str, values))} if values else {})
        for key, operator, values in (*always, *matches)
    ]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": expressions},
            "delay": {
                "durationMilliseconds": 0,
                "durationFrom": {"expressionFrom": f'.metadata.annotations["{SECONDS}"]'},
            },
            "next": {"statusTemplate": status_template},
        },
    }


def _ended(exit_code: int, reason: str, outcome: str) -> str:
    """A Go template for the pod's status. `outcome`: with NOW for the time."""
    message_line = "\n      message: {{ $message | Quote }}" if outcome else ""
    return f"""{{{{ $now := Now }}}}
{signed_message(outcome) if outcome else ""}
containerStatuses:
{{{{ range .spec.containers }}}}
- image: {{{{ .image | Quote }}}}
  name: {{{{ .name | Quote }}}}
  ready: false
  restartCount: 0
  started: false
  state:
    terminated:
      exitCode: {exit_code}
      reason: {reason}
      startedAt: {{{{ $now | Quote }}}}
      finishedAt: {{{{ $now | Quote }}}}{message_line}
{{{{ end }}}}
phase: {"Failed" if exit_code else "Succeeded"}
"""

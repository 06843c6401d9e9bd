"""What is said of a pod that does not run yet, and when it is given up."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import Wait, WriteStatus, WriteStatusLater
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.pods.events import PodEvents
from djangotasks_operator.pods.views import Waiting
from djangotasks_operator.status.text import plain
from tests.support.builders import at, make_attempt, make_job, make_pod, make_snapshot, make_task, make_waiting

INIT = "The init container 'render' has not ended."
UNSCHEDULABLE = TaskStatus(phase=Phase.STARTING, reason=Reason.UNSCHEDULABLE, attempts=[make_attempt()])


def test_a_pod_that_has_found_its_node_is_not_shown_as_unschedulable() -> None:
    task = make_task(status=UNSCHEDULABLE)
    for scheduled_at, over in ((None, False), (at(-1), True)):
        pod = make_pod(scheduled_at=scheduled_at, acknowledged_at=scheduled_at)
        action = decide(make_snapshot(task, jobs=(make_job(),), pods=(pod,)), at(0))
        if over:
            assert isinstance(action, WriteStatusLater)
            assert (action.status.phase, action.status.reason) == (Phase.STARTING, None)
        else:
            assert isinstance(action, Wait)


@pytest.mark.parametrize(
    ("pod", "events", "words"),
    [
        ({}, None, "within 300 s."),
        (
            {},
            PodEvents(pod_uid="pod-1", read_at=at(0), latest='Pulling: the image "x"'),
            'Event: Pulling: the image "x"',
        ),
        # A kubelet's word of a later Kubernetes, or of one that is none.
        (
            {"waiting": make_waiting("PreStartHookError", "no CPU")},
            None,
            "A container waits: PreStartHookError: no CPU",
        ),
        # apache/airflow#41186: of a virtual kubelet's pod, which stays Pending.
        ({"reason": "ProviderFailed", "message": "no subnet"}, None, "Its status: ProviderFailed: no subnet"),
        ({"waiting": make_waiting("PreStartHookError", "")}, None, "A container waits: PreStartHookError"),
        ({"scheduled_at": at(-299), "acknowledged_at": at(-298)}, None, "within 300 s."),
        ({"initializing": INIT}, None, f"within 300 s. {INIT}"),
        (
            {"initializing": INIT},
            PodEvents(pod_uid="pod-1", read_at=at(0), latest="Started: Container started"),
            f"{INIT} Its last Event: Started: Container started",
        ),
    ],
)
def test_a_pod_that_started_too_late_says_what_is_known(
    pod: dict[str, Any], events: PodEvents | None, words: str
) -> None:
    snapshot = make_snapshot(jobs=(make_job(),), pods=(make_pod(created_at=at(-300), **pod),), pod_events=events)
    action = decide(snapshot, at(0))
    assert isinstance(action, WriteStatus)
    assert action.status.reason is Reason.START_TIMEOUT
    assert (action.status.message or "").endswith(words)


@pytest.mark.parametrize(
    ("shown", "pod", "expected"),
    [
        ((Reason.IMAGE_PULL_FAILED, "no such image"), {"waiting": make_waiting("ImagePullBackOff")}, None),
        # It was pulled, and what it runs takes its time.
        ((Reason.IMAGE_PULL_FAILED, "no such image"), {"initializing": INIT}, INIT),
        ((Reason.CONTAINER_CONFIG_ERROR, "no such ConfigMap"), {}, ""),
        # One that fails again and again runs between two tries.
        ((Reason.INIT_CONTAINER_FAILED, "CrashLoopBackOff"), {"initializing": INIT}, None),
        ((None, None), {"initializing": INIT}, INIT),
        ((None, INIT), {"initializing": INIT}, None),
        ((None, INIT), {}, ""),
    ],
)
def test_what_a_pod_waits_for_is_what_is_shown(
    shown: tuple[Reason | None, str | None], pod: dict[str, Any], expected: str | None
) -> None:
    """`expected`: the new message, without a reason; None where the status stays."""
    status = TaskStatus(phase=Phase.STARTING, reason=shown[0], message=shown[1], attempts=[make_attempt()])
    found = make_pod(created_at=at(-20), scheduled_at=at(-20), acknowledged_at=at(-20), **pod)
    action = decide(make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(found,)), at(0))
    if expected is None:
        assert isinstance(action, Wait)
    else:
        assert isinstance(action, WriteStatusLater)
        assert (action.status.reason, action.status.message or "") == (None, expected)


@pytest.mark.parametrize(
    ("shown", "waiting", "is_new"),
    [
        ('ErrImagePull: failed to pull "docker.io/shop:1": 404', ("ImagePullBackOff", 'Back-off "shop:1"', "shop:1"), False),
        ('ErrImagePull: failed to pull "docker.io/init:1": 404', ("ErrImagePull", 'no "shop:1"', "shop:1"), True),
        ('CreateContainerConfigError: configmap "a" not found',
         ("CreateContainerConfigError", 'configmap "a" not found', "shop:1"), False),
        ('CreateContainerConfigError: configmap "a" not found',
         ("CreateContainerConfigError", 'secret "b" not found', "shop:1"), True),
        # It is stored as plain text.
        (plain('CreateContainerConfigError: configmap "a\x1b" not found'),
         ("CreateContainerConfigError", 'configmap "a\x1b" not found', "shop:1"), False),
        # What the runtime says of one failure is never the same.
        ("CreateContainerError: context deadline exceeded",
         ("CreateContainerError", 'the name is reserved for "a7f3"', "shop:1"), False),
    ],
)  # fmt: skip
def test_the_next_problem_is_shown_when_the_first_is_solved(
    shown: str, waiting: tuple[str, str, str], is_new: bool
) -> None:
    reason = Reason.IMAGE_PULL_FAILED if "Pull" in waiting[0] else Reason.CONTAINER_CONFIG_ERROR
    status = TaskStatus(phase=Phase.STARTING, reason=reason, message=shown, attempts=[make_attempt()])
    pod = make_pod(created_at=at(-20), waiting=Waiting(reason=waiting[0], message=waiting[1], image=waiting[2]))
    action = decide(make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(pod,)), at(0))
    if is_new:
        assert isinstance(action, WriteStatus)
        assert action.status.message == f"{waiting[0]}: {waiting[1]}"
    else:
        assert isinstance(action, Wait)

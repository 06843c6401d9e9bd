from __future__ import annotations

import itertools
from typing import Any

import pytest

from benchmarks.fates import FAILURE, FATE, LARGE_SUCCESS, SUCCESS, Fate, stages
from djangotasks_api.names import ATTEMPT_LABEL, TASK_UID_LABEL
from djangotasks_api.outcome import Outcome


@pytest.mark.parametrize(("message", "succeeded"), [(SUCCESS, True), (LARGE_SUCCESS, True), (FAILURE, False)])
def test_messages_are_outcomes(message: str, succeeded: bool) -> None:
    assert Outcome.from_json(message.replace("NOW", "2026-11-23T12:00:00Z")).succeeded is succeeded


@pytest.mark.parametrize(("fate", "attempt", "task"), list(itertools.product(Fate, ("1", "2"), (True, False))))
def test_at_most_one_stage_fits_a_pod(fate: Fate, attempt: str, task: bool) -> None:
    labels = {ATTEMPT_LABEL: attempt, TASK_UID_LABEL: "uid"} if task else {}
    values = {FATE: fate.value} | labels
    fitting = [stage["metadata"]["name"] for stage in stages() if fits(stage, values)]
    assert len(fitting) == (0 if fate is Fate.NEVER else 1 if task or fate is Fate.SUCCEED else 0)


def fits(stage: dict[str, Any], values: dict[str, str]) -> bool:
    for match in stage["spec"]["selector"]["matchExpressions"]:
        if '"' not in match["key"]:
            continue
        value = values.get(match["key"].split('"')[1])
        holds = {
            "In": value in match.get("values", ()),
            "NotIn": value not in match.get("values", ()),
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds[match["operator"]]:
            return False
    return True

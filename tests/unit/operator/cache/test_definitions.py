"""An operator that is newer than the CRDs says what is missing, and does not begin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

import pytest

from djangotasks_operator.cache import definitions
from djangotasks_operator.cache.definitions import TRIES, DefinitionsOutdated, check_definitions, missing_from
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError
from tests.unit.operator.http_api import schemas


@pytest.fixture(autouse=True)
def made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """To make the schemas takes longer than all else."""
    monkeypatch.setattr(definitions, "schemas", schemas)


class Served:
    """An API server's document: what it answers to each request, the last one from then on."""

    def __init__(self, *answers: Mapping[str, Any] | ApiError) -> None:
        self.answers = list(answers)
        self.requests = 0

    async def openapi(self, group: str, version: str) -> dict[str, Any]:
        self.requests += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ApiError):
            raise answer
        return {"components": {"schemas": {f"dev.djangotasks.{version}.{kind}": one for kind, one in answer.items()}}}


def check(*answers: Mapping[str, Any] | ApiError) -> int:
    """Returns the number of requests."""
    served = Served(*answers)
    asyncio.run(check_definitions(cast(Api, served), retry_seconds=0))
    return served.requests


def without(*path: str) -> dict[str, Any]:
    found = deepcopy(dict(schemas()))
    inner: Any = found
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return found


def with_enum(kind: str, field: str, values: list[str]) -> dict[str, Any]:
    found = deepcopy(dict(schemas()))
    found[kind]["properties"]["status"]["properties"][field]["enum"] = values
    return found


P = "properties"


@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        (schemas(), []),
        (without("DjangoTaskWorkflow"), ["DjangoTaskWorkflow"]),
        (without("DjangoTaskQueue", P, "spec", P, "weight"), ["DjangoTaskQueue.spec.weight"]),
        (
            without("DjangoTask", P, "status", P, "attempts", "items", P, "recordedAt"),
            ["DjangoTask.status.attempts[].recordedAt"],
        ),
        (with_enum("DjangoTask", "phase", ["Queued", "Starting", "Running"]), [
            f"DjangoTask.status.phase={phase}" for phase in ("Retrying", "Succeeded", "Failed", "Cancelled")
        ]),
    ],
)  # fmt: skip
def test_what_the_installed_crds_lack(installed: dict[str, Any], missing: list[str]) -> None:
    assert sorted(missing_from(installed, schemas())) == sorted(missing)


def test_newer_crds_do_no_harm() -> None:
    newer = deepcopy(dict(schemas()))
    newer["DjangoTask"][P]["spec"][P]["tomorrow"] = {"type": "string"}
    assert check(newer) == 1


def test_crds_that_were_just_applied_are_waited_for() -> None:
    missing = ApiError(404, {})
    assert check(missing, without("DjangoTaskSchedule"), schemas()) == 3


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("installed", "words"),
    [
        (ApiError(404, {}), "They lack: DjangoTask, DjangoTaskQueue, DjangoTaskSchedule"),
        (without("DjangoTask", P, "status"), "and [0-9]+ more"),
        (without("DjangoTaskQueue", P, "spec", P, "weight"), r"weight\. Apply .* kubectl apply --server-side -f crds/"),
    ],
)
def test_older_crds_end_the_start_with_what_to_do(installed: Any, words: str) -> None:
    served = Served(installed)
    with pytest.raises(DefinitionsOutdated, match=words):
        asyncio.run(check_definitions(cast(Api, served), retry_seconds=0))
    assert served.requests == TRIES


def test_an_api_server_that_is_away_is_not_taken_for_old_crds() -> None:
    with pytest.raises(ApiError, match="503"):
        check(ApiError(503, {"reason": "ServiceUnavailable"}))

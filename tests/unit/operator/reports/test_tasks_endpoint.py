"""What task pods ask for, over real HTTP, with an API server behind the operator that answers as a test wants."""

from __future__ import annotations

import pytest

from djangotasks_api.bounds import TASK_REQUEST_MAX_BYTES
from djangotasks_api.refusals import Refusal
from djangotasks_operator.reports.task_requests import AlreadyExists
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.runtime.errors import ApiError
from tests.unit.operator.reports.task_calls import ATTEMPT, PATH, TASK, Pod, Tasks, authorization, served

pytestmark = pytest.mark.thorough

STRICT = {"fieldValidation": "Strict"}


def test_each_request_reaches_its_purpose() -> None:
    tasks, change = Tasks(), {"spec": {"cancel": True, "cancelReason": "why"}}

    async def story(pod: Pod) -> list[int]:
        return [
            (await pod.post(query=STRICT))[0],
            (await pod.ask("GET", f"{PATH}/t2"))[0],
            (await pod.ask("PATCH", f"{PATH}/t2", change, query=STRICT))[0],
        ]

    assert served(story, tasks) == [201, 200, 200]
    assert tasks.asked == [("enqueue", ATTEMPT, TASK), ("read", ATTEMPT, "t2"), ("cancel", ATTEMPT, "t2", change)]


@pytest.mark.parametrize("kind", ["tasks", "workflows"])
def test_a_right_token_beside_an_invented_name(kind: str) -> None:
    """The token does not sign the name: otherwise each would be a request to the API server, and have its own limits."""
    tasks, path = Tasks(), PATH.replace("tasks", kind)

    async def story(pod: Pod) -> set[int]:
        assert (await pod.ask("GET", f"{path}/t1"))[0] == 200
        invented = path.replace("/a/", "/invented/")
        asked = [("POST", invented), ("GET", invented), ("GET", f"{invented}/t1"), ("PATCH", f"{invented}/t1")]
        return {(await pod.ask(method, url, {}))[0] for method, url in asked}

    assert served(story, tasks) == {401}
    assert len(tasks.asked) == 1


def test_workflows_have_a_path_of_their_own() -> None:
    tasks, path = Tasks(), PATH.replace("tasks", "workflows")

    async def story(pod: Pod) -> list[int]:
        return [
            (await pod.ask("POST", path, TASK, query=STRICT))[0],
            (await pod.ask("GET", f"{path}/w2"))[0],
            (await pod.ask("PATCH", f"{path}/w2", {}, query=STRICT))[0],
            (await pod.ask("POST", path, b" " * TASK_REQUEST_MAX_BYTES + b"{}"))[0],
        ]

    assert served(story, tasks) == [201, 200, 200, 201]
    assert [asked[0] for asked in tasks.asked] == ["enqueue", "read", "cancel", "enqueue"]
    assert {asked[-1] for asked in tasks.asked} == {"workflows"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x"}, authorization(uid="v"), authorization(attempt=2), {"Authorization": "Basic x"}],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", PATH), ("GET", PATH), ("GET", f"{PATH}/t1"), ("PATCH", f"{PATH}/t1")]
)
def test_a_wrong_token(headers: dict[str, str], method: str, path: str) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.ask(method, path, TASK, headers=headers), tasks)
    assert (status, answer["reason"], tasks.asked) == (401, "Unauthorized", [])


@pytest.mark.parametrize(
    "name", ["..", "..%2f..%2fsecrets", "a%2Fb", "A", "a_b", "%00", "-", "a" * 64, "a%3Fwatch=1", "a/status"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_name_is_a_name_and_no_path(method: str, name: str) -> None:
    tasks = Tasks()
    status, _ = served(lambda pod: pod.ask(method, f"{PATH}/{name}", {}), tasks)
    assert (status, tasks.asked) == (404, [])


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_nothing_else_is_done(method: str) -> None:
    tasks = Tasks()
    for path in (PATH, f"{PATH}/t1"):
        assert served(lambda pod, path=path: pod.ask(method, path, {}), tasks)[0] == 405  # type: ignore[misc]
    assert tasks.asked == []


@pytest.mark.parametrize("query", [{"dryRun": "All"}, {"fieldValidation": "Ignore"}, {"fieldManager": "x"}])
def test_a_query_that_would_change_the_meaning_is_refused(query: dict[str, str]) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.post(query=query), tasks)
    assert (status, answer["reason"], tasks.asked) == (422, Refusal.INVALID, [])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"not json"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.post(body), tasks)
    assert (status, answer["reason"], tasks.asked) == (422, Refusal.INVALID, [])


def test_a_body_is_limited() -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.post(b" " * (TASK_REQUEST_MAX_BYTES + 1)), tasks)
    assert (status, answer["kind"], tasks.asked) == (413, "Status", [])
    assert served(lambda pod: pod.post(b" " * (TASK_REQUEST_MAX_BYTES - 2) + b"{}"), tasks)[0] == 201


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Refused(403, Refusal.TASK_ACCESS, "words"), 403, "TaskAccess"),
        (ApiError(404, {"reason": "NotFound", "message": "words"}), 404, "NotFound"),
        (ApiError(409, {"reason": "AlreadyExists", "message": "words"}), 409, "AlreadyExists"),
        (ApiError(422, {"reason": "Invalid", "message": "words"}), 422, "Invalid"),
        (ApiError(403, {"reason": "Forbidden", "message": "words"}), 403, "Forbidden"),
        (ApiError(429, {}), 503, "ServiceUnavailable"),
        (ApiError(401, {}), 503, "ServiceUnavailable"),
        (ApiError(500, {}), 503, "ServiceUnavailable"),
        (OSError(), 503, "ServiceUnavailable"),
        (TimeoutError(), 503, "ServiceUnavailable"),
    ],
)
def test_what_is_wrong_is_said_as_the_api_server_says_it(error: Exception, status: int, reason: str) -> None:
    answered, answer = served(lambda pod: pod.ask("GET", f"{PATH}/t1"), Tasks(error))
    assert (answered, answer["kind"], answer["code"], answer["reason"]) == (status, "Status", status, reason)
    if status == 404:
        assert answer["details"] == {"kind": "djangotasks", "name": "t1"}
    if status != 503:
        assert answer["message"] == "words"


def test_a_task_that_exists_is_shown() -> None:
    assert served(lambda pod: pod.post(), Tasks(AlreadyExists(TASK))) == (409, TASK)

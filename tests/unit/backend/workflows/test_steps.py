"""step() and each(): what they draw, and what they refuse. mypy checks their types here, as for users."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import pytest
from django.test import override_settings

from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.retry import Retry
from django_tasks_kubernetes.workflows import ALWAYS, ON_FAILURE, call, chain, each, group, step, workflow
from djangotasks_api.workflow import json_text
from tests.unit.backend.workflows.flows import add, arender, extract, note, render, total


def draw(function: Callable[[], Any]) -> dict[str, Any]:
    return workflow(function).draw()


def steps(function: Callable[[], Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = draw(function)["steps"]
    return found


def test_types_are_those_of_results() -> None:
    def flow() -> dict[str, object]:
        rows = step(extract)(2026)
        assert_type(rows, list[str])
        parts = each(render, rows, max_parallel=2)
        assert_type(parts, list[int])
        assert_type(each(arender, rows), list[int])
        assert_type(each(add, [1], 2), list[int])
        step(extract)("2026")  # type: ignore[arg-type]
        return step(total)(parts, title="x")

    assert [made["name"] for made in steps(flow)] == ["extract", "render", "arender", "add", "extract-2", "total"]


def types_of_workflows() -> None:
    """Read by mypy alone: what is right passes, and each line with an ignore is an error."""

    @workflow
    def flow(year: int, *, title: str = "") -> dict[str, object]:
        return step(total)(each(render, step(extract)(year)), title=title)

    assert_type(flow.enqueue(2026, title="x").get(), dict[str, object])
    assert_type(flow.as_result(2026), dict[str, object])
    flow.enqueue("2026")  # type: ignore[arg-type]
    flow.enqueue(2026, titel="x")  # type: ignore[call-arg]
    step(total)(["x"])  # type: ignore[list-item]
    step(total)([1], title=2)  # type: ignore[arg-type]
    step(total)()  # type: ignore[call-arg]
    step(extract, when=1)  # type: ignore[call-overload]
    each(render, 3)  # type: ignore[call-overload]
    each(render, ["a"], max_parallel="2")  # type: ignore[call-overload]
    step(total)(each(extract, [1]))  # type: ignore[arg-type]
    assert_type(chain(call(extract, 2026)).enqueue().get(), list[str])
    assert_type(chain(call(extract, 2026), call(total)).enqueue().get(), dict[str, object])
    assert_type(chain(call(render, "a"), call(add, 1), call(note), call(arender)).enqueue().get(), int)
    assert_type(group(call(render, "a"), call(arender, "b")).enqueue().get(), list[int])
    chain(call(render, "a"), render)  # type: ignore[call-overload]
    group(render)  # type: ignore[arg-type]
    call(extract.func, 1)  # type: ignore[call-overload]


def test_a_result_is_an_input_of_the_next_step() -> None:
    def flow() -> None:
        rows = step(extract)(2026)
        step(note)({"all": [rows, 1], "first": rows[0]})

    first, second = steps(flow)
    assert first == {
        "name": "extract",
        "task": "tests.unit.backend.workflows.flows.extract",
        "payload": '{"args":[2026],"kwargs":{}}',
    }
    assert json.loads(second["payload"]) == {"args": [{"all": [None, 1], "first": None}], "kwargs": {}}
    assert second["inputs"] == [
        {"into": "/args/0/all/0", "step": "extract"},
        {"into": "/args/0/first", "step": "extract", "pointer": "/0"},
    ]


def test_a_step_says_its_queue_where_that_is_not_its_workflows() -> None:
    def flow() -> None:
        step(note)(1)
        step(note.using(queue_name="mail"))(2)

    def queues(queue: str) -> list[str | None]:
        return [made.get("queue") for made in workflow(queue_name=queue)(flow).draw()["steps"]]

    assert (queues("default"), queues("mail")) == ([None, "mail"], ["default", None])


def test_a_map_has_one_of_three_sources() -> None:
    def flow() -> None:
        listed = each(add, (number for number in range(2)), 10, kwargs={}, max_failed=1, fail_fast=True)
        each(note, listed)
        each(render, step(extract)(1))
        each(note, [0, 1])

    first, lane, _, over, again = steps(flow)
    assert first["map"] == {"list": "list-1"}
    assert first["inputs"] == [{"into": "/args/0"}]
    assert json.loads(first["payload"]) == {"args": [None, 10], "kwargs": {}}
    assert (first["maxFailedIndexes"], first["failFast"]) == (1, True)
    assert lane["map"] == {"each": "add"}
    assert over["map"] == {"over": "extract"}
    assert again["map"] == {"list": "list-1"}, "the same list is kept once"
    assert draw(flow)["lists"] == [{"name": "list-1", "items": "[0,1]"}]


def test_a_list_that_is_drawn_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """To find where 10,000 items begin and end takes longer than all the rest of enqueue()."""
    monkeypatch.setattr(json_text, "items", None)
    assert draw(lambda: each(note, ["a", "b"]))["lists"] == [{"name": "list-1", "items": '["a","b"]'}]


def test_conditions_and_options() -> None:
    slow = keen.using(timeout=timedelta(minutes=1), queue_name="mail", priority=5)

    def flow() -> None:
        first = step(slow, name="own-name", allow_failure=True)()
        step(note, after=first, runs=ON_FAILURE)(1)
        step(note, after=[first, [first]], runs=ALWAYS)(2)

    first, alert, clean = steps(flow)
    assert (first["name"], first["queue"], first["priority"], first["allowFailure"]) == ("own-name", "mail", 5, True)
    assert (first["policy"]["maxAttempts"], first["policy"]["timeoutSeconds"]) == (3, 60)
    assert (alert["after"], alert["runs"]) == (["own-name"], "OnFailure")
    assert (clean["after"], clean["runs"]) == (["own-name"], "Always")


@task(retry=Retry(max_attempts=3))
def keen() -> int:
    return 1


NO_TASK: Any = print
WRONG: Any = "later"
UNTYPED_STEP: Any = step
UNTYPED_EACH: Any = each
CHAIN: Any = chain(call(note, 1))


@workflow
def flow() -> object:
    return step(note)(1)


FLOW: Any = flow
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@task(expires=60)
def expiring() -> None: ...


@task(idempotency_key="a")
def keyed() -> None: ...


@pytest.mark.parametrize(
    ("flow", "error", "words"),
    [
        (lambda: step(NO_TASK), TypeError, "which <built-in function print> is not"),
        (lambda: step(note.using(run_after=NOW)), ValueError, "a step has no run_after"),
        (lambda: step(expiring), ValueError, "a step has no expires"),
        (lambda: step(keyed), ValueError, "a step has no idempotency_key"),
        (lambda: step(note, name="Ä")(1), ValueError, "lower-case letters"),
        (lambda: step(note, name="a" * 15)(1), ValueError, "at most 14"),
        (lambda: [step(note, name="a")(1), step(note, name="a")(1)], ValueError, "a step a already"),
        (lambda: step(note)(object()), TypeError, r"args\[0\]: object is not JSON"),
        (lambda: step(note)("x" * 33_000), PayloadTooLarge, "The arguments of the step note take"),
        (lambda: step(note, after=[1])(1), TypeError, "after must be what step"),
        (lambda: step(note, after="note")(1), TypeError, "after must be what step.* not 'note'"),
        (lambda: step(note, after=note)(1), TypeError, "after must be what step"),
        (lambda: step(note, runs=WRONG)(1), ValueError, "runs must be ON_SUCCESS, ON_FAILURE or ALWAYS, not 'later'"),
        (lambda: step(FLOW), TypeError, r"flow is a workflow\. Call it, to have its steps in this one"),
        (lambda: each(CHAIN, [1]), TypeError, r"a chain or a group is a workflow"),
        (lambda: UNTYPED_STEP(add)(1), TypeError, r"do not fit tests\.\S+\.add: missing a required argument: 'b'"),
        (lambda: each(add, [1, 2]), TypeError, "do not fit .*add: missing a required argument: 'b'"),
        (lambda: each(note, "abc"), TypeError, "each.. maps over a list, not over str"),
        (lambda: UNTYPED_EACH(note, 3), TypeError, "each.. maps over a list, not over int"),
        (lambda: each(note, {1, 2}), TypeError, "not over a set, which has no order"),
        (lambda: each(note, [step(note)(1)]), TypeError, "For results of several, use step"),
        (lambda: each(note, step(extract)(1)[0]), TypeError, "a part of a result"),
        (lambda: each(note, range(100_001)), ValueError, "more than 100,000 items"),
        (lambda: each(note, ["x" * 800_000]), PayloadTooLarge, "Map over primary keys"),
        (lambda: each(note, [1], max_parallel=0), ValueError, "max_parallel must be a whole number"),
        (lambda: each(note, [1], max_failed=-1), ValueError, "max_failed must be a whole number"),
        (lambda: [each(note, [n]) for n in range(9)], ValueError, "may map over 8 lists"),
    ],
)
def test_what_cannot_be_drawn_says_why(flow: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        draw(flow)


def test_a_step_that_is_not_called_is_warned_of() -> None:
    def forgotten() -> None:
        step(note)(1)
        step(total)

    with pytest.warns(RuntimeWarning, match=r"forgotten: step\(total\) was not called, and draws nothing\. Call it"):
        assert [made["name"] for made in steps(forgotten)] == ["note"]


def test_a_step_is_drawn_within_a_workflow_alone() -> None:
    with pytest.raises(RuntimeError, match="belong into a function with @workflow"):
        step(note)
    with pytest.raises(RuntimeError, match="belong into a function with @workflow"):
        each(note, [1])


def test_all_tasks_have_the_backend_of_the_workflow() -> None:
    settings = {"BACKEND": "django_tasks_kubernetes.LocalBackend"}
    with override_settings(TASKS={"default": settings, "other": settings}):
        other = note.using(backend="other")
        with pytest.raises(ValueError, match="has the backend 'other', and its workflow 'default'"):
            draw(lambda: step(other)(1))


KEPT: list[Any] = []


@workflow
def keeping() -> Any:
    KEPT[:] = [step(extract)(2026)]
    return KEPT[0]


@pytest.mark.parametrize(
    "use",
    [
        lambda later: step(note)(later),
        lambda later: step(note)({"rows": [later[0]]}),
        lambda later: step(note, after=later)(1),
        lambda later: each(note, later),
        lambda later: [later],
    ],
)
def test_a_result_of_another_workflow_is_refused(use: Callable[[Any], Any]) -> None:
    """It was taken for that of the step of the same name here: another result went on, and nobody saw it."""

    def flow() -> Any:
        step(extract)(1999)
        return use(KEPT[0])

    keeping.draw()
    with pytest.raises(ValueError, match=r"the result of extract.*> is of another workflow than the one that is drawn"):
        draw(flow)


def test_a_result_that_is_known_later_is_no_argument_of_enqueue() -> None:
    @workflow
    def inner(rows: Any) -> Any:
        step(extract)(1999)
        return step(note)(rows)

    def outer() -> None:
        rows = step(extract)(2026)
        inner.enqueue(rows)

    def single() -> None:
        note.enqueue(step(extract)(2026))

    with pytest.raises(ValueError, match=r"call that within this one, without enqueue\(\)"):
        draw(outer)
    with pytest.raises(TypeError, match=r"It is known when the workflow runs: .* and enqueue\(\) does not"):
        draw(single)

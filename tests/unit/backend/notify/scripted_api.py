"""An API server that gives a list, and then watches one after the other."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django_tasks_kubernetes.notify.follower import ENDED
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.tasks import echo
from tests.unit.backend.web_server import Answer, Request

DENIED = status(403, 'djangotasks is forbidden: User "u" cannot watch resource')
NEWEST: Answer = (200, {"metadata": {"resourceVersion": "5"}, "items": []}, {})


def named(name: str, given: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "6"}
    return given | {"metadata": metadata, "spec": {"task": echo.module_path}}


def api(listed: list[Any], *watched: list[tuple[str, Any]], then: Answer = DENIED) -> Callable[[Request], Answer]:
    """A list, and watches one after the other; at last the answer that ends it."""
    left = [iter([{"type": type_, "object": resource} for type_, resource in events]) for events in watched]

    def answer(request: Request) -> Answer:
        query = parse_qs(urlsplit(request.path).query)
        if "watch" in query:
            return (200, left.pop(0), {}) if left else then
        if query["limit"] == ["1"]:
            return NEWEST
        assert query["fieldSelector"] == [ENDED]
        return 200, {"metadata": {}, "items": listed}, {}

    return answer

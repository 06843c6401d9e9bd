"""Ends of many objects are seen in a watch, also where it breaks off."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from benchmarks import crowd

END = {"metadata": {"resourceVersion": "90"}}


def ended(name: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version}, "status": {"phase": "Succeeded"}}


def test_a_watch_that_breaks_off_among_the_existing_objects_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come by name: `a` is newer than `b`, which would never be seen after it."""
    answers = [
        [ended("a", "80")],
        [ended("a", "80"), ended("b", "70"), END],
        [ended("c", "91")],
    ]
    asked: list[str] = []

    class Server:
        def __init__(self, _: Path) -> None: ...

        @contextmanager
        def watch(self, path: str) -> Iterator[Iterator[dict[str, Any]]]:
            asked.append(parse_qs(urlsplit(path).query).get("resourceVersion", [""])[0])
            yield iter(answers.pop(0) if answers else [])

    monkeypatch.setattr(crowd, "Api", Server)
    with crowd.task_ends(Path("config"), "shop") as ends:
        ends.wait(["a", "b", "c"], seconds=5)
    assert asked[:3] == ["", "", "90"]

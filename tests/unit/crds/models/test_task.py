"""A task's path may be written in any script, and its payload is counted in bytes."""

from __future__ import annotations

import pytest

from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.models import TaskSpec


@pytest.mark.parametrize("path", ["shop.tasks.send", "täsks.größe", "a.b._c1"])
def test_a_dotted_path_is_accepted(path: str) -> None:
    assert TaskSpec(task=path).task == path


@pytest.mark.parametrize(
    "path", ["", "send", "shop.", ".tasks", "shop..tasks", "shop.tasks.1x", "../etc/passwd", "a.b\n", "os;.x"]
)
def test_a_path_that_cannot_be_imported_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="task"):
        TaskSpec(task=path)


def test_a_payload_is_bounded_in_bytes() -> None:
    TaskSpec(task="shop.tasks.send", payload="é" * (PAYLOAD_MAX_BYTES // 2))
    with pytest.raises(ValueError, match=f"at most {PAYLOAD_MAX_BYTES} bytes"):
        TaskSpec(task="shop.tasks.send", payload="é" * (PAYLOAD_MAX_BYTES // 2 + 1))

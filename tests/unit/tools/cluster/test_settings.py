"""What the environment sets."""

import pytest

from tools.cluster.settings import Versions, versions


def test_versions_can_be_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGOTASKS_KUBERNETES_VERSION", "1.36.1")
    assert versions() == Versions(kubernetes="1.36.1")

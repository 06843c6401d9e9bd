"""How long a build takes: more packages, a slower machine, fewer processors."""

import pytest

from tools.cluster.golang import estimate


def test_the_estimate_follows_the_machine() -> None:
    here = estimate.first(1000, probe_seconds=estimate.REFERENCE_PROBE_SECONDS, processors=2)
    assert here == 1000 * estimate.PACKAGE_SECONDS / 2
    assert estimate.first(1000, probe_seconds=2 * estimate.REFERENCE_PROBE_SECONDS, processors=2) == 2 * here
    assert estimate.first(1000, probe_seconds=estimate.REFERENCE_PROBE_SECONDS, processors=8) == here / 4


def test_this_machine_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "PROBE_LOOPS", 100_000)
    assert 0 < estimate.probe() < 60
    assert estimate.processors() >= 1

"""Three minutes of what `make bench ARGS="soak --minutes 30"` does on demand: a steady load, and random faults."""

from __future__ import annotations

import pytest

from benchmarks.fake_site import fake_site
from benchmarks.options import Options
from benchmarks.soak.measure import measure
from tools.cluster import Progress

MINUTES = 3.0


@pytest.mark.cluster
def test_every_task_is_accounted_for() -> None:
    """Else it raises, and says which and why. The memory is shown by the benchmark."""
    with fake_site(Progress()) as site:
        (unaccounted, _) = measure(site, Options(minutes=MINUTES))
    assert unaccounted.value == 0
    assert unaccounted.extra["tasks"] > MINUTES * 10, "there was a load"
    assert unaccounted.extra["workflows"] > MINUTES, "there were workflows"
    assert unaccounted.extra["claims"] > MINUTES * 5, "there were standby pods, and tasks that found them"
    assert unaccounted.extra["faults"] > MINUTES, "there were faults"

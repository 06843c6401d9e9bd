"""The API server is away for a while: tasks that run go on, nothing is lost, and nothing starts twice.

The operator is expected to recover by itself, and to wait for the API server when it starts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.operator import OperatorProcess
from tests.support.stage import PODS, Stage
from tests.support.tasks import FINISH_SECONDS
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for


def later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def in_every_phase(stage: Stage, seconds: float) -> dict[str, int]:
    """Tasks that an outage of so many seconds finds in every phase, on a machine that is not all too busy: their
    names, and how many attempts each makes."""
    stage.add_queue("narrow", concurrency=1)
    done = stage.enqueue("add", 1, 2)
    retrying = stage.enqueue("fail_until", 2, policy={"maxAttempts": 2, "backoff": {"initialSeconds": seconds / 2}})
    stage.wait_phase(done, "Succeeded")
    stage.wait(retrying, lambda status: status.get("attempts"), "it failed once")
    running = [stage.enqueue("sleep", 2 + seconds / 3), stage.enqueue("sleep", seconds + 3)]
    running.append(stage.enqueue("sleep", 2 + seconds / 3, queue="narrow"))
    for name in running:
        stage.wait(name, lambda status: status.get("startedAt"), "it started")
    queued = [
        stage.enqueue("add", 1, 2, queue="narrow"),
        stage.enqueue("add", 1, 2, runAfter=later(seconds / 2)),
    ]
    starting = stage.enqueue("add", 1, 2)
    wait_for("its pod", lambda: stage.of_task(PODS, starting) or None, seconds=FINISH_SECONDS)
    return dict.fromkeys((done, *running, *queued, starting), 1) | {retrying: 2}


def outlives(
    stage: Stage,
    seconds: float,
    away: Callable[[], AbstractContextManager[None]] | None = None,
) -> None:
    """`away`: makes the API server unreachable for everybody. By default, it is for the operator alone."""
    tasks = in_every_phase(stage, seconds)
    finished = {name: status for name, status in stage.statuses().items() if status["phase"] == "Succeeded"}
    assert finished
    with (away or stage.proxy.away)():
        over = time.monotonic() + seconds
        if away is None:
            tasks[stage.enqueue("add", 1, 2)] = 1
        wait_for("the end of the outage", lambda: time.monotonic() > over or None, seconds=seconds + FINISH_SECONDS)
        assert stage.operator.running, "it waits for the API server to come back"
    back = time.monotonic()
    tasks[stage.enqueue("add", 1, 2)] = 1
    for name in tasks:
        status = stage.wait_phase(name, "Succeeded", "Failed")
        assert status["phase"] == "Succeeded", status
    assert stage.operator.running
    for name, attempts in tasks.items():
        stage.assert_once(name, attempts=attempts)
    assert {name: stage.status(name) for name in finished} == finished
    lists = Counter(kind_of(call.path) for call in stage.proxy.calls if call.verb == "list" and call.at > back)
    # On a busy machine pods wait to start, and the Events of each are read to say why.
    again = {kind: times for kind, times in lists.items() if not kind[0].endswith("/events")}
    assert max(again.values(), default=0) <= 2, (
        "each kind is listed again at most once by the watch and once by the resync"
    )


def kind_of(path: str) -> tuple[str, str]:
    """What a list is of: the resource, and the labels that select it."""
    url = urlsplit(path)
    return url.path, parse_qs(url.query).get("labelSelector", [""])[0]


def test_an_outage_of_ten_seconds(stage: Stage) -> None:
    outlives(stage, 10)


@pytest.mark.slow
def test_an_outage_of_a_minute(stage: Stage) -> None:
    outlives(stage, 60)


@pytest.mark.disruptive
def test_the_control_plane_itself_is_stopped(stage: Stage, cluster: Cluster) -> None:
    """etcd and the API server, for ten seconds: kubelet, scheduler and controllers have to come back, too."""
    if cluster.provider.name != "native":
        pytest.skip("only of the native cluster is it known how to stop the control plane")
    from tools.cluster.locks import exclusive
    from tools.cluster.native import api, control_plane
    from tools.cluster.native.layout import Layout
    from tools.cluster.native.processes import Supervisor
    from tools.cluster.progress import Progress
    from tools.cluster.settings import state_folder

    layout, progress = Layout(state_folder()), Progress()
    supervisor = Supervisor(layout.run, progress)

    @contextmanager
    def stopped() -> Iterator[None]:
        with exclusive(layout.state / "lock", progress):
            try:
                for name in (control_plane.APISERVER, control_plane.ETCD):
                    supervisor.stop(name)
                yield
            finally:
                control_plane.start_api(layout, supervisor)
                supervisor.wait(control_plane.APISERVER, lambda: api.ready(layout.pki), seconds=60)

    outlives(stage, 10, away=stopped)


def test_an_operator_that_finds_no_api_server_says_so_and_waits(stage: Stage, cluster: Cluster, tmp_path: Path) -> None:
    other = OperatorProcess(cluster, stage.namespace, tmp_path, kubeconfig=stage.proxy.kubeconfig)
    with ThreadPoolExecutor() as threads:
        with stage.proxy.away():
            started = threads.submit(other.start)
            wait_for(
                "it says so",
                lambda: "the operator waits for the API server: Cannot connect" in other.log() or None,
                seconds=FINISH_SECONDS,
                why=other.log,
            )
        started.result()
    assert other.stop() == 0


# On demand (make test-faults): a busy machine makes them fail for want of time.
pytestmark = pytest.mark.slow

"""The processes beside the web app as its chart runs them, in the app's namespace, with the app's image and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.charts import WEB_APP
from tests.support.postgres import postgres
from tests.support.tasks import FINISH_SECONDS, status_of, wait_phase
from tests.support.web_app import KILLED, Web
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for

RELEASE = "tasks"
RELAY = f"{RELEASE}-relay"
ACCOUNT = "web"
OF_THE_RELAY = "app.kubernetes.io/component=relay"
ROLLOUT_SECONDS = 300
# A step of the relay that takes longer is one that hangs: long enough for a busy machine.
HANG_SECONDS = "10"
# The watcher may have lost its connections to a test before, and sees that when a step hangs.
DISPATCH_SECONDS = 2 * FINISH_SECONDS
# In PostgreSQL's pod: what serves connections that are open now stops, and new ones are served. Each ends or begins to work
# at any moment, and one that works may hold what all others wait for: so it must be idle. Prints whose have stopped.
STOP_BACKENDS = """
import contextlib, os, pathlib, signal
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    with contextlib.suppress(OSError):
        pid = int(path.parent.name)
        if path.read_bytes().startswith(b"postgres: shop "):
            os.kill(pid, signal.SIGSTOP)
            title = path.read_bytes().rstrip(b"\\0 ").decode()
            if title.endswith(") idle"):
                print(title.split()[3].partition("(")[0])
            else:
                os.kill(pid, signal.SIGCONT)
"""


@pytest.fixture(scope="module")
def web(cluster: Cluster, kubectl: Kubectl, backend: Any) -> Iterator[Web]:
    """With the operator at work, and no relay yet."""
    with postgres(cluster, kubectl) as database:
        web = Web(database, cluster.kubeconfig, kubectl)
        web.manage("migrate", "--verbosity=0")
        yield web


@pytest.fixture(scope="module")
def install(
    cluster: Cluster, kubectl: Kubectl, web: Web, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], None]:
    kubectl("create", "serviceaccount", ACCOUNT)

    def run() -> None:
        address = kubectl.get("pod", "postgres")["status"]["podIP"]
        variables = {
            "DATABASE_HOST": address,
            "DATABASE_PASSWORD": web.environ["DATABASE_PASSWORD"],
            "DJANGO_SECRET_KEY": "for tests",
        }
        values = {
            "serviceAccounts": [ACCOUNT],
            "app": {
                "image": cluster.image(Target.EXAMPLE),
                "imagePullPolicy": "IfNotPresent",
                "env": [{"name": name, "value": value} for name, value in variables.items()],
            },
            "relay": {"enabled": True, "args": ["--interval", "0.5", "--hang-seconds", HANG_SECONDS]},
            "watcher": {"enabled": True, "args": ["--hang-seconds", HANG_SECONDS]},
        }
        path = tmp_path_factory.mktemp("chart") / "values.yaml"
        path.write_text(json.dumps(values))
        where = ("--namespace", kubectl.namespace, "--values", str(path))
        cluster.helm("upgrade", "--install", RELEASE, str(WEB_APP), *where)
        kubectl.roll_out(RELAY, seconds=ROLLOUT_SECONDS, selector=OF_THE_RELAY)

    return run


def diagnosis(kubectl: Kubectl) -> str:
    return kubectl.diagnosis(OF_THE_RELAY)


def relay_pod(kubectl: Kubectl) -> Any:
    (pod,) = kubectl.get("pods", "-l", OF_THE_RELAY)["items"]
    return pod


def wait_sent(web: Web, *ids: str) -> None:
    """Exactly these tasks are in the cluster, and no row is left."""
    wait_for(
        f"{ids} are sent",
        lambda: True if not web.rows() else None,
        seconds=FINISH_SECONDS,
        why=lambda: f"{web.rows()}\n{diagnosis(web.kubectl)}",
    )
    assert sorted(web.tasks()) == sorted(ids)


def test_it_sends_what_a_killed_web_process_left(web: Web, install: Callable[[], None], kubectl: Kubectl) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    assert (web.tasks(), list(web.rows())) == ([], [id_])
    install()
    wait_sent(web, id_)
    wait_phase(kubectl, id_, "Succeeded")
    assert len(status_of(kubectl, id_)["attempts"]) == 1
    assert web.tasks() == [id_]


def test_the_relay_restarts_when_the_database_just_stops_answering(
    web: Web, install: Callable[[], None], kubectl: Kubectl
) -> None:
    install()
    known = web.tasks()

    def stopped() -> bool | None:
        """A relay that has only just started is not connected yet."""
        addresses = kubectl("exec", "postgres", "--", "python3", "-c", STOP_BACKENDS).split()
        return relay_pod(kubectl)["status"].get("podIP") in addresses or None

    wait_for("what serves the relay has stopped", stopped, seconds=FINISH_SECONDS, why=lambda: diagnosis(kubectl))
    id_ = web.enqueue("2", "die-after-commit", code=KILLED)
    wait_sent(web, *known, id_)

    def restarted() -> str | None:
        """The kubelet says so a moment after the new container has begun to work."""
        pod = relay_pod(kubectl)
        (status,) = pod["status"]["containerStatuses"]
        return pod["metadata"]["name"] if "terminated" in status["lastState"] else None

    pod = wait_for("the relay was restarted", restarted, seconds=FINISH_SECONDS, why=lambda: diagnosis(kubectl))
    # The log of the one before says where it hung.
    assert "_relay" in kubectl("logs", pod, "--previous")


def test_the_watcher_is_at_work(web: Web, install: Callable[[], None], kubectl: Kubectl) -> None:
    """It has its table and its permissions, and dispatches ends."""
    install()
    id_ = web.enqueue("3", mode="immediate")
    wait_for(
        "the watcher has dispatched it",
        lambda: True if id_ in web.dispatched() else None,
        seconds=DISPATCH_SECONDS,
        why=lambda: kubectl.diagnosis("app.kubernetes.io/component=watcher"),
    )


def test_the_namespace_admits_restricted_pods_only(kubectl: Kubectl) -> None:
    """Or these tests would say nothing of the relay's pod."""
    namespace = kubectl.get("namespace", kubectl.namespace)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

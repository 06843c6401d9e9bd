"""A namespace with one queue and one operator, which reaches the API server through a proxy only."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.operator import OperatorProcess
from tests.support.proxy import Proxy
from tests.support.tasks import FINISH_SECONDS, Status, go, scheduled_task
from tests.support.zygote import Zygote
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for

TASKS = "/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotasks"
QUEUES = "/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotaskqueues"
PODS = "/api/v1/namespaces/{namespace}/pods"
JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
EVENTS = "/api/v1/namespaces/{namespace}/events"


@functools.cache
def example_image(cluster: Cluster) -> str:
    return cluster.image(Target.EXAMPLE)


class Stage:
    """Use as a context manager: the operator is ready inside. `options`: of its command line."""

    def __init__(self, cluster: Cluster, folder: Path, zygote: Zygote, *, options: tuple[str, ...] = ()) -> None:
        self._cluster = cluster
        self.namespace = cluster.new_namespace()
        self.proxy = Proxy(cluster.kubeconfig, folder)
        self.operator = OperatorProcess(
            cluster, self.namespace, folder, kubeconfig=self.proxy.kubeconfig, options=options, zygote=zygote
        )
        self.proxy.on_crash = self.operator.kill

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        account = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default"
        wait_for(
            "the service account", lambda: self.proxy.request("GET", account)[0] == 200 or None, seconds=FINISH_SECONDS
        )
        self.add_queue("default")
        self.operator.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.operator.close()
        self.proxy.__exit__()
        self._cluster.delete_namespace(self.namespace)
        before, defect, after = self.operator.log().partition("a defect")
        assert not defect, before[-200:] + defect + after[:3000]

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Past the faults. `path` may hold {namespace}."""
        status, answer = self.proxy.request(method, path.format(namespace=self.namespace), body)
        assert status < 300, answer
        return answer

    def add_queue(self, name: str, **spec: Any) -> None:
        from tools.manifests import queue_manifest

        quick = {"terminationGracePeriodSeconds": 1} | spec.pop("pod_update", {})
        image = example_image(self._cluster)
        self.request("POST", QUEUES, queue_manifest(name, image, pod_update=quick, **spec))

    def enqueue(self, task: str, *args: Any, **spec: Any) -> str:
        """`task`: a path, or the name of a probe."""
        manifest = scheduled_task(task if "." in task else f"shop.probes.{task}", *args, **spec)
        self.request("POST", TASKS, manifest)
        name: str = manifest["metadata"]["name"]
        return name

    def cancel(self, name: str) -> None:
        self.request("PATCH", f"{TASKS}/{name}", {"spec": {"cancel": True}})

    def go(self, pod: str) -> None:
        """Ends `probes.wait_for_file` there."""
        go(self._cluster.kubectl(self.namespace), pod)

    def status(self, name: str) -> Status:
        status: Status = self.request("GET", f"{TASKS}/{name}")["status"]
        return status

    def statuses(self) -> dict[str, Status]:
        return {item["metadata"]["name"]: item["status"] for item in self.request("GET", TASKS)["items"]}

    def wait(self, name: str, check: Callable[[Status], object], what: str, seconds: float = FINISH_SECONDS) -> Status:
        """The first status that passes the check."""
        last: Status = {}

        def look() -> Status | None:
            last.clear()
            last.update(self.status(name))
            return last if check(last) else None

        return wait_for(f"task {name}: {what}", look, seconds=seconds, why=lambda: self.tell(last))

    def wait_phase(self, name: str, *phases: str, seconds: float = FINISH_SECONDS) -> Status:
        return self.wait(name, lambda status: status["phase"] in phases, "/".join(phases), seconds)

    def wait_finished_jobs(self, task: str) -> None:
        """All Jobs of the task say how they ended."""

        def look() -> bool | None:
            return all(job["status"].get("conditions") for job in self.of_task(JOBS, task)) or None

        wait_for(f"the Jobs of {task}", look, seconds=FINISH_SECONDS, why=self.tell)

    def tell(self, *what: object) -> str:
        """For the report of a failure: what is seen, and the end of what the operator said."""
        return "\n".join((*(json.dumps(item, indent=1, default=str) for item in what), self.operator.log()[-6000:]))

    def of_task(self, kind: str, task: str) -> list[Any]:
        """The Jobs or Pods of a task. `kind`: JOBS or PODS."""
        items: list[Any] = self.request("GET", f"{kind}?labelSelector=djangotasks.dev/task={task}")["items"]
        return items

    def container_starts(self, task: str) -> int:
        """How often the node says it started a container for the task, in whatever pod."""
        selector = "fieldSelector=involvedObject.kind=Pod,reason=Started"
        return sum(
            event.get("count") or 1
            for event in self.request("GET", f"{EVENTS}?{selector}")["items"]
            if event["involvedObject"]["name"].rpartition("-")[0] == task
        )

    def assert_once(self, *tasks: str, attempts: int = 1) -> None:
        """Each attempt had one Job, one Pod and one start of a container, and no attempt was interrupted."""
        for task in tasks:
            status, numbers = self.status(task), range(1, attempts + 1)
            assert (len(status["attempts"]), status["interruptions"]) == (attempts, 0), self.tell(status)
            names = [f"{task}-{number}" for number in numbers]
            created = [c for c in self.proxy.writes(verb="create", status=201) if c.name.rpartition("-")[0] == task]
            for kind, resource in ((JOBS, "jobs"), (PODS, "pods")):
                there = sorted(item["metadata"]["name"] for item in self.of_task(kind, task))
                made = sorted(call.name for call in created if call.resource == resource)
                assert there == made == names, f"{resource} there: {there}, made: {made}, expected: {names}"
            wait_for("its containers", lambda: self.container_starts(task) >= attempts or None, seconds=FINISH_SECONDS)  # noqa: B023
            assert self.container_starts(task) == attempts, f"{task}: {self.container_starts(task)} container starts"


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture
def stage(request: pytest.FixtureRequest, cluster: Cluster, zygote: Zygote, tmp_path: Path) -> Iterator[Stage]:
    """With a namespace of its own for every test. A parameter is the operator's options."""
    with Stage(cluster, tmp_path, zygote, options=getattr(request, "param", ())) as stage:
        yield stage
        print(stage.operator.log()[-8000:])

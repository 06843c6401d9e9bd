"""What goes wrong in a soak, one thing after the other, at random. Each undoes itself, or is over when it returns."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.faults import AFTER, Delay, Drop, Rule, Status
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from benchmarks.soak.world import Replica, World

# The Lease runs out after 15 s: one pause is shorter than that, and one is longer.
PAUSES = (3.0, 20.0)
AWAY_SECONDS = 5.0
CALLS = r"(create|patch|delete|get) .*"
Deed = Callable[["Faults"], str]


class Faults:
    """`victim`: the replica whose process is killed and paused. The other one's memory is watched, so it lives on,
    with faults in all its calls. `deleted`: the pods (their names) that somebody deleted."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self.victim = world.replicas[0]
        self.done: Counter[str] = Counter()
        self.deleted: set[str] = set()

    def one(self) -> str:
        """Lets something go wrong, and says what."""
        deed = self._random.choice(DEEDS)
        said = deed(self)
        self.done[deed.__name__.strip("_").replace("_", " ")] += 1
        return said

    def _kill(self) -> str:
        self.victim.stop(signal.SIGKILL)
        time.sleep(self._random.uniform(0, 3))
        self.victim.start()
        return "killed, and started again"

    def _stop(self) -> str:
        code = self.victim.stop()
        assert code == 0, f"exit code {code}\n{self.victim.log()[-3000:]}"
        self.victim.start()
        return "stopped, and started again"

    def _pause(self) -> str:
        seconds = self._random.choice(PAUSES)
        self.victim.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.victim.send_signal(signal.SIGCONT)
        return f"paused for {seconds:.0f} s"

    def _delete_pods(self) -> str:
        return f"deleted pods: {self._remove('pods', 3)}"

    def _delete_jobs(self) -> str:
        return f"deleted jobs: {self._remove('jobs', 2)}"

    def _evict_pods(self) -> str:
        names = [pod["metadata"]["name"] for pod in self._some_pods(2)]
        for name in names:
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
            self._world.request("POST", f"/api/v1/namespaces/{self._world.namespace}/pods/{name}/eviction", eviction)
        return f"evicted {len(names)} pods"

    def _end_watches(self) -> str:
        replica = self._some_replica()
        return f"ended {replica.proxy.cut_watches()} watches"

    def _expire_watches(self) -> str:
        replica = self._some_replica()
        replica.proxy.stall_watches()
        time.sleep(2)
        return f"expired {replica.proxy.expire_watches()} watches"

    def _fail_calls(self) -> str:
        replica, status = self._some_replica(), self._random.choice([429, 500, 503])
        self._let_fail(replica, Rule(Status(status, {"Retry-After": "1"}), CALLS, every=3, times=20))
        return f"{status} for every third call"

    def _lose_answers(self) -> str:
        self._let_fail(self._some_replica(), Rule(Drop(), CALLS, moment=AFTER, every=4, times=20))
        return "every fourth answer was lost"

    def _slow_calls(self) -> str:
        self._let_fail(self._some_replica(), Rule(Delay(2), CALLS, moment=AFTER, every=5, times=20))
        return "every fifth answer came late"

    def _api_away(self) -> str:
        with self._some_replica().proxy.away():
            time.sleep(AWAY_SECONDS)
        return f"the API server was away for {AWAY_SECONDS:.0f} s"

    def _let_fail(self, replica: Replica, rule: Rule) -> None:
        replica.proxy.add(rule)
        deadline = time.monotonic() + 10
        # A standby makes few calls: then it is over by the clock.
        while rule.hits < rule.times and time.monotonic() < deadline:
            time.sleep(0.2)
        replica.proxy.clear()

    def _some_replica(self) -> Replica:
        return self._random.choice(self._world.replicas)

    def _some_pods(self, most: int) -> list[Any]:
        """Of those that run; what is done to them is noted."""
        running = [pod for pod in self._world.pods() if pod["status"].get("phase") == "Running"]
        pods = self._random.sample(running, min(most, len(running)))
        self.deleted.update(pod["metadata"]["name"] for pod in pods)
        return pods

    def _remove(self, kind: str, most: int) -> int:
        names = [pod["metadata"]["name"] if kind == "pods" else job_of(pod) for pod in self._some_pods(most)]
        group = "/api/v1" if kind == "pods" else "/apis/batch/v1"
        body = {"propagationPolicy": "Background"}
        for name in names:
            self._world.request("DELETE", f"{group}/namespaces/{self._world.namespace}/{kind}/{name}", body)
        return len(names)

    def wait_ready(self) -> None:
        """Both replicas are there."""
        for replica in self._world.replicas:
            wait_for("both replicas", lambda: replica.running or None, seconds=30, why=replica.log)  # noqa: B023


def job_of(pod: Any) -> str:
    """The name of its Job: a standby pod that a task has claimed has another name."""
    name: str = pod["metadata"]["labels"].get("batch.kubernetes.io/job-name", pod["metadata"]["name"])
    return name


DEEDS: tuple[Deed, ...] = (
    Faults._kill,
    Faults._stop,
    Faults._pause,
    Faults._delete_pods,
    Faults._delete_jobs,
    Faults._evict_pods,
    Faults._end_watches,
    Faults._expire_watches,
    Faults._fail_calls,
    Faults._lose_answers,
    Faults._slow_calls,
    Faults._api_away,
)

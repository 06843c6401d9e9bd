"""Schedules: how late they are beside CronJobs, what a thousand that are due together take, and what ten thousand that are
not due cost."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from benchmarks import crowd, jobs
from benchmarks.api import Api
from benchmarks.figures import Figure
from benchmarks.process import core_share
from benchmarks.samples import median, percentile
from djangotasks_api.names import API_VERSION, SCHEDULE_KIND, SCHEDULE_PLURAL
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

# Tasks wait here, so that nothing else is measured.
QUEUE = "held"
SCHEDULES, DUE_A_MINUTE, MINUTES = 1000, 20, 4
BURST, IDLE = 1000, 10_000
IDLE_SECONDS, SETTLE_SECONDS = 60.0, 30.0
LATENESS_TARGET, BURST_TARGET = 0.1, 10.0
CPU_TARGET_PERCENT, RSS_TARGET_MIB = 0.5, 25.0
MINUTE = timedelta(minutes=1)
NEVER = "0 0 1 1 *"


def schedule(name: str, cron: str) -> crowd.Object:
    template = {"task": "shop.probes.add", "queue": QUEUE, "payload": '{"args":[1,2],"kwargs":{}}'}
    spec = {"cron": [cron], "concurrencyPolicy": "Allow", "task": template}
    return {"apiVersion": API_VERSION, "kind": SCHEDULE_KIND, "metadata": {"name": name}, "spec": spec}


def cron_job(name: str) -> crowd.Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "task", "image": "none"}]}
    job = {"spec": {"suspend": True, "template": {"spec": pod}}}
    spec = {"schedule": "* * * * *", "concurrencyPolicy": "Allow", "jobTemplate": job}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


def schedules_path(site: FakeSite) -> str:
    return f"/apis/{API_VERSION}/namespaces/{site.namespace}/{SCHEDULE_PLURAL}"


class Seen:
    """When each object of a kind was first seen, by this machine's clock, as a watch tells. Use as a context manager."""

    def __init__(self, site: FakeSite, path: str, prefix: str) -> None:
        self._site, self._path, self._prefix = site, path, prefix
        self.at: dict[str, float] = {}
        self.bodies: dict[str, crowd.Object] = {}
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            with Api(self._site.kubeconfig).watch(f"{self._path}?timeoutSeconds=600") as objects:
                for item in objects:
                    name = item["metadata"].get("name", "")
                    if name.startswith(self._prefix) and name not in self.at:
                        self.at[name], self.bodies[name] = time.time(), item
                    if self._stop.is_set():
                        return


def lateness(site: FakeSite, options: Options) -> Iterator[Figure]:
    """From the minute to the object in a watch: of DjangoTasks, and of the Jobs of as many CronJobs."""
    minutes = options.runs or MINUTES
    site.add_queue(QUEUE, suspended=True)
    site.progress.say("schedule_lateness", f"{SCHEDULES} schedules, {DUE_A_MINUTE} due each of {minutes} minutes")
    names = [f"late-{n:04}" for n in range(SCHEDULES)]
    manifests = [schedule(name, "* * * * *" if n < DUE_A_MINUTE else NEVER) for n, name in enumerate(names)]
    crowd.send(site.kubeconfig, schedules_path(site), manifests)
    cron_jobs = f"/apis/batch/v1/namespaces/{site.namespace}/cronjobs"
    crowd.send(site.kubeconfig, cron_jobs, [cron_job(f"late-{n:04}") for n in range(DUE_A_MINUTE)])
    time.sleep(SETTLE_SECONDS)
    first = _next_minute()
    start = first.timestamp()
    with (
        Seen(site, crowd.tasks_path(site.namespace), "late-") as tasks,
        Seen(site, jobs.jobs_path(site.namespace), "late-") as made,
    ):
        _sleep_until(first + minutes * MINUTE - timedelta(seconds=20))
    # A watch begins with what is there: on a slow machine, with tasks of earlier minutes.
    specs = {
        name: spec for name, body in tasks.bodies.items() if _time((spec := body["spec"])["scheduledFor"]) >= start
    }
    late = [tasks.at[name] - _time(spec["scheduledFor"]) for name, spec in specs.items()]
    own = [_time(spec["enqueuedAt"]) - _time(spec["scheduledFor"]) for spec in specs.values()]
    # A CronJob names its Jobs by minutes since the epoch.
    minutes_of = {name: int(name.rpartition("-")[2]) * 60 for name in made.at}
    theirs = [made.at[name] - minute for name, minute in minutes_of.items() if minute >= start]
    _delete(site, "djangotaskschedules,cronjobs,djangotasks,jobs")
    yield Figure(
        name="schedule_lateness",
        value=percentile(late, 99),
        unit="s",
        baseline=percentile(theirs, 99),
        target=LATENESS_TARGET,
        target_of="value",
        extra={
            "p50": median(late),
            "baseline_p50": median(theirs),
            "decided_p99": percentile(own, 99),
            "n": len(late),
            "baseline_n": len(theirs),
            "schedules": SCHEDULES,
        },
    )


def burst(site: FakeSite, _: Options) -> Iterator[Figure]:
    """From the minute in which all are due to the last task in a watch."""
    site.add_queue(QUEUE, suspended=True)
    at = _next_minute() + 2 * MINUTE
    site.progress.say("schedule_burst", f"{BURST} schedules that are due at {at:%H:%M}")
    cron = f"{at:%-M %-H} * * *"
    crowd.send(site.kubeconfig, schedules_path(site), [schedule(f"burst-{n:04}", cron) for n in range(BURST)])
    assert datetime.now(UTC) < at - timedelta(seconds=15), "the schedules were not there in time"
    with Seen(site, crowd.tasks_path(site.namespace), "burst-") as tasks:
        _sleep_until(at)
        before = site.operator.usage()
        wait_for("the tasks", lambda: len(tasks.at) == BURST or None, seconds=120)
        after = site.operator.usage()
    late = [seen - at.timestamp() for seen in tasks.at.values()]
    time.sleep(SETTLE_SECONDS)
    _delete(site, "djangotaskschedules,djangotasks")
    yield Figure(
        name="schedule_burst",
        value=max(late),
        unit="s",
        target=BURST_TARGET,
        target_of="value",
        extra={"p50": median(late), "n": len(late), "cpu_seconds": after.cpu - before.cpu},
    )


def idle(site: FakeSite, _: Options) -> Iterator[Figure]:
    """Beside an operator without schedules that was just started, as this one is again with them."""
    site.add_queue(QUEUE, suspended=True)
    site.operator.stop()
    site.operator.start()
    time.sleep(SETTLE_SECONDS)
    empty = site.operator.usage()
    site.progress.say("schedules_idle", f"{IDLE} schedules, none due")
    crowd.send(site.kubeconfig, schedules_path(site), [schedule(f"idle-{n:05}", NEVER) for n in range(IDLE)])
    _all_ready(site, IDLE)
    site.operator.stop()
    began = time.monotonic()
    site.operator.start()
    ready = time.monotonic() - began
    time.sleep(SETTLE_SECONDS)
    start = site.operator.usage()
    time.sleep(IDLE_SECONDS)
    end = site.operator.usage()
    _delete(site, "djangotaskschedules")
    extra: dict[str, Any] = {"n": IDLE, "ready_seconds": ready, "cpu_of_start": start.cpu, "peak": end.peak}
    yield Figure(
        name="schedules_idle_cpu",
        value=core_share(start, end) * 100,
        unit="%",
        target=CPU_TARGET_PERCENT,
        target_of="value",
        extra=extra,
    )
    yield Figure(
        name="schedules_idle_rss",
        value=end.rss - empty.rss,
        unit="MiB",
        target=RSS_TARGET_MIB,
        target_of="value",
        extra={"n": IDLE, "empty": empty.rss, "rss": end.rss},
    )


def _all_ready(site: FakeSite, count: int) -> None:
    def look() -> bool | None:
        return _counted(site) >= count or None

    wait_for(f"{count} schedules have a status", look, seconds=900)


def _counted(site: FakeSite) -> int:
    total, token = 0, ""
    while True:
        page = site.api.get(f"{schedules_path(site)}?limit=500" + (f"&continue={token}" if token else ""))
        total += sum(bool(item.get("status", {}).get("conditions")) for item in page["items"])
        if not (token := page["metadata"].get("continue", "")):
            return total


def _delete(site: FakeSite, kinds: str) -> None:
    site.cluster.kubectl(site.namespace)("delete", kinds, "--all", "--wait=false", seconds=600)


def _next_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + MINUTE


def _sleep_until(at: datetime) -> None:
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

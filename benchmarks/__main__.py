"""The command line: `python -m benchmarks latency writes --json`. Progress is on stderr."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from benchmarks import (
    backlog,
    celery_cpu,
    chunks,
    claims,
    concurrency,
    cron_next,
    enqueue_latency,
    latency_under_load,
    listing,
    pod_enqueue,
    result_latency,
    result_wait,
    retry_lateness,
    runner_cpu,
    runner_overhead,
    schedules,
    standby_cost,
    throughput,
    throughput_real,
    waiting_retries,
    warm,
    writes,
)
from benchmarks.admin.measure import measure as admin
from benchmarks.fake_site import FakeSite, fake_site
from benchmarks.figures import Figure, table
from benchmarks.machine import machine
from benchmarks.options import Options, Size
from benchmarks.site import Site, site
from benchmarks.soak import measure as soak
from benchmarks.workflows import cancel, chain, enqueue, fair, fan_in, maps, restart, step_writes
from tools.cluster import Progress, ProviderError
from tools.kubectl import StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


@dataclass(frozen=True)
class Benchmark:
    """`on_site` is measured in the cluster, `on_fake_nodes` on nodes that only look like some, `here` in processes
    of this machine."""

    line: str
    on_site: tuple[Callable[[Site, int | None], Iterator[Figure]], ...] = ()
    on_fake_nodes: tuple[Callable[[FakeSite, Options], Iterator[Figure]], ...] = ()
    here: tuple[Callable[[Progress, int | None], Iterator[Figure]], ...] = ()

    def only(self, parts: Collection[str]) -> Benchmark:
        """With these parts alone; with all where none is named."""
        return (
            self
            if not parts
            else replace(
                self,
                on_site=tuple(each for each in self.on_site if part_of(each) in parts),
                on_fake_nodes=tuple(each for each in self.on_fake_nodes if part_of(each) in parts),
                here=tuple(each for each in self.here if part_of(each) in parts),
            )
        )

    @property
    def parts(self) -> list[str]:
        functions: tuple[Callable[..., object], ...] = (*self.on_site, *self.on_fake_nodes, *self.here)
        return [part_of(function) for function in functions]


def part_of(function: Callable[..., object]) -> str:
    """What measures a part of a benchmark is called as its function, or as the module of that."""
    name = function.__name__
    return function.__module__.rpartition(".")[2] if name == "measure" else name


BENCHMARKS = {
    "latency": Benchmark(
        "enqueue() to the result against a bare Job, enqueue() against one POST, and what the runner adds",
        on_site=(result_latency.measure, enqueue_latency.measure),
        here=(runner_overhead.measure, runner_cpu.measure),
    ),
    "writes": Benchmark("writes to the API server for a task against a bare Job", on_site=(writes.measure,)),
    "result": Benchmark(
        "how soon wait() returns after a task's end, and what a large result costs", on_site=(result_wait.measure,)
    ),
    "pod-enqueue": Benchmark(
        "enqueue() in a task's pod, which asks the operator, against a web app's", on_site=(pod_enqueue.measure,)
    ),
    "list": Benchmark(
        "the newest 50 of 10,000 finished tasks, as `manage.py tasks list` reads them, against all resources",
        here=(listing.measure,),
    ),
    "admin": Benchmark(
        "the pages in Django's admin with 10,000 tasks and more, against Django's own list: takes ten minutes",
        here=(admin,),
    ),
    "runner": Benchmark(
        "what the runner adds, and its CPU time, alone: needs no cluster",
        here=(runner_overhead.measure, runner_cpu.measure),
    ),
    "throughput": Benchmark(
        "tasks a second against bare Jobs, on fake nodes, and the operator's CPU time for each",
        on_fake_nodes=(throughput.measure,),
    ),
    "throughput-real": Benchmark("the same with 100 tasks in real containers", on_site=(throughput_real.measure,)),
    "celery": Benchmark(
        "what a task costs with Celery, beside a container's second: installs it from PyPI, and needs no cluster",
        here=(celery_cpu.measure,),
    ),
    "warm": Benchmark(
        "tasks that find a standby pod, against those that do not and bare Jobs, and what standby pods cost",
        on_site=(warm.measure, standby_cost.measure),
        on_fake_nodes=(claims.measure,),
    ),
    "chunks": Benchmark("calls a second in chunks of a hundred, against tasks of one call", on_site=(chunks.measure,)),
    "latency-under-load": Benchmark(
        "from a task's creation to its result with 200 others in flight, on fake nodes",
        on_fake_nodes=(latency_under_load.measure,),
    ),
    "backlog": Benchmark(
        "the operator with 10,000 waiting tasks: memory, idle CPU, priorities, restart",
        on_fake_nodes=(backlog.measure,),
    ),
    "policy": Benchmark(
        "how late retries start, and on fake nodes: what waiting retries write, and what a concurrency limit costs",
        on_site=(retry_lateness.measure,),
        on_fake_nodes=(concurrency.measure, waiting_retries.measure),
    ),
    "schedules": Benchmark(
        "how late schedules are against CronJobs, a thousand due at once, ten thousand that wait, and cron alone",
        on_fake_nodes=(schedules.lateness, schedules.burst, schedules.idle),
        here=(cron_next.measure,),
    ),
    "cron": Benchmark("when an expression is due next, alone: needs no cluster", here=(cron_next.measure,)),
    "workflows": Benchmark(
        "enqueue() of a graph, steps against lone tasks, and a map of 10,000 with all that it costs: takes an hour",
        on_site=(enqueue.measure, chain.measure, step_writes.measure),
        on_fake_nodes=(
            maps.measure,
            maps.etcd,
            fan_in.measure,
            cancel.measure,
            fair.measure,
            restart.measure,
        ),
    ),
    "soak": Benchmark(
        "a steady load with random faults, on fake nodes: every task accounted for, memory flat",
        on_fake_nodes=(soak.measure,),
    ),
}
WIDTH = max(map(len, BENCHMARKS)) + 2


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per figure and line, instead of a table.")
@click.option("--part", "parts", multiple=True, help="Of one benchmark, a part alone; may be given several times.")
@click.option("--runs", type=click.IntRange(min=2), help="How many pairs, or tasks, of each.  [default: its own]")
@click.option("--long", is_flag=True, help="Measure also what takes a quarter of an hour.")
@click.option(
    "--results",
    type=Size(),
    default="0",
    help="Of backlog: 2,000 finished tasks with results of so many bytes (256KiB).",
)
@click.option("--minutes", type=click.FloatRange(min=0.5), default=3, show_default=True, help="Of the soak.")
@click.option("--quick", is_flag=True, help="Small maps and few workflows: to see that it runs, not to measure.")
def cli(
    names: tuple[str, ...],
    as_json: bool,
    parts: tuple[str, ...],
    runs: int | None,
    long: bool,
    results: int,
    minutes: float,
    quick: bool,
) -> None:
    """Measure the benchmarks NAMES; without a name, list them."""
    if not names:
        for name, benchmark in BENCHMARKS.items():
            click.echo(f"{name:{WIDTH}}{benchmark.line}")
            if len(benchmark.parts) > 1:
                click.echo(f"{'':{WIDTH}}--part {', '.join(benchmark.parts)}")
        return
    known = {part for name in names for part in BENCHMARKS[name].parts}
    if unknown := sorted(set(parts) - known):
        raise click.BadParameter(
            f"there is no {', '.join(unknown)}, only {', '.join(sorted(known))}.", param_hint="--part"
        )
    progress = Progress()
    figures = []
    where = machine()
    chosen = [BENCHMARKS[name].only(parts) for name in dict.fromkeys(names)]
    options = Options(runs, long, minutes, quick, results)
    for figure in measured(chosen, progress, options):
        progress.say(figure.name, "measured")
        figures.append(figure)
        if as_json:
            click.echo(figure.to_json())
    if not as_json:
        click.echo(f"{where}\n\n{table(figures)}")


def measured(benchmarks: list[Benchmark], progress: Progress, options: Options) -> Iterator[Figure]:
    """The sites one after the other: what one needs in the cluster, the other's figures must not pay for."""
    if any(benchmark.on_site for benchmark in benchmarks):
        with site(progress) as place:
            progress.say("machine", machine(place.api))
            for benchmark in benchmarks:
                for on_site in benchmark.on_site:
                    yield from on_site(place, options.runs)
    if any(benchmark.on_fake_nodes for benchmark in benchmarks):
        with fake_site(progress) as fake:
            progress.say("machine", machine(fake.api))
            for benchmark in benchmarks:
                for on_fake_nodes in benchmark.on_fake_nodes:
                    yield from on_fake_nodes(fake, options)
    for benchmark in benchmarks:
        for here in benchmark.here:
            yield from here(progress, options.runs)


def main() -> None:
    """What the user has to act on is shown without a traceback."""
    try:
        cli()
    except (ProviderError, StepFailed) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

"""How long the pages take: each with what it reads, in turn with Django's own list."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.admin.server import APP, BASELINE, Answer, Visitor
from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.samples import in_turn, median, percentile
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.admin.places import Places
    from benchmarks.admin.server import Server

ROUNDS, OVERVIEWS, FAILURES, FRAGMENTS = 30, 10, 4, 60
PER_PAGE, READ = 50, 1000
# A worker reads again for `fresh` where that was not done in this time.
BETWEEN_SECONDS = 1.05
LIST_TARGET, GROWTH_TARGET, RESULTS_TARGET = 1.5, 1.5, 1.1
OVERVIEW_TARGET_MS, FAILURES_TARGET_MS, FRAGMENT_TARGET_MS = 500.0, 3000.0, 30.0


def measure(server: Server, places: Places, runs: int | None) -> Iterator[Figure]:
    visitor, calm = server.visitor(), Calm()
    _check(visitor, places)
    yield from _lists(visitor, places, runs or ROUNDS, calm)
    yield from _counting_pages(visitor, places, runs, calm)
    yield _fragment(visitor, runs or FRAGMENTS)


def _lists(visitor: Visitor, places: Places, rounds: int, calm: Calm) -> Iterator[Figure]:
    aliases = ("many", "few", "most", "small", "large")
    client = Client(Options(namespace=places.namespaces["many"], kubeconfig=str(places.kubeconfig)))
    calls: list[Callable[[], float]] = [
        lambda: visitor.get(BASELINE).ms,
        *(partial(_list_ms, visitor, alias) for alias in aliases),
        lambda: visitor.get(f"{APP}/task/?backend=many").ms,
        lambda: _ms(lambda: client.table_page(limit=READ)),
    ]
    baseline, *lists, kept, api = in_turn(rounds, calls, before=partial(_between, calm))
    client.close()
    of = dict(zip(aliases, lists, strict=True))
    numbers = {alias: places.contents[alias].number for alias in aliases}
    more = {"tasks": numbers["many"], "kept": median(kept), "api": median(api)}
    yield _ratio("admin_list", of["many"], baseline, LIST_TARGET, more)
    growth = {"tasks": numbers["most"], "baseline_tasks": numbers["few"]}
    yield _ratio("admin_list_growth", of["most"], of["few"], GROWTH_TARGET, growth)
    yield _ratio("admin_list_results", of["large"], of["small"], RESULTS_TARGET, {"tasks": numbers["large"]})


def _counting_pages(visitor: Visitor, places: Places, runs: int | None, calm: Calm) -> Iterator[Figure]:
    overview = partial(_page_ms, visitor, f"{APP}/task/overview/?backend=many&fresh=1")
    (samples,) = in_turn(runs or OVERVIEWS, [overview], before=partial(_between, calm))
    yield _value("admin_overview", samples, OVERVIEW_TARGET_MS, {"tasks": places.contents["many"].number})
    failures = partial(_page_ms, visitor, f"{APP}/task/failures/?backend=most&within=30d&fresh=1")
    (samples,) = in_turn(runs or FAILURES, [failures], before=partial(_between, calm))
    yield _value("admin_failures", samples, FAILURES_TARGET_MS, {"tasks": places.contents["most"].number})


def _fragment(visitor: Visitor, rounds: int) -> Figure:
    """Of tasks that do not change any more."""
    address = f"{APP}/task/?backend=small&part=rows"
    tag = visitor.get(address).headers["ETag"]
    answers: list[Answer] = []
    for _ in range(rounds):
        answers.append(visitor.get(address, 304, **{"If-None-Match": tag}))
        time.sleep(0.05)
    size = max(len(answer.body) + sum(len(f"{k}: {v}\r\n") for k, v in answer.headers.items()) for answer in answers)
    return _value("admin_fragment", [answer.ms for answer in answers], FRAGMENT_TARGET_MS, {"bytes": size})


def _check(visitor: Visitor, places: Places) -> None:
    """The pages show what is there: a fast error would be a good figure."""
    for alias in ("many", "few", "most", "small", "large"):
        text = visitor.get(f"{APP}/task/?backend={alias}").body.decode()
        rows = len(re.findall(r"djt-phase", text))
        assert rows == min(PER_PAGE, places.contents[alias].number), f"{alias}: {rows} rows"
        assert "djt-problem" not in text, text
    baseline = visitor.get(BASELINE).body.decode()
    assert baseline.count("action-select") == PER_PAGE, baseline
    for page in ("overview/?backend=many", "failures/?backend=most&within=30d"):
        assert b"djt-problem" not in visitor.get(f"{APP}/task/{page}").body, page


def _between(calm: Calm) -> None:
    calm()
    time.sleep(BETWEEN_SECONDS)


def _list_ms(visitor: Visitor, alias: str) -> float:
    return _page_ms(visitor, f"{APP}/task/?backend={alias}&fresh=1")


def _page_ms(visitor: Visitor, path: str) -> float:
    return visitor.get(path).ms


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _ratio(
    name: str, samples: Sequence[float], baseline: Sequence[float], target: float, extra: dict[str, Any]
) -> Figure:
    more = {"p90": percentile(samples, 90), **extra, "n": len(samples)}
    return Figure(name=name, value=median(samples), unit="ms", baseline=median(baseline), target=target, extra=more)


def _value(name: str, samples: Sequence[float], target: float, extra: dict[str, Any]) -> Figure:
    more = {"p90": percentile(samples, 90), **extra, "n": len(samples)}
    return Figure(name=name, value=median(samples), unit="ms", target=target, target_of="value", extra=more)

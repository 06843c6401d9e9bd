"""What a task's process does before and after the task, read from what it said. Pure.

The process is `runner/start_probe.py`, under `python -X importtime`. It marks its parts, among what that says.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Final

MARK: Final = "start-cost: "
IMPORT: Final = re.compile(r"import time: +(\d+) \| +(\d+) \|( +)(\S+)$")
STANDARD_LIBRARY: Final = "the standard library"
THE_END: Final = "the end of the process"
# A part that takes less is shown with the others.
SHOWN_MIN_MS: Final = 0.5
OTHERS: Final = "all else"


@dataclass(slots=True)
class Cost:
    """A part of a process. No time is in two parts."""

    ms: float = 0.0
    modules: int = 0
    imported_by: str = ""
    """The module whose import of the package took longest."""
    _longest: int = field(default=0, repr=False)

    def note_import(self, own_us: int) -> None:
        self.ms += own_us / 1000
        self.modules += 1

    def note_importer(self, name: str, all_us: int) -> None:
        if all_us > self._longest:
            self.imported_by, self._longest = name, all_us


type Costs = dict[str, Cost]


class NotMeasured(ValueError):
    """The process did not come to the end of its start."""


def parsed(lines: Iterable[str], ended: float) -> Costs:
    """Read what one process said. `ended`: when it had ended, on its clock. Raises NotMeasured."""
    costs: Costs = defaultdict(Cost)
    inside: list[float] = []  # ms of what is a part of its own, in each part that is open
    imports: list[tuple[int, str, int]] = []
    done: float | None = None
    for line in lines:
        if line.startswith(MARK):
            said = json.loads(line.removeprefix(MARK))
            if "begins" in said:
                inside.append(0.0)
            elif "ends" in said:
                ms = said["seconds"] * 1000
                own = ms - inside.pop() if inside else ms
                costs[said["ends"]].ms += max(own, 0.0)
                _add(inside, ms)
            else:
                done = said["done"]
        # What is imported before the first mark is in the interpreter's part.
        elif costs and (found := IMPORT.match(line)) is not None:
            own_us, all_us, indent, module = int(found[1]), int(found[2]), len(found[3]), found[4]
            imports.append((indent, module, all_us))
            costs[f"import {package_of(module)}"].note_import(own_us)
            _add(inside, own_us / 1000)
    if done is None:
        raise NotMeasured
    for package, importer, all_us in _importers(imports):
        costs[f"import {package}"].note_importer(importer, all_us)
    costs[THE_END].ms = max(ended - done, 0.0) * 1000
    return dict(costs)


def _add(inside: list[float], ms: float) -> None:
    if inside:
        inside[-1] += ms


def package_of(module: str) -> str:
    top = module.partition(".")[0]
    return STANDARD_LIBRARY if top in sys.stdlib_module_names or top.startswith("_sysconfigdata_") else top


def _importers(imports: list[tuple[int, str, int]]) -> Iterator[tuple[str, str, int]]:
    """For each import of a package from outside of it: the package, the module that imports it, or nothing where it is
    the process itself, and how long it took in µs. A line follows those of what its module imports, which are indented
    more."""
    around: list[tuple[int, str]] = []
    for indent, module, all_us in reversed(imports):
        while around and around[-1][0] >= indent:
            around.pop()
        package, importer = package_of(module), around[-1][1] if around else ""
        if package != STANDARD_LIBRARY and package != package_of(importer):
            yield package, importer, all_us
        around.append((indent, module))


def medians(runs: list[Costs]) -> Costs:
    """Each part's median over all runs; the rest as in the first. The dearest first."""
    names = dict.fromkeys(name for run in runs for name in run)
    found = {}
    for name in names:
        seen = [run[name] for run in runs if name in run]
        ms = median([run[name].ms if name in run else 0.0 for run in runs])
        found[name] = Cost(ms, seen[0].modules, seen[0].imported_by)
    return dict(sorted(found.items(), key=lambda item: -item[1].ms))


def shown(costs: Mapping[str, Cost], limit: int) -> Costs:
    """The dearest, and the others as one. `limit`: 0 for all."""
    dear = {name: cost for name, cost in costs.items() if cost.ms >= SHOWN_MIN_MS}
    if not limit:
        return dict(costs)
    first = dict(list(dear.items())[:limit])
    rest = [cost for name, cost in costs.items() if name not in first]
    if rest:
        first[OTHERS] = Cost(sum(cost.ms for cost in rest), sum(cost.modules for cost in rest))
    return first


def columns(costs: Mapping[str, Cost], total: float) -> Iterator[dict[str, str]]:
    """Rows of a table. `total`: ms of all parts, also of those that are not shown."""
    for name, cost in costs.items():
        yield {
            "PART": name,
            "MS": f"{cost.ms:.1f}",
            "SHARE": f"{cost.ms / total:.0%}" if total else "",
            "MODULES": str(cost.modules or ""),
            "IMPORTED BY": cost.imported_by,
        }


def record(name: str, cost: Cost) -> dict[str, object]:
    """A part as an object for programs."""
    return {"part": name, "ms": round(cost.ms, 3), "modules": cost.modules, "imported_by": cost.imported_by or None}

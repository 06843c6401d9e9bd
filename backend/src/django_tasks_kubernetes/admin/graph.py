"""The steps of a workflow in layers, each after those that it needs. Pure.

Where many steps are alike, such as those of a group, one box stands for all; what is still too much is no picture.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django_tasks_kubernetes.admin.shapes import coordinate
from django_tasks_kubernetes.presentation.workflow_tree import StepView
from djangotasks_api.workflow.records import StepPhase

BOXES_MAX: Final = 200
LINES_MAX: Final = 2000
# From so many steps on that are alike, one box stands for them.
GROUP: Final = 6
BOX_WIDTH: Final = 168
BOX_HEIGHT: Final = 44
GAP_X: Final = 44
GAP_Y: Final = 14
MARGIN: Final = 4
NAME_CHARS: Final = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A step, or several that are alike."""

    steps: tuple[StepView, ...]
    needs: tuple[int, ...]
    """The places of the nodes that it needs."""

    @property
    def name(self) -> str:
        return self.steps[0].name

    @property
    def tasks(self) -> int | None:
        """How many tasks it has, where that is not one."""
        if len(self.steps) > 1:
            return len(self.steps)
        return (self.steps[0].width or 0) if self.steps[0].is_map else None

    @property
    def phase(self) -> str:
        """Of all: what has failed or runs is more than what is over."""
        phases = {step.phase for step in self.steps}
        if len(phases) == 1:
            return phases.pop()
        for phase in (StepPhase.FAILED, StepPhase.RUNNING, StepPhase.PENDING, StepPhase.CANCELLED):
            if phase in phases:
                # Where some are over, and others wait, it is in the middle.
                return StepPhase.RUNNING if phase is StepPhase.PENDING else phase
        return min(phases)

    @property
    def succeeded(self) -> int:
        return self._number(StepPhase.SUCCEEDED, lambda step: len(step.completed))

    @property
    def failed(self) -> int:
        return self._number(StepPhase.FAILED, lambda step: len(step.failed))

    def _number(self, phase: StepPhase, of_map: Callable[[StepView], int]) -> int:
        return sum(of_map(step) if step.is_map else step.phase == phase for step in self.steps)


@dataclass(frozen=True, slots=True)
class Box:
    """A node at its place."""

    node: Node
    x: str
    y: str
    text_x: str
    first_y: str
    second_y: str
    name: str
    """Short enough for the box."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The picture."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[str, ...]
    """Paths of SVG."""


def graph(steps: Sequence[StepView]) -> Graph | None:
    """None where there are more than BOXES_MAX boxes, or than LINES_MAX lines between them."""
    nodes = collapsed(steps)
    if len(nodes) > BOXES_MAX or sum(len(node.needs) for node in nodes) > LINES_MAX:
        return None
    layers = layers_of(nodes)
    places = {place: (column, row) for column, layer in enumerate(layers) for row, place in enumerate(layer)}
    tallest = max((len(layer) for layer in layers), default=0)

    def corner(place: int) -> tuple[float, float]:
        column, row = places[place]
        # Shorter columns are in the middle.
        lead = (tallest - len(layers[column])) * (BOX_HEIGHT + GAP_Y) / 2
        return MARGIN + column * (BOX_WIDTH + GAP_X), MARGIN + lead + row * (BOX_HEIGHT + GAP_Y)

    return Graph(
        width=2 * MARGIN + max(len(layers) * (BOX_WIDTH + GAP_X) - GAP_X, 0),
        height=2 * MARGIN + max(tallest * (BOX_HEIGHT + GAP_Y) - GAP_Y, 0),
        boxes=tuple(_box(nodes[place], *corner(place)) for place in sorted(places)),
        edges=tuple(_edge(corner(need), corner(place)) for place in sorted(places) for need in nodes[place].needs),
    )


def collapsed(steps: Sequence[StepView]) -> list[Node]:
    """A node for each step, and one for GROUP or more that run the same task between the same steps."""
    needed: dict[str, set[str]] = {}
    for step in steps:
        for need in step.needs:
            needed.setdefault(need, set()).add(step.name)
    alike: dict[object, list[StepView]] = {}
    for step in steps:
        key = (step.task, step.runs, frozenset(step.needs), frozenset(needed.get(step.name, ())), step.is_map)
        # A map has a box of its own: it is many already.
        alike.setdefault((step.name,) if step.is_map else key, []).append(step)
    groups = [
        group for found in alike.values() for group in ([found] if len(found) >= GROUP else [[step] for step in found])
    ]
    order = {step.name: place for place, step in enumerate(steps)}
    groups.sort(key=lambda group: order[group[0].name])
    node_of = {step.name: place for place, group in enumerate(groups) for step in group}
    return [
        Node(
            steps=tuple(group),
            needs=tuple(dict.fromkeys(node_of[need] for need in group[0].needs if need in node_of)),
        )
        for group in groups
    ]


def layers_of(nodes: Sequence[Node]) -> list[list[int]]:
    """The places of the nodes by the longest path that leads to them. In a layer, those with the same needs are side by
    side. Somebody may have written steps that need each other: they are at the end."""
    depths: dict[int, int] = {}
    left = list(range(len(nodes)))
    while left:
        ready = [place for place in left if all(need in depths for need in nodes[place].needs if need != place)]
        for place in ready or left:
            known = [depths[need] for need in nodes[place].needs if need in depths]
            depths[place] = max(known, default=-1) + 1
        left = [place for place in left if place not in depths]
    layers: list[list[int]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for place, depth in depths.items():
        layers[depth].append(place)
    rows: dict[int, float] = {}
    for layer in layers:
        layer.sort(key=lambda place: (_mean(rows, nodes[place].needs), place))
        rows |= {place: float(row) for row, place in enumerate(layer)}
    return layers


def _mean(rows: Mapping[int, float], needs: Iterable[int]) -> float:
    known = [rows[need] for need in needs if need in rows]
    return sum(known) / len(known) if known else 0.0


def _box(node: Node, x: float, y: float) -> Box:
    name = node.name if len(node.name) <= NAME_CHARS else f"{node.name[: NAME_CHARS - 1]}…"
    return Box(
        node, coordinate(x), coordinate(y), coordinate(x + 10), coordinate(y + 18), coordinate(y + 35), name
    )  # fmt: skip


def _edge(source: tuple[float, float], target: tuple[float, float]) -> str:
    """A curve from the right side of a box to the left side of another."""
    x1, y1 = source[0] + BOX_WIDTH, source[1] + BOX_HEIGHT / 2
    x2, y2 = target[0], target[1] + BOX_HEIGHT / 2
    middle = (x1 + x2) / 2
    numbers = [coordinate(number) for number in (x1, y1, middle, y1, middle, y2, x2, y2)]
    return "M{},{} C{},{} {},{} {},{}".format(*numbers)

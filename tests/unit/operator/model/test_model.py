"""The operator in a world where anything may happen in any order: what must always hold, does; and when the world
calms down, every task comes to its end.

`HYPOTHESIS_PROFILE=thorough` searches for an hour. A failure is printed as the shortest story that shows it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from djangotasks_operator.pods.views import Pod
from tests.unit.operator.model.quiescence import run_to_quiescence
from tests.unit.operator.model.replica import Replica
from tests.unit.operator.model.scenario import Scenario, few_interruptions
from tests.unit.operator.model.simulation import Process, Report
from tests.unit.operator.model.standbys import Standby, numbered_pods

STEPS = 40


class Model(RuleBasedStateMachine):
    """One rule, which chooses among what is possible: separate rules would mostly find that they are not."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(few_interruptions())
        self.stack.enter_context(numbered_pods())
        self.scenario = Scenario()

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.scenario.begin(Choices(data))

    @rule(data=st.data())
    def happens(self, data: st.DataObject) -> None:
        choose = Choices(data)
        way = choose(*self.scenario.possible())
        way(choose)
        note(f"{way.__name__.replace('_', ' ')}: {', '.join(choose.made[1:])}")

    @invariant()
    def holds(self) -> None:
        self.scenario.look()

    def teardown(self) -> None:
        try:
            run_to_quiescence(self.scenario)
        finally:
            self.scenario.close()
            self.stack.close()


class Choices:
    """Lets hypothesis choose, and remembers what it chose, for the report."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.made: list[str] = []

    def __call__(self, *items: Any) -> Any:
        item = items[self._data.draw(st.integers(0, len(items) - 1))]
        self.made.append(short(item))
        return item


def short(item: object) -> str:
    """What a scenario calls it."""
    match item:
        case Process(pod=Pod(name=name)) | Pod(name=name):
            return name
        case Standby(key=key):
            return key.name
        case Report(key=key, attempt=attempt, outcome=outcome):
            return f"{'start' if outcome is None else 'outcome'} of {key.name}-{attempt}"
        case {"metadata": {"name": str(name)}}:
            return name
        case Replica(leads=leads):
            return "leader" if leads else "standby"
        case (Replica(leads=leads), where):
            return f"{'leader' if leads else 'standby'} {where}"
        case _:
            return str(item)


Model.TestCase.settings = settings(stateful_step_count=STEPS, deadline=None)
TestModel = Model.TestCase

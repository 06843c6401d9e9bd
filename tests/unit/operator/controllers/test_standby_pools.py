"""Tasks that are on their way to pods of their own come first, for a while."""

from __future__ import annotations

from djangotasks_api.names import STANDBY_LABEL
from djangotasks_operator.controllers.standby_controller import CHECK_SECONDS
from djangotasks_operator.controllers.standby_pools import BUSY_MOST
from tests.support.builders import make_task
from tests.unit.operator.controllers.many_tasks import put_tasks
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.standby_stage import ask, live, make_warm


def run_all(operator: InMemoryOperator) -> None:
    """The pods that tasks have of their own start."""
    for name in operator.names("pods"):
        if STANDBY_LABEL not in operator.server.get("pods", name)["metadata"]["labels"]:
            state = {"running": {"startedAt": operator.clock.stamp()}}
            operator.set_pod_status(name, {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})


def test_none_is_made_while_tasks_start_pods_of_their_own() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    put_tasks(operator, "default", 3)
    operator.drain()
    for _ in range(10):
        operator.wait(1)
    assert live(operator) == []
    run_all(operator)
    operator.wait(1)
    assert len(live(operator)) == 1


def test_tasks_come_first_each_time_there_are_some() -> None:
    """Not for ever; and what they have had of that is over with them."""
    operator = make_warm(standby={"min": 1, "max": 1})
    put_tasks(operator, "default", 3)
    operator.drain()
    operator.wait(BUSY_MOST + 1)
    assert len(live(operator)) == 1
    run_all(operator)
    ask(operator)
    operator.wait(CHECK_SECONDS + 1)
    for number in range(3):
        operator.put_task(make_task(f"later-{number}", uid=f"later-{number}"))
    operator.drain()
    operator.wait(BUSY_MOST / 2)
    assert live(operator) == []

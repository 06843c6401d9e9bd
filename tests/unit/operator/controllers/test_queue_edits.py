"""An edit of a queue reaches each of its tasks, and edits without an end reach them once a second."""

from __future__ import annotations

from typing import Any

from djangotasks_api.names import QUEUE_PLURAL
from djangotasks_operator.controllers.queue_edits import BURST
from tests.support.builders import make_task
from tests.unit.operator.harness import make_operator
from tests.unit.operator.model.calls import run


def test_two_tools_that_disagree_about_a_queue_take_little_time() -> None:
    """With 20,000 waiting tasks each edit took 40 ms at once, and a pass over all of them."""
    operator = make_operator()
    work = operator.work
    operator.put_queue(suspended=True)
    for name in ("first", "second"):
        operator.put_task(make_task(name, uid=name))
    operator.drain()

    def edit(**spec: Any) -> None:
        operator.server.update(QUEUE_PLURAL, "default", {"spec": spec})
        run(operator.reflectors.list())

    def passes() -> bool:
        """Whether the tasks are reconciled now."""
        while (queue := work.edited_queues.take()) is not None:
            run(operator.term.edits.reconcile(queue))
            work.edited_queues.done(queue)
        return len(work.tasks) == 2

    made = 0
    for number in range(200):
        operator.clock.advance(0.01)
        edit(ageingSeconds=number)
        made += passes()
        operator.drain()
    assert BURST <= made <= BURST + 2
    edit(ageingSeconds=7)
    assert not passes()
    operator.clock.advance(1.1)
    assert passes(), "the last edit counts"

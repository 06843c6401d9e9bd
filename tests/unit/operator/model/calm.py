"""The calm after a story: nothing new happens, what was begun goes on, and time passes. Then all must come to its end."""

from __future__ import annotations

from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.phases import Phase
from djangotasks_operator.observed import parse_job
from tests.unit.operator.model.story import Story
from tests.unit.operator.model.world import make_outcome

ROUNDS = 3000
# In seconds: longer than any wait but the one for a finished task's deletion.
LONG = 3600.0


def calm_down(story: Story) -> None:
    """Raises AssertionError when something is left that nothing will wake the operator for."""
    story.server.refusal = None
    for name in ("default", "later"):
        story.world.put_queue(name, 1)
    for _ in range(ROUNDS):
        moved = _move(story)
        story.watcher.look()
        if not moved:
            if not (left := _unfinished(story)):
                return
            due = story.leader.queue.next_due()
            wait = LONG if due is None else due - story.world.clock.seconds()
            assert wait < LONG, f"nothing will wake the operator: {left}"
            story.world.clock.advance(max(wait, 0))
    raise AssertionError(f"not at rest after {ROUNDS} rounds: {_unfinished(story)}")


def _move(story: Story) -> bool:
    """Everything takes one step. True if anything did."""
    world, server = story.world, story.server
    before = len(server.events)
    server.collect()
    for pod in world.deleting():
        world.confirm_deletion(pod, shown=True)
    for pod in world.waiting():
        world.start(pod)
    for pod in world.pods():
        world.end_sidecar(pod)
    busy = [any((replica.see_all(), replica.drain())) for replica in story.replicas]
    for process in world.working():
        world.finish(process, make_outcome("success", process, world.clock.now.isoformat()))
    for process in world.alive():
        world.end(process.pod, 0, "Completed")
    while world.reports:
        story.deliver(world.reports.pop(), story.leader)
    return len(server.events) > before or any(busy) or any(replica.running for replica in story.replicas)


def _unfinished(story: Story) -> list[str]:
    """Tasks, Jobs and containers that have not come to their end."""
    tasks = [
        body["metadata"]["name"]
        for body in story.server.list(TASK_PLURAL)
        if not Phase(body["status"]["phase"]).is_terminal
    ]
    jobs = [parse_job(body) for body in story.server.list("jobs")]
    names = [job.name for job in jobs if job is not None and not job.finished]
    return [*tasks, *names, *(process.pod.name for process in story.world.alive())]

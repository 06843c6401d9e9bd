"""The calm after a story: nothing new happens, what was begun goes on, and time passes. Then all must come to its end."""

from __future__ import annotations

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.names import QUEUE_PLURAL, TASK_PLURAL, job_name
from djangotasks_api.phases import Phase
from djangotasks_operator.observed import parse_job
from tests.unit.operator.model.story import Story
from tests.unit.operator.model.world import make_outcome

ROUNDS = 3000
# In seconds: longer than any wait but the one for a finished task's deletion.
LONG = 3600.0
# More than it takes until a queue tells of what happened, or is looked at again.
SAID_SECONDS = 30.0


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
                assert not (lost := _logs_not_kept(story)), f"the log was there to be kept: {lost}"
                _queues_say_so(story)
                return
            due = story.leader.next_due()
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
        if process.outcome is not None:
            world.end(process.pod, 0, "Completed")
    while world.reports:
        story.deliver(world.reports.pop(), story.leader)
    return len(server.events) > before or any(busy) or any(replica.running for replica in story.replicas)


def _queues_say_so(story: Story) -> None:
    """After a while: that nothing is left, and that tasks could be started."""
    story.world.clock.advance(SAID_SECONDS)
    while _move(story):
        pass
    for body in story.server.list(QUEUE_PLURAL):
        status = DjangoTaskQueue.model_validate(body).status
        said = status.queued, status.running, status.oldest_queued_at, status.conditions[0].reason
        assert said == (0, 0, None, "Ready"), f"the queue {body['metadata']['name']} says {said}"


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


def _logs_not_kept(story: Story) -> list[str]:
    """The latest attempts that failed, whose pods are still there, and whose logs are not in the status."""
    trouble = any(event.plural == QUEUE_PLURAL and event.type == "DELETED" for event in story.server.events)
    if story.spent["failed calls"] or trouble:
        return []
    ended = {pod.name for pod in story.world.pods() if pod.terminated is not None}
    found = []
    for body in story.server.list(TASK_PLURAL):
        name, status = body["metadata"]["name"], DjangoTask.model_validate(body).status
        number = max((a.number for a in status.attempts if a.finished_at and a.reason), default=None)
        if number is None or (status.log_tail is not None and status.log_tail.attempt >= number):
            continue
        if job_name(name, number) in ended:
            found.append(job_name(name, number))
    return found

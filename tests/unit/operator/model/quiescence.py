"""The calm after a scenario: nothing new happens, what was begun goes on, and time passes. Then all must come to its end."""

from __future__ import annotations

from collections import Counter

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.names import HOLD_PLURAL, QUEUE_LABEL, QUEUE_PLURAL, TASK_PLURAL, job_name
from djangotasks_api.phases import Phase
from djangotasks_operator.pods.parsing import parse_job
from tests.unit.operator.model.outcomes import make_outcome
from tests.unit.operator.model.scenario import Scenario

ROUNDS = 3000
# The simulated clock counts microseconds: it would stand still for less.
TICK = 1e-6
# In seconds: longer than any wait but the one for a finished task's deletion.
LONG = 3600.0
# More than it takes until the status of a queue is written, or reconciled again.
SAID_SECONDS = 30.0
# The standby pods of the queues in the end.
POOLS: dict[str, dict[str, int] | None] = {"default": {"min": 1, "max": 2}, "later": None}
# More than it takes until there are those that are to be: the longest wait after failures, and room for some.
POOL_ROUNDS = 20


def run_to_quiescence(scenario: Scenario) -> None:
    """Raises AssertionError when something is left that nothing will wake the operator for."""
    scenario.drop_late()
    scenario.server.refusal = None
    scenario.server.quotas = {}
    for name, standby in POOLS.items():
        scenario.world.put_queue(name, 1, standby=standby)
    for body in scenario.server.list(HOLD_PLURAL):
        # The operator ends the others.
        if "until" not in body["spec"]:
            scenario.server.delete(HOLD_PLURAL, body["metadata"]["name"])
    for _ in range(ROUNDS):
        moved = _move(scenario)
        scenario.look()
        if not moved:
            if not (left := _unfinished(scenario)):
                assert not (lost := _logs_not_kept(scenario)), f"the log was there to be kept: {lost}"
                _queues_say_so(scenario)
                _pools_are_full(scenario)
                return
            due = scenario.leader.next_due()
            wait = LONG if due is None else due - scenario.world.clock.seconds()
            assert wait < LONG, f"nothing will wake the operator: {left}"
            scenario.world.clock.advance(max(wait, TICK))
    raise AssertionError(f"not at rest after {ROUNDS} rounds: {_unfinished(scenario)}")


def _move(scenario: Scenario) -> bool:
    """Everything takes one step. True if anything did."""
    world, server = scenario.world, scenario.server
    before = len(server.events)
    server.collect()
    for pod in world.deleting():
        world.confirm_deletion(pod, shown=True)
    for pod in world.waiting():
        world.start(pod)
    scenario.standbys.go_on()
    for pod in world.pods():
        world.end_sidecar(pod)
    busy = []
    for replica in scenario.replicas:
        busy.append(any((replica.see_all(), replica.drain())))
        if replica is scenario.leader:
            scenario.leader_rests()
    for process in world.working():
        world.finish(process, make_outcome("success", process, world.clock.now.isoformat()))
    for process in world.alive():
        if process.outcome is not None:
            world.end(process.pod, 0, "Completed")
    while world.reports:
        scenario.deliver(world.reports.pop(), scenario.leader)
    return len(server.events) > before or any(busy) or any(replica.running for replica in scenario.replicas)


def _queues_say_so(scenario: Scenario) -> None:
    """After a while: that nothing is left, and that tasks could be started."""
    scenario.world.clock.advance(SAID_SECONDS)
    while _move(scenario):
        pass
    for body in scenario.server.list(QUEUE_PLURAL):
        status = DjangoTaskQueue.model_validate(body).status
        said = status.queued, status.running, status.oldest_queued_at, status.conditions[0].reason
        assert said == (0, 0, None, "Ready"), f"the queue {body['metadata']['name']} says {said}"


def _pools_are_full(scenario: Scenario) -> None:
    """After a while: each queue has the standby pods that it is to have, and no others are left."""
    for _ in range(POOL_ROUNDS):
        scenario.world.clock.advance(SAID_SECONDS)
        while _move(scenario):
            pass
        scenario.look()
        left = Counter(body["metadata"]["labels"][QUEUE_LABEL] for body in scenario.world.standbys.bodies())
        ready = sum(standby.alive for standby in scenario.leader.held.asking.values())
        if left == {"default": 1} and ready == 1:
            return
    raise AssertionError(f"standby pods are left, or missing: {left}, {ready} wait")


def _unfinished(scenario: Scenario) -> list[str]:
    """Tasks, Jobs, containers and holds that have not come to their end."""
    tasks = [
        body["metadata"]["name"]
        for body in scenario.server.list(TASK_PLURAL)
        if not Phase(body["status"]["phase"]).is_terminal
    ]
    jobs = [parse_job(body) for body in scenario.server.list("jobs")]
    names = [job.name for job in jobs if job is not None and not job.finished]
    holds = [f"the hold of {body['metadata']['name']}" for body in scenario.server.list(HOLD_PLURAL)]
    return [*tasks, *names, *holds, *(process.pod.name for process in scenario.world.alive())]


def _logs_not_kept(scenario: Scenario) -> list[str]:
    """The latest attempts that failed, whose pods are still there, and whose logs are not in the status."""
    trouble = any(event.plural == QUEUE_PLURAL and event.type == "DELETED" for event in scenario.server.events)
    if scenario.spent["failed calls"] or trouble:
        return []
    ended = {pod.name for pod in scenario.world.pods() if pod.terminated is not None}
    found = []
    for body in scenario.server.list(TASK_PLURAL):
        name, status = body["metadata"]["name"], DjangoTask.model_validate(body).status
        number = max((a.number for a in status.attempts if a.finished_at and a.reason), default=None)
        if number is None or (status.log_tail is not None and status.log_tail.attempt >= number):
            continue
        if status.attempts[number - 1].pod in ended:
            found.append(job_name(name, number))
    return found

"""logs: what a task's container wrote, or the end of it that was kept with the task."""

from collections.abc import Callable
from functools import partial
from typing import Final

from django_tasks_kubernetes.cli.session import Code, Session
from django_tasks_kubernetes.cli.task_follower import TaskFollower
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.kube.rights import role_commands
from django_tasks_kubernetes.logs.container_log import Answer, ContainerLog
from django_tasks_kubernetes.presentation import rows
from django_tasks_kubernetes.presentation.text import safe
from djangotasks_api.names import job_name

# How often a container that has not started, or a node that does not answer, is polled.
POLL_SECONDS: Final = 1.0
# The end of a failed attempt's log is kept soon after the failure.
KEPT_SECONDS: Final = 15.0


def logs(
    session: Session, id_: str, *, follow: bool = False, attempt: int | None = None, tail: int | None = None
) -> int:
    """Write the log of an attempt, by default the latest. `follow`: to its end, or to that of the task. `tail`: only
    its last lines."""
    resource = session.get(id_)
    if not follow:
        return _once(session, resource, attempt, tail)
    with TaskFollower(session, resource) as follower:
        return LogFollower(session, follower, tail).follow(attempt)


def _once(session: Session, resource: Resource, attempt: int | None, tail: int | None) -> int:
    name, latest = resource["metadata"]["name"], rows.row(resource).attempts
    number = attempt or latest or 1
    if attempt is not None and attempt > max(latest, 1):
        session.output.note(f"There is no attempt {attempt} of {name}: the latest is {latest or 'yet to come'}.")
        return Code.FAILED
    log = ContainerLog(session.client, pod_of(resource, number))
    answer = _copy(session, log, follow=False, tail=tail)
    if answer is Answer.READ or log.shown:
        return Code.OK
    if answer is Answer.GONE and not latest:
        session.output.note(f"{name} has not started. {state(resource)}")
        return Code.FAILED
    return kept(session, resource, number, tail, why_not(session, log, answer))


def _copy(session: Session, log: ContainerLog, *, follow: bool, tail: int | None) -> Answer:
    """Writes the log. The answer, which comes last, says how it ended."""
    for part in log.read(follow=follow, tail=tail):
        if isinstance(part, Answer):
            return part
        session.output.raw(part)
    raise AssertionError("an answer comes last")


class LogFollower:
    """Follows the log from one attempt to the next, until the task is finished."""

    def __init__(self, session: Session, task: TaskFollower, tail: int | None) -> None:
        self._session = session
        self._task = task
        self._tail = tail
        self._name: str = task.resource["metadata"]["name"]
        self._noted = ""

    def follow(self, attempt: int | None) -> int:
        number, code = attempt or rows.row(self._task.resource).attempts or 1, Code.OK
        while True:
            resource = self._until(partial(_reached, number=number))
            if rows.row(resource).attempts < number:
                if number == 1 or attempt is not None:
                    self._session.output.note(f"{self._name} has no attempt {number}. {state(resource)}")
                    return Code.FAILED
                return code
            if number > 1 and attempt is None:
                self._note(f"Attempt {number}:")
            code = self._attempt(number)
            if attempt is not None or code is not Code.OK:
                return code
            number += 1

    def _attempt(self, number: int) -> Code:
        """Follows one attempt to its end."""
        log = ContainerLog(self._session.client, pod_of(self._task.resource, number))
        while True:
            over = ended(self._task.resource, number)
            # Followed even when it is over: a process may write after its outcome is known, such as from receivers.
            answer = _copy(self._session, log, follow=True, tail=self._tail)
            match answer:
                case Answer.READ if over:
                    return Code.OK
                case Answer.GONE | Answer.WAITING if over:
                    return self._kept(log, number, answer)
                case Answer.FORBIDDEN:
                    self._note(why_not(self._session, log, answer) + " Waiting for the end of the task.")
                    self._until(partial(ended, number=number))
                    return self._kept(log, number, answer)
                case Answer.AWAY | Answer.WAITING:
                    self._note(log.message)
                case _:
                    pass
            self._task.wait(POLL_SECONDS)

    def _kept(self, log: ContainerLog, number: int, answer: Answer) -> Code:
        if log.shown:
            return Code.OK
        resource, waited = self._task.resource, 0.0
        while not _tail_of(resource, number) and _failed(resource, number) and waited < KEPT_SECONDS:
            resource = self._task.wait(POLL_SECONDS)
            waited += POLL_SECONDS
        return kept(self._session, resource, number, self._tail, why_not(self._session, log, answer))

    def _until(self, condition: Callable[[Resource], bool]) -> Resource:
        """Waits for a condition, and notes each state of the task meanwhile."""
        resource = self._task.resource
        while not condition(resource):
            self._note(state(resource))
            resource = self._task.wait()
        return resource

    def _note(self, text: str) -> None:
        if text != self._noted:
            self._noted = text
            self._session.output.note(safe(text))


def kept(session: Session, resource: Resource, number: int, tail: int | None, why: str) -> Code:
    """Writes the end of the log that is in the status, marked as such."""
    found = _tail_of(resource, number)
    if found is None:
        other = (resource["status"].get("logTail") or {}).get("attempt") if resource.get("status") else None
        more = f" Attempt {other}'s is (--attempt {other})." if other else ""
        session.output.note(f"{why} No end of attempt {number}'s log is kept with the task.{more}")
        return Code.FAILED
    lines = found.split("\n")
    session.output.note(f"{why} The end of attempt {number}'s log, as it was kept with the task:")
    shown = lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]
    session.output.raw("".join(f"{line}\n" for line in shown if found).encode())
    return Code.OK


def why_not(session: Session, log: ContainerLog, answer: Answer) -> str:
    match answer:
        case Answer.FORBIDDEN:
            return _no_right(session.client.namespace, log)
        case Answer.GONE:
            return f"The pod {log.pod} is gone, and its log with it."
        case _:
            return f"The log of {log.pod} cannot be read now: {safe(log.message)}."


def _no_right(namespace: str, log: ContainerLog) -> str:
    """What to do where these credentials may not read logs, as a web app's may not."""
    words = safe(log.message)
    grant = role_commands("read-task-logs", namespace, "--verb=get --resource=pods,pods/log", words)
    return (
        f"These credentials may not read logs: {words}. With others, read it from outside of the web app: kubectl logs "
        f"-n {namespace} {log.pod}, or kubectl djangotask logs. Or grant the right: {grant}."
    )


def pod_of(resource: Resource, number: int) -> str:
    """The pod of an attempt: a standby pod keeps its own name."""
    attempts = (resource.get("status") or {}).get("attempts") or []
    known = next((a.get("pod") for a in attempts if a.get("number") == number), None)
    return known or job_name(resource["metadata"]["name"], number)


def state(resource: Resource) -> str:
    """What the task waits for, or how it ended."""
    status, row = resource.get("status") or {}, rows.row(resource)
    why = ": ".join(text for text in (row.reason, safe(status.get("message") or "")) if text)
    return f"It is {row.phase}" + (f": {why}" if why else ".")


def ended(resource: Resource, number: int) -> bool:
    """Whether the attempt is over."""
    attempts = (resource.get("status") or {}).get("attempts") or []
    over = any(a.get("number") == number and a.get("finishedAt") for a in attempts)
    return over or rows.row(resource).is_finished


def _reached(resource: Resource, number: int) -> bool:
    """Whether the attempt has begun, or never will."""
    row = rows.row(resource)
    return row.attempts >= number or row.is_finished


def _failed(resource: Resource, number: int) -> bool:
    attempts = (resource.get("status") or {}).get("attempts") or []
    return any(a.get("number") == number and a.get("reason") for a in attempts)


def _tail_of(resource: Resource, number: int) -> str | None:
    tail = (resource.get("status") or {}).get("logTail") or {}
    text: str | None = tail.get("text") if tail.get("attempt") == number else None
    return text

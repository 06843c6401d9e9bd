"""logs: what a task's container wrote; and where that cannot be had, what was kept of it."""

from collections.abc import Callable
from functools import partial
from typing import Final

from django_tasks_kubernetes.cli import views
from django_tasks_kubernetes.cli.container_log import Answer, ContainerLog
from django_tasks_kubernetes.cli.news import News
from django_tasks_kubernetes.cli.verbs import Code, Session
from django_tasks_kubernetes.codec import Resource
from djangotasks_api.names import job_name

# Before a container that has not started, or a node that does not answer, is asked again.
AGAIN_SECONDS: Final = 1.0
# The end of a failed attempt's log is kept soon after the failure.
KEPT_SECONDS: Final = 15.0


def logs(
    session: Session, id_: str, *, follow: bool = False, attempt: int | None = None, tail: int | None = None
) -> int:
    """`attempt`: the latest where it is not given. `follow`: to the end of that attempt, or of the task."""
    resource = session.tasks.get(id_)
    if not follow:
        return _once(session, resource, attempt, tail)
    with News(session, resource) as news:
        return Follower(session, news, tail).follow(attempt)


def _once(session: Session, resource: Resource, attempt: int | None, tail: int | None) -> int:
    name, latest = resource["metadata"]["name"], views.row(resource).attempts
    number = attempt or latest or 1
    if attempt is not None and attempt > max(latest, 1):
        session.output.note(f"There is no attempt {attempt} of {name}: the latest is {latest or 'yet to come'}.")
        return Code.FAILED
    log = ContainerLog(session.client, job_name(name, number))
    answer = _copy(session, log, follow=False, tail=tail)
    if answer is Answer.READ or log.shown:
        return Code.OK
    if answer is Answer.GONE and not latest:
        session.output.note(f"{name} has not started. {state(resource)}")
        return Code.FAILED
    return kept(session, resource, number, tail, why_not(session, log, answer))


def _copy(session: Session, log: ContainerLog, *, follow: bool, tail: int | None) -> Answer:
    """What came last says how it ended."""
    for part in log.read(follow=follow, tail=tail):
        if isinstance(part, Answer):
            return part
        session.output.raw(part)
    raise AssertionError("an answer comes last")


class Follower:
    """Goes on from one attempt to the next, until the task is finished."""

    def __init__(self, session: Session, news: News, tail: int | None) -> None:
        self._session = session
        self._news = news
        self._tail = tail
        self._name: str = news.resource["metadata"]["name"]
        self._said = ""

    def follow(self, attempt: int | None) -> int:
        number, code = attempt or views.row(self._news.resource).attempts or 1, Code.OK
        while True:
            resource = self._until(partial(_reached, number=number))
            if views.row(resource).attempts < number:
                if number == 1 or attempt is not None:
                    self._session.output.note(f"{self._name} has no attempt {number}. {state(resource)}")
                    return Code.FAILED
                return code
            if number > 1 and attempt is None:
                self._say(f"Attempt {number}:")
            code = self._attempt(number)
            if attempt is not None or code is not Code.OK:
                return code
            number += 1

    def _attempt(self, number: int) -> Code:
        """To its end."""
        log = ContainerLog(self._session.client, job_name(self._name, number))
        while True:
            over = ended(self._news.resource, number)
            # Followed even when it is over: a process may write after its outcome is known, such as from receivers.
            answer = _copy(self._session, log, follow=True, tail=self._tail)
            match answer:
                case Answer.READ if over:
                    return Code.OK
                case Answer.GONE | Answer.WAITING if over:
                    return self._kept(log, number, answer)
                case Answer.FORBIDDEN:
                    self._say(why_not(self._session, log, answer) + " Waiting for the end of the task.")
                    self._until(partial(ended, number=number))
                    return self._kept(log, number, answer)
                case Answer.AWAY | Answer.WAITING:
                    self._say(log.said)
                case _:
                    pass
            self._news.wait(AGAIN_SECONDS)

    def _kept(self, log: ContainerLog, number: int, answer: Answer) -> Code:
        if log.shown:
            return Code.OK
        resource, waited = self._news.resource, 0.0
        while not _tail_of(resource, number) and _failed(resource, number) and waited < KEPT_SECONDS:
            resource = self._news.wait(AGAIN_SECONDS)
            waited += AGAIN_SECONDS
        return kept(self._session, resource, number, self._tail, why_not(self._session, log, answer))

    def _until(self, condition: Callable[[Resource], bool]) -> Resource:
        """Says what it waits for, once each."""
        resource = self._news.resource
        while not condition(resource):
            self._say(state(resource))
            resource = self._news.wait()
        return resource

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._session.output.note(views.safe(text))


def kept(session: Session, resource: Resource, number: int, tail: int | None, why: str) -> Code:
    """The end of the log that is in the status, marked as such."""
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
            namespace = session.client.namespace
            return (
                f"These credentials may not read logs: {views.safe(log.said)}. A person needs the right to get "
                f"pods/log: kubectl create role read-task-logs -n {namespace} --verb=get --resource=pods,pods/log, and "
                f"kubectl create rolebinding read-task-logs -n {namespace} --role=read-task-logs --user=<name>."
            )
        case Answer.GONE:
            return f"The pod {log.pod} is gone, and its log with it."
        case _:
            return f"The log of {log.pod} cannot be read now: {views.safe(log.said)}."


def state(resource: Resource) -> str:
    """What it waits for, or how it ended."""
    status, row = resource.get("status") or {}, views.row(resource)
    why = ": ".join(text for text in (row.reason, views.safe(status.get("message") or "")) if text)
    return f"It is {row.phase}" + (f": {why}" if why else ".")


def ended(resource: Resource, number: int) -> bool:
    """The attempt is over."""
    attempts = (resource.get("status") or {}).get("attempts") or []
    over = any(a.get("number") == number and a.get("finishedAt") for a in attempts)
    return over or views.row(resource).is_finished


def _reached(resource: Resource, number: int) -> bool:
    """The attempt has begun, or will never be."""
    row = views.row(resource)
    return row.attempts >= number or row.is_finished


def _failed(resource: Resource, number: int) -> bool:
    attempts = (resource.get("status") or {}).get("attempts") or []
    return any(a.get("number") == number and a.get("reason") for a in attempts)


def _tail_of(resource: Resource, number: int) -> str | None:
    tail = (resource.get("status") or {}).get("logTail") or {}
    text: str | None = tail.get("text") if tail.get("attempt") == number else None
    return text

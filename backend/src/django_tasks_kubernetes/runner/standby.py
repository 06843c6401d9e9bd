"""A standby pod: Django is set up, and the process waits for its one task, with a request that the leader holds.

What it holds meanwhile is memory alone: database connections and caches are closed.
"""

import importlib
import json
import os
import socket
import sys
import time
from collections.abc import MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from django_tasks_kubernetes.jitter import between
from django_tasks_kubernetes.runner import collector
from django_tasks_kubernetes.runner.cannot_run import CannotRun
from django_tasks_kubernetes.runner.connections import close_caches, close_databases
from django_tasks_kubernetes.runner.endpoint import http_errors
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.runner.prepare import set_up
from django_tasks_kubernetes.runner.process import Terminated
from djangotasks_api.assignment import TOKEN_VARIABLE, WORKER_VARIABLE, Assignment
from djangotasks_api.standby import HOLD_SECONDS, LEADER_FIELD, SEAL_VARIABLE, STANDBY_VARIABLE, StandbyAccess

if TYPE_CHECKING:
    from http.client import HTTPConnection

CONNECT_SECONDS: Final = 5.0
# Longer than the operator holds a request.
ANSWER_SECONDS: Final = HOLD_SECONDS + 10.0
# When a leader is gone without a word, this notices it within some 11 s.
KEEPALIVE: Final = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}
BACKOFF_SECONDS: Final = 0.1
BACKOFF_MAX_SECONDS: Final = 5.0
# How long refusals are believed to pass: a replica that does not know the new key yet, or no standby pods.
REFUSED_SECONDS: Final = 120.0
# How long a pod stays that no operator lets wait: it may have been uninstalled, or watch the namespace no more. What
# the pod reserves is of no use then, and an operator that comes back makes new pods.
ALONE_SECONDS: Final = 15 * 60.0
REFUSALS: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

TOO_EARLY: Final = (
    "This is a standby pod, which has no task yet: ready() cannot enqueue here, nor read tasks. Do it where the web "
    "app starts, or in a schedule; or leave standby out of the queue."
)

# Of the runner: what it imports once it has a task.
OWN: Final = (
    "http.client",
    "django_tasks_kubernetes.runner.execute",
    "django_tasks_kubernetes.runner.limits",
    "django_tasks_kubernetes.codec.resource",
    "django_tasks_kubernetes.codec.times",
    "django_tasks_kubernetes.result",
    "django_tasks_kubernetes.task",
)


class Waited(NamedTuple):
    """What a standby pod waited for."""

    assignment: Assignment
    token: str
    """Of the standby pod: it is in the pod's spec, and so proves what the termination message says."""
    is_torn: bool = False
    """A module has failed in the middle of its import. What it did before it cannot do twice in one process, as to
    register something."""


def wait(environ: MutableMapping[str, str]) -> Waited | None:
    """Set Django up, and wait for the task. None where there will be none. Raises LookupError, ValueError or TypeError
    where the environment has no standby pod, CannotRun where Django cannot be set up, and Terminated."""
    access, token = StandbyAccess.from_json(environ.pop(STANDBY_VARIABLE)), environ.pop(TOKEN_VARIABLE)
    with collector.paused():
        _set_up()
        is_torn = _preload(access.preload)
    close_databases()
    close_caches()
    if (assignment := ask(access, token)) is None:
        return None
    environ[WORKER_VARIABLE] = assignment.worker_id
    return Waited(assignment, token, is_torn)


def _set_up() -> None:
    """Raises CannotRun."""
    try:
        set_up()
    except CannotRun as problem:
        from django_tasks_kubernetes.exceptions import ClusterNotConfigured

        if isinstance(problem.__cause__, ClusterNotConfigured):
            # The operator enqueues for attempts alone.
            problem.__cause__.add_note(TOO_EARLY)
        raise


def restart(waited: Waited) -> None:
    """Start Python again in this process, as in a pod of the task's own. Return where that is not possible."""
    environ = os.environ | waited.assignment.to_environ() | {SEAL_VARIABLE: waited.token}
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)  # noqa: S606 - this very program


def ask(access: StandbyAccess, token: str) -> Assignment | None:
    """Ask until there is a task, or the operator says that there will be none, or there is no operator for long."""
    url, failures, refused_at = access.url, 0, None
    waited_at = time.monotonic()
    while (alone := time.monotonic() - waited_at) <= ALONE_SECONDS:
        try:
            status, answer = _request(url, access.path, token)
        except http_errors() as error:
            logger.debug("The operator at %s did not answer: %s", url, error)
            url, failures = access.url, failures + 1
            _rest(failures)
            continue
        if status == HTTPStatus.OK:
            return Assignment.from_json(answer)
        if status == HTTPStatus.NO_CONTENT:
            failures, refused_at, waited_at = 0, None, time.monotonic()
            continue
        if status == HTTPStatus.GONE:
            logger.info("The operator has no task for this pod: %s", answer[:300].decode(errors="replace").strip())
            return None
        now = time.monotonic()
        if status in REFUSALS:
            refused_at = now if refused_at is None else refused_at
            if now - refused_at > REFUSED_SECONDS:
                logger.error("The operator does not know this standby pod (%d).", status)
                return None
        leader = _leader(answer) if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        if leader is not None and url == access.url:
            url = leader
            continue
        url, failures = access.url, failures + 1
        _rest(failures)
    logger.error("For %.0f s no operator has let this standby pod wait for a task, at %s: it ends.", alone, access.url)
    return None


def _preload(modules: tuple[str, ...]) -> bool:
    """Import what every task needs, and what tasks of this queue need. A module that fails is left to its task, which
    then fails with it, or finds what was missing. Return whether one has failed that was there."""
    is_torn = False
    for module in (*OWN, *modules):
        try:
            importlib.import_module(module)
        except Terminated:
            raise
        except BaseException as error:  # noqa: BLE001 - a module may call sys.exit()
            logger.warning(
                "%s cannot be imported (%s: %s): its tasks will say why.", module, type(error).__name__, error
            )
            is_torn = is_torn or not _is_missing(module, error)
    return is_torn


def _is_missing(module: str, error: BaseException) -> bool:
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return name is not None and f"{module}.".startswith(f"{name}.")


def _request(url: str, path: str, token: str) -> tuple[int, bytes]:
    """Ask over a connection of its own: the operator closes those that are old."""
    connection = _connection(url)
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if (option := getattr(socket, name, None)) is not None:
                connection.sock.setsockopt(socket.IPPROTO_TCP, option, value)
        address = urlsplit(url)
        headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        connection.request("POST", address.path.rstrip("/") + path, None, headers)
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def _connection(url: str) -> "HTTPConnection":
    from http import client

    address = urlsplit(url)
    class_ = client.HTTPSConnection if address.scheme == "https" else client.HTTPConnection
    return class_(address.netloc, timeout=CONNECT_SECONDS)


def _leader(answer: bytes) -> str | None:
    with suppress(ValueError, AttributeError):
        found = json.loads(answer).get(LEADER_FIELD)
        if isinstance(found, str) and found.startswith(("http://", "https://")):
            return found
    return None


def _rest(failures: int) -> None:
    most = min(BACKOFF_SECONDS * 2 ** min(failures, 10), BACKOFF_MAX_SECONDS)
    time.sleep(between(most / 2, most))

"""A container's log from the API server. A read resumes where the last one broke off, and repeats no line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from urllib3.exceptions import HTTPError

from django_tasks_kubernetes.exceptions import ApiUnavailable, KubernetesBackendError
from django_tasks_kubernetes.kube.errors import message_of
from django_tasks_kubernetes.watch.events import lines
from djangotasks_api.names import CONTAINER_NAME, LOG_GONE

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from django_tasks_kubernetes.kube.client import Client

CHUNK_BYTES: Final = 64 * 1024
# As kubectl and the operator know it: the container that matters in a pod.
DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)) ?")
CHOICES: Final = re.compile(r"choose one of: \[([^\]]*)\]")


class Answer(Enum):
    """How a request ended."""

    READ = "read"
    """All that there was to read; where it is followed, all that the container will ever write."""
    BROKEN = "broken"
    """The connection broke off: there may be more."""
    WAITING = "waiting"
    """The container has not started."""
    GONE = "gone"
    """There is no such pod, or no log of it any more."""
    FORBIDDEN = "forbidden"
    """The credentials may not read logs."""
    AWAY = "away"
    """The API server or the pod's node does not answer."""


@dataclass
class ContainerLog:
    """The log of a pod's main container."""

    client: "Client"
    pod: str
    message: str = ""
    """The server's message for the last answer that was not READ."""

    shown: bool = False
    """Whether any line was read."""

    _container: str | None = None
    _last: bytes = b""

    def read(self, *, follow: bool, tail: int | None = None, most_bytes: int | None = None) -> Iterator[bytes | Answer]:
        """Yields lines that no read has yielded before, each with its newline; and the answer, which comes last.

        `tail`: at most so many lines, in the first read. `most_bytes`: the beginning of these, with their times."""
        query = {"timestamps": "true"} | ({"follow": "true"} if follow else {})
        if most_bytes is not None:
            query["limitBytes"] = str(most_bytes)
        if self._container is not None:
            query["container"] = self._container
        if self._last:
            query["sinceTime"] = self._last.decode()
        elif tail is not None:
            query["tailLines"] = str(tail)
        try:
            response = self.client.log(self.pod, query)
        except ApiUnavailable as error:
            self.message = str(error)
            yield Answer.AWAY
            return
        try:
            if response.status != HTTPStatus.OK:
                answer = self._refused(response)
                if answer is None:
                    yield from self.read(follow=follow, tail=tail, most_bytes=most_bytes)
                else:
                    yield answer
                return
            yield from self._lines(response)
        finally:
            response.close()

    def _lines(self, response: "BaseHTTPResponse") -> Iterator[bytes | Answer]:
        answer, seen = Answer.READ, self._last
        try:
            for line in _ended(response):
                stamp = STAMP.match(line)
                if line.startswith(LOG_GONE.encode()):  # A line of the log begins with its time.
                    self.message = line.decode(errors="replace").strip()
                    answer = Answer.GONE
                    break
                if stamp is not None:
                    # The server goes by whole seconds.
                    if stamp[1] <= seen:
                        continue
                    self._last = stamp[1]
                self.shown = True
                yield line if stamp is None else line[stamp.end() :]
        except (HTTPError, OSError) as error:
            # A log may be silent for long: the connection is opened again, and repeats no line.
            self.message, answer = str(error), Answer.BROKEN
        yield answer

    def _refused(self, response: "BaseHTTPResponse") -> Answer | None:
        """Handles an error. Returns None where the request should be repeated."""
        words = self.message = message_of(response.read())
        match response.status:
            case HTTPStatus.BAD_REQUEST if "container name must be specified" in words and self._container is None:
                self._container = self._main_container(words)
                return None
            case HTTPStatus.BAD_REQUEST:
                return Answer.WAITING
            case HTTPStatus.NOT_FOUND:
                return Answer.GONE
            case HTTPStatus.FORBIDDEN | HTTPStatus.UNAUTHORIZED:
                return Answer.FORBIDDEN
            case _:
                return Answer.AWAY

    def _main_container(self, words: str) -> str:
        """The container that an annotation of the pod names. Where pods may not be read, a guess among those that the
        refusal names."""
        try:
            pod = self.client.pod(self.pod)
            if found := ((pod or {"metadata": {}})["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER):
                return str(found)
        except KubernetesBackendError:
            pass
        match = CHOICES.search(words)
        names = match[1].split() if match else []
        return CONTAINER_NAME if CONTAINER_NAME in names or not names else names[0]


def _ended(response: "BaseHTTPResponse") -> Iterator[bytes]:
    """Whole lines as they come, and what is left at the end."""
    rest = b""

    def chunks() -> Iterator[bytes]:
        nonlocal rest
        for chunk in response.stream(CHUNK_BYTES):
            rest = chunk.rpartition(b"\n")[2] if b"\n" in chunk else rest + chunk
            yield chunk

    for line in lines(chunks()):
        yield line + b"\n"
    if rest:
        yield rest

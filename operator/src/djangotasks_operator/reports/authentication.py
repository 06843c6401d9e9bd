"""Which attempt a request is of: its URL says it, and its token proves it.

A token signs the namespace, the task's uid and the attempt's number, and not the task's name. A uid is of one task, so
there is one right name for it: that of the task in the cache, or else, where the watch is late or the task was deleted,
the one that came first. Others are refused without a question to the API server, and limits go by what is signed.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.tokens import verify

# Names of resources and nothing else: they become part of the path of a request to the API server.
LABEL = "[a-z0-9][-a-z0-9]{0,62}"
PATH = f"/v1/attempts/{{namespace:{LABEL}}}/{{task:{LABEL}}}/{{uid:{LABEL}}}/{{attempt:[0-9]{{1,5}}}}/"
BEARER = "Bearer "
# The attempts that requests came from last. More than have a connection.
REMEMBERED_MAX = 4096


class SignedAttempt(NamedTuple):
    """What a token proves of an attempt."""

    namespace: str
    uid: str
    """Of the task."""
    number: int


class AttemptRef(NamedTuple):
    """The attempt that a request is of."""

    task: Key
    uid: str
    """Of the task."""
    number: int

    @property
    def signed(self) -> SignedAttempt:
        """What limits go by: any name may stand beside a token."""
        return SignedAttempt(self.task.namespace, self.uid, self.number)


class Authentication:
    """One instance a process."""

    def __init__(self, keys: Sequence[bytes], uid_of: Callable[[Key], str | None]) -> None:
        """`keys`: one of them has signed the tokens. `uid_of`: the uid of a task that is cached."""
        self._keys = keys
        self._uid_of = uid_of
        self._names: OrderedDict[SignedAttempt, str] = OrderedDict()

    def attempt_of(self, request: web.Request) -> AttemptRef | None:
        """The attempt of the URL; None where the token is not its own."""
        info = request.match_info
        namespace, uid, number = info["namespace"], info["uid"], int(info["attempt"])
        header = request.headers.get("Authorization", "")
        token = header.removeprefix(BEARER)
        if not (header.startswith(BEARER) and verify(self._keys, token, namespace, uid, number)):
            return None
        attempt = AttemptRef(Key(namespace, info["task"]), uid, number)
        return attempt if self._has_right_name(attempt) else None

    def _has_right_name(self, attempt: AttemptRef) -> bool:
        signed, name = attempt.signed, attempt.task.name
        if self._uid_of(attempt.task) != attempt.uid:
            name = self._names.get(signed, name)
        self._names[signed] = name
        self._names.move_to_end(signed)
        if len(self._names) > REMEMBERED_MAX:
            self._names.popitem(last=False)
        return name == attempt.task.name

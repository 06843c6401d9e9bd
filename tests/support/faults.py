"""What can go wrong between the operator and the API server, and in which call."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qs, urlsplit


class Moment(StrEnum):
    """`BEFORE`: the server never sees the request. `AFTER`: it did it, and its answer does not arrive."""

    BEFORE = "before"
    AFTER = "after"


BEFORE, AFTER = Moment.BEFORE, Moment.AFTER


@dataclass(frozen=True)
class Crash:
    """The operator is killed (SIGKILL) at this very call."""


@dataclass(frozen=True)
class Drop:
    """The connection is closed without an answer."""


@dataclass(frozen=True)
class Delay:
    """The request, or its answer, takes so long."""

    seconds: float


@dataclass(frozen=True)
class Status:
    """The answer, whatever the server said or would have said. `reason`: as the API server writes it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict, hash=False)
    reason: str = ""


Fault = Crash | Drop | Delay | Status

VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
# …/namespaces/<namespace>/<resource>[/<name>[/<subresource>]], or the same without a namespace
PATH = re.compile(
    r"/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?"
)


@dataclass
class Call:
    """A request as it came. `name`: of the object, taken from the body where it is created. `status`: the server's
    answer, None while there is none; with `faked` it is not, or not all, what the operator got."""

    method: str
    path: str
    verb: str
    resource: str
    name: str
    subresource: str
    at: float = field(default_factory=time.monotonic)
    body: bytes = b""
    status: int | None = None
    faked: bool = False
    ended_at: float | None = None

    @classmethod
    def of(cls, method: str, path: str, body: bytes) -> Self:
        url = urlsplit(path)
        parts = match.groupdict("") if (match := PATH.fullmatch(url.path)) else dict.fromkeys(("resource", "name"), "")
        name = parts["name"]
        if method == "POST" and body and not name:
            name = json.loads(body)["metadata"]["name"]
        query = parse_qs(url.query)
        verb = VERBS.get(method) or ("watch" if "watch" in query else "get" if name else "list")
        if "dryRun" in query:
            verb = "dry_run"
        return cls(method, path, verb, parts["resource"], name, parts.get("subresource", ""), body=body)

    @property
    def is_write(self) -> bool:
        return self.method in VERBS and self.verb != "dry_run"

    @property
    def label(self) -> str:
        """Such as `create pods`, `patch djangotasks/status`; `keep djangotasks/status` where that is the end of a log."""
        verb = "keep" if self.subresource == "status" and b'"status":{"logTail":' in self.body else self.verb
        return f"{verb} {self.resource}" + (f"/{self.subresource}" if self.subresource else "")


@dataclass
class Rule:
    """Which calls a fault befalls: those whose label and path match, from the `nth` on, every `every`-th, `times`
    in all. `path`: a regular expression that is searched for, such as a task's name."""

    fault: Fault
    label: str
    path: str = ""
    moment: Moment = BEFORE
    nth: int = 1
    every: int = 1
    times: float = 1
    seen: int = 0
    hits: int = 0

    def applies(self, call: Call) -> bool:
        """Counts the call. True when the fault befalls it."""
        if not re.fullmatch(self.label, call.label) or not re.search(self.path, f"{call.path} {call.name}"):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.seen - self.nth) % self.every or self.hits >= self.times:
            return False
        self.hits += 1
        return True

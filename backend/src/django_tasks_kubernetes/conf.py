"""OPTIONS of the backend in Django's TASKS setting."""

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from string import Formatter
from typing import Any, Final, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS
from djangotasks_api.names import DNS_LABEL_PATTERN

ONE_TRY_SECONDS: Final = 2.0
# Of a web page, which reads up to 1,000 rows of a table.
PAGE_SECONDS: Final = 5.0


def is_dns_label(text: str) -> bool:
    """A lower-case DNS label of at most 63 characters, as Kubernetes wants names of namespaces and queues."""
    return len(text) <= DNS_LABEL_MAX_CHARS and re.fullmatch(DNS_LABEL_PATTERN.removesuffix("$"), text) is not None


class Enqueue(StrEnum):
    """When a task goes to the cluster."""

    IMMEDIATE = "immediate"
    ON_COMMIT = "on_commit"
    OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class Options:
    """All optional. Equal options share one connection pool."""

    namespace: str | None = None
    """Where the tasks are created. Default: the pod's own namespace, else the kubeconfig context's, else default."""

    kubeconfig: str | None = None
    """Path of a kubeconfig. Default: the pod's service account, else $KUBECONFIG, else ~/.kube/config."""

    context: str | None = None
    """The context of the kubeconfig. Default: its current one."""

    request_timeout: float = 10.0
    """Seconds that one request may take. With the retries, enqueue() can take (RETRIES + 1) times as long."""

    retries: int = 3
    """How often a request is tried again after a connection error, 429 or 5xx. 0 turns retries off."""

    operator_timeout: float = 300.0
    """Seconds that a task's pod waits for an operator that is away, in enqueue(), get_result() and cancel()."""

    enqueue: Enqueue = Enqueue.IMMEDIATE
    """When a task goes to the cluster: at once, on commit, or through the outbox."""

    database: str = "default"
    """The alias in DATABASES whose transactions that means."""

    storage: str | None = None
    """The alias in STORAGES that takes what is too large for a DjangoTask. Default: none, and that is an error."""

    storage_max_bytes: int = 64 * 1024 * 1024
    """How many bytes arguments or a return value may have there: processes hold them in memory, several times over."""

    compress_payload_from: int | None = None
    """Arguments of so many bytes or more are compressed, where that makes them smaller. Default: never."""

    admin_hide: str | None = None
    """What the admin's pages hide of arguments and results, beside names such as password: a regular expression for
    names, or the path of a function. Default: nothing more."""

    admin_links: tuple[tuple[str, str], ...] = ()
    """Links to other systems on the admin's pages of tasks and queues: addresses by their titles, with {namespace},
    {queue}, {task}, {id}, {pod}, {from} and {to} in them. Default: none."""

    history_days: int | None = None
    """For how many days `manage.py watch_tasks` keeps a row for each task that ended, beyond its TTL, for Django's
    admin. Default: it keeps none. Of several backends of one namespace, the first one's counts."""

    history_rows: int = 1_000_000
    """How many rows it keeps at most, the newest. One takes about half a KB."""

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Raises ImproperlyConfigured with every problem found."""
        problems = list(problems_of(raw))
        if problems:
            raise ImproperlyConfigured(" ".join(problems))
        values = {name.lower(): value for name, value in raw.items() if value is not None}
        if "kubeconfig" in values:
            values["kubeconfig"] = os.path.expanduser(values["kubeconfig"])  # noqa: PTH111 - str or PathLike
        if "enqueue" in values:
            values["enqueue"] = Enqueue(values["enqueue"])
        if "admin_links" in values:
            values["admin_links"] = tuple(values["admin_links"].items())
        return cls(**values)

    def for_one_try(self) -> Self:
        """The same for requests that may fail: they are made once, and have little time."""
        return self._tried_once(ONE_TRY_SECONDS)

    def for_pages(self) -> Self:
        """The same for the reads of a web page."""
        return self._tried_once(PAGE_SECONDS)

    def _tried_once(self, seconds: float) -> Self:
        seconds = min(self.request_timeout, seconds)
        return replace(self, retries=0, request_timeout=seconds, operator_timeout=seconds)


KNOWN = tuple(field.name.upper() for field in fields(Options))
# What a link may have of a task: its times are in milliseconds, as Grafana has them.
PLACEHOLDERS: Final = ("namespace", "queue", "task", "id", "pod", "from", "to")


def problems_of(raw: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with OPTIONS, one sentence each."""
    for name, value in raw.items():
        if name not in KNOWN:
            yield _unknown(str(name))
        elif value is not None:
            is_right, words = RULES[name]
            if not is_right(value):
                yield f"{name} must be {words}, not {value!r}."


def is_path(text: str) -> bool:
    """Whether it is the path of a function, and not a regular expression: names with dots between them."""
    return re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", text) is not None


def _is_expression(text: str) -> bool:
    try:
        # An empty one would hide all.
        return bool(text and re.compile(text))
    except re.error:
        return False


def _is_seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_alias(value: Any, setting: str) -> bool:
    return isinstance(value, str) and value in getattr(settings, setting)


def _are_links(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(isinstance(title, str) and title and _is_address(address) for title, address in value.items())


def _is_address(value: Any) -> bool:
    """Nothing else than these schemes: a link is not to run what it says."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return False
    try:
        return all(name in (None, *PLACEHOLDERS) and not rest for _, name, *rest in _parts(value))
    except ValueError:
        return False


def _parts(text: str) -> Iterator[tuple[Any, ...]]:
    for literal, name, spec, conversion in Formatter().parse(text):
        yield literal, name, *(one for one in (spec, conversion) if one)


def _count(least: int) -> tuple[Callable[[Any], bool], str]:
    return lambda value: _is_count(value, least), f"a whole number from {least}"


# What is right for each option, and in words.
RULES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "NAMESPACE": (lambda value: isinstance(value, str) and is_dns_label(value), "a namespace's name, in lower case"),
    "KUBECONFIG": (lambda value: isinstance(value, (str, os.PathLike)), "a path"),
    "CONTEXT": (lambda value: isinstance(value, str) and bool(value), "the name of a context"),
    "REQUEST_TIMEOUT": (_is_seconds, "a number of seconds above 0"),
    "OPERATOR_TIMEOUT": (_is_seconds, "a number of seconds above 0"),
    "RETRIES": _count(0),
    "STORAGE_MAX_BYTES": _count(0),
    "COMPRESS_PAYLOAD_FROM": _count(0),
    "HISTORY_DAYS": _count(1),
    "HISTORY_ROWS": _count(1),
    "ENQUEUE": (lambda value: value in [*Enqueue], f"one of {', '.join(Enqueue)}"),
    "ADMIN_HIDE": (
        lambda value: isinstance(value, str) and (is_path(value) or _is_expression(value)),
        "a regular expression, or the path of a function",
    ),
    "ADMIN_LINKS": (
        _are_links,
        f"addresses by their titles, with http:// or https://, and of {{placeholders}} only {', '.join(PLACEHOLDERS)}",
    ),
    "DATABASE": (lambda value: _is_alias(value, "DATABASES"), "an alias of DATABASES"),
    "STORAGE": (lambda value: _is_alias(value, "STORAGES"), "an alias of STORAGES"),
}


def _unknown(name: str) -> str:
    import difflib  # only ever needed for an error

    close = difflib.get_close_matches(name.upper(), KNOWN, n=1)
    meant = f" Did you mean {close[0]}?" if close else ""
    return f"{name} is not an option.{meant} Known options: {', '.join(KNOWN)}."

"""Parts of pages, which open pages ask for again and again: answered with 304 where the browser has them.

What a part shows is decided by its address, its reader, what is read for it, and the clock. Where it was rendered a
short while ago, and all that is the same, it is not rendered again to find that out.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.http import parse_etags
from django.utils.translation import get_language

from django_tasks_kubernetes.admin.base import is_superuser
from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.seen import Seen, noted

TEMPLATES: Final = "admin/django_tasks_kubernetes"
PART: Final = "part"
# When the cluster was asked, as the page says it: that changes where the part does not.
AS_OF: Final = "X-As-Of"
RENDERED_MAX: Final = 256
type QueuesFor = Callable[[HttpRequest], set[str] | None]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is known of a part that was rendered."""

    etag: str
    seen: Seen
    until: float


class Parts:
    """Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rendered: OrderedDict[Hashable, Rendered] = OrderedDict()

    def answer(
        self, request: HttpRequest, queues_for: QueuesFor, make: Callable[[], HttpResponseBase]
    ) -> HttpResponseBase:
        """Answers with what `make` does, or without it where that would be what the browser has. `queues_for`: those
        that the person may see, or None for all. Raises what `make` raises."""
        if request.method != "GET" or PART not in request.GET or "fresh" in request.GET:
            return make()
        key = _key(request, queues_for(request))
        if (same := self._same(request, key)) is not None:
            return same
        seen, began = Seen(), self._clock()
        with noted(seen):
            response = make()
        if response.status_code in (200, 304) and (etag := response.headers.get("ETag")):
            self._keep(key, Rendered(etag, seen, began + seen.seconds))
        return response

    def _same(self, request: HttpRequest, key: Hashable) -> HttpResponse | None:
        with self._lock:
            found = self._rendered.get(key)
        if found is None or found.etag not in _known_etags(request) or self._clock() >= found.until:
            return None
        answers = [(again(), version) for again, version in found.seen.reads]
        if not answers or any(answer.version != version for answer, version in answers):
            return None
        return _not_modified(found.etag, answers[0][0].as_of)

    def _keep(self, key: Hashable, rendered: Rendered) -> None:
        with self._lock:
            self._rendered[key] = rendered
            self._rendered.move_to_end(key)
            while len(self._rendered) > RENDERED_MAX:
                self._rendered.popitem(last=False)


# Of this process.
PARTS: Final = Parts()


def render_part(
    request: HttpRequest, part: str, context: Mapping[str, Any], known: tuple[str, ...]
) -> HttpResponseBase:
    """Answers with a part, unless the browser has it already. `known`: the parts that the page has. Raises
    BadRequest."""
    if part not in known:
        raise BadRequest(f"There is no part {part!r}.")
    answer = context.get("answer")
    text = render_to_string(f"{TEMPLATES}/parts/{part}.html", dict(context), request)
    etag = f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'
    failed = isinstance(answer, Answer) and answer.problem is not None
    as_of = answer.as_of if isinstance(answer, Answer) else None
    if not failed and etag in _known_etags(request):
        return _not_modified(etag, as_of)
    # A browser's page goes on asking, more and more slowly, and says since when it is old.
    return _with_times(HttpResponse(text, status=503 if failed else 200), etag, as_of)


def _key(request: HttpRequest, queues: set[str] | None) -> Hashable:
    """The address, and the reader."""
    user: Any = request.user
    # A project's own user model need not have them. What it may do is asked again when the part is rendered again.
    known = getattr(user, "get_all_permissions", frozenset)
    rights = None if is_superuser(request) else frozenset(known())
    return (
        request.get_full_path(),
        user.pk,
        rights,
        None if queues is None else frozenset(queues),
        get_language(),
        timezone.get_current_timezone_name(),
    )


def _known_etags(request: HttpRequest) -> set[str]:
    """Of what the browser has. What compresses answers, as GZipMiddleware and nginx do, makes them weak."""
    return {etag.removeprefix("W/") for etag in parse_etags(request.headers.get("If-None-Match", ""))}


def _not_modified(etag: str, as_of: datetime | None) -> HttpResponse:
    return _with_times(HttpResponseNotModified(), etag, as_of)


def _with_times(response: HttpResponse, etag: str, as_of: datetime | None) -> HttpResponse:
    response.headers["ETag"] = etag
    if as_of is not None:
        response.headers[AS_OF] = time_format(timezone.localtime(as_of), "H:i:s")
    return response

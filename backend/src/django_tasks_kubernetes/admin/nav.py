"""What is on top of each page: tabs, where the tasks are, how old the page is, and what is wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, QueryDict
from django.tasks.exceptions import TaskException
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.admin.base import is_superuser, may
from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.places import Place, has_receivers, history_options, places
from django_tasks_kubernetes.relay import outbox_databases

# Name, label, the name of its address, and who may see it. One whose address does not exist is left out.
TABS: Final[tuple[tuple[str, Promise, str, str], ...]] = (
    ("overview", _("Overview"), "task_overview", "view_task"),
    ("tasks", _("Tasks"), "task_changelist", "view_task"),
    ("failures", _("Failures"), "task_failures", "view_task"),
    ("queues", _("Queues"), "queue_changelist", "view_queue"),
    ("schedules", _("Schedules"), "schedule_changelist", "view_schedule"),
    ("workflows", _("Workflows"), "workflow_changelist", "view_workflow"),
    ("history", _("History"), "taskhistory_changelist", "view_taskhistory"),
    ("outbox", _("To be sent"), "outboxtask_changelist", "view_outboxtask"),
    ("ends", _("Receivers"), "taskend_changelist", "view_taskend"),
)
# Parameters of a list that are of one request: after an action the page may not be there any more.
ONCE: Final = ("p", "older", "fresh", "part")
# Tabs of what a project may use or not.
ON: Final[dict[str, Callable[[], bool]]] = {
    "outbox": lambda: bool(outbox_databases()),
    "ends": has_receivers,
    "history": lambda: history_options() is not None,
}
TITLES: Final[dict[type, Promise]] = {
    e.ApiUnavailable: _("The cluster does not answer"),
    e.PermissionDenied: _("A right is missing"),
    e.NotAuthenticated: _("The cluster does not accept the credentials"),
    e.CrdNotInstalled: _("The cluster lacks a definition"),
    e.NamespaceNotFound: _("The namespace does not exist"),
    e.ClusterNotConfigured: _("There are no credentials for the cluster"),
    ImproperlyConfigured: _("The settings are wrong"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One that the person may see."""

    label: Any
    url: str
    current: str
    """Its aria-current; empty for the others."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where tasks of this project are."""

    name: str
    url: str
    """The current tab, of there."""
    is_current: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the cluster's answer is missing, or old."""

    title: Any
    words: str


def url(site: AdminSite, name: str, *args: Any) -> str:
    """The address of a page of this app: task_overview, or task_change with the primary key. Raises NoReverseMatch."""
    return reverse(f"admin:django_tasks_kubernetes_{name}", args=args, current_app=site.name)


def url_if_there(site: AdminSite, name: str, *args: Any) -> str:
    """The same; empty where the site does not have the page, as a project leaves out what it does not use."""
    try:
        return url(site, name, *args)
    except NoReverseMatch:
        return ""


def list_url(site: AdminSite, model: str, place: Place, query: str = "") -> str:
    """The address of the list of a model, of this place. `query`: see with_query()."""
    return _of(place, with_query(url(site, f"{model}_changelist"), query))


def with_query(address: str, query: str) -> str:
    """The address of a list with the filters that somebody has chosen. `query`: the parameters of that list, which a
    form may have sent."""
    parameters = QueryDict(query, mutable=True)
    for name in ONCE:
        parameters.pop(name, None)
    return f"{address}?{parameters.urlencode()}" if parameters else address


def tab_url(site: AdminSite, name: str, place: Place) -> str:
    """The address of a tab, of this place: a table has the rows of all. Empty where the site does not have the page."""
    address = next(address for tab, _label, address, _permission in TABS if tab == name)
    found = url_if_there(site, address)
    return found if name in ON or not found else _of(place, found)


def _of(place: Place, address: str) -> str:
    if place.is_only:
        return address
    path, _mark, query = address.partition("?")
    parameters = QueryDict(query, mutable=True)
    parameters["backend"] = place.alias
    return f"{path}?{parameters.urlencode()}"


def tabs(request: HttpRequest, site: AdminSite, current: str, place: Place) -> Iterator[Tab]:
    for name, label, _address, permission in TABS:
        if not may(request, permission) or (name in ON and not ON[name]()):
            continue
        if found := tab_url(site, name, place):
            is_page = found.partition("?")[0] == request.path
            yield Tab(label, found, ("page" if is_page else "true") if name == current else "")


def elsewhere(site: AdminSite, current: str, place: Place) -> list[Elsewhere]:
    """All places, where there are several, and the current tab is of one of them."""
    if place.is_only or current in ON:
        return []
    return [Elsewhere(place_name(one), tab_url(site, current, one), one.alias == place.alias) for one in places()]


def nav(
    request: HttpRequest, site: AdminSite, current: str, place: Place, answer: Answer[Any] | None
) -> dict[str, Any]:
    """The context of `nav.html`. `current`: the name of the tab."""
    problem = answer.problem if answer is not None else None
    return {
        "tabs": list(tabs(request, site, current, place)),
        "tab_url": tab_url(site, current, place),
        "place": place_name(place) if place.is_only else "",
        "elsewhere": elsewhere(site, current, place),
        "fresh_url": _fresh(request),
        "as_of": answer.as_of if answer is not None else None,
        "problem": problem_of(problem, request) if problem is not None else None,
    }


def _fresh(request: HttpRequest) -> str:
    """The same page, read again."""
    parameters = request.GET.copy()
    for name in ("part", "older"):
        parameters.pop(name, None)
    parameters["fresh"] = "1"
    return f"?{parameters.urlencode()}"


def place_name(place: Place) -> str:
    try:
        return place.name
    except (TaskException, ImproperlyConfigured):
        return place.alias


def problem_of(error: Exception, request: HttpRequest) -> Problem:
    """The title and the words of an error."""
    title = next((title for class_, title in TITLES.items() if isinstance(error, class_)), _("That did not work"))
    return Problem(title, for_superusers(request, str(error), gettext("Ask your administrator.")))


def for_superusers(request: HttpRequest, words: str, otherwise: str) -> str:
    """The words of an error, which name servers, accounts and Roles; to other people those that do not."""
    return words if is_superuser(request) else otherwise

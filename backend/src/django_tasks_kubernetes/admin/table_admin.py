"""What the pages of tables of this app have in common: rows are shown and acted upon, and never edited."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods

from django_tasks_kubernetes.admin.base import ModelAdmin, is_storable, may
from django_tasks_kubernetes.models import Task

# It names these classes, and task pods import them without it.
ROW_ACTIONS = "django_tasks_kubernetes.admin.row_actions"
# Each word is a condition on each column, and databases have an end to these.
SEARCH_MAX_CHARS = 500
REGULAR_EXPRESSIONS = frozenset({"regex", "iregex"})


class TableAdmin(ModelAdmin):
    """Of a model with the columns `queue` and `backend`. Subclass it, and register the subclass, for what is to
    differ."""

    tab: ClassVar[str]
    """The name of its tab."""

    empty: ClassVar[Any]
    """What is said where there is no row."""

    row_actions: ClassVar[Mapping[str, str]] = {}
    """What can be done with a row, by its name in forms: the path of a RowAction."""

    actions_selection_counter = True
    change_form_template = "admin/django_tasks_kubernetes/table/change_form.html"
    change_list_template = "admin/django_tasks_kubernetes/table/change_list.html"
    list_per_page = 50
    show_full_result_count = False
    # A count of the table for each choice of each filter.
    show_facets = ShowFacets.NEVER

    def is_on(self) -> bool:
        """Whether the project uses what the table is for."""
        raise NotImplementedError

    def using(self, request: HttpRequest) -> str | None:
        """The database of the table; None for the one that routers name."""
        return None

    def queues_for(self, request: HttpRequest) -> set[str] | None:
        """See ClusterAdmin."""
        admin: Any = self.admin_site.get_model_admin(Task)
        found: set[str] | None = admin.queues_for(request)
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Of the queues that the person may see."""
        rows: QuerySet[Any] = self.model._default_manager.using(self.using(request))
        allowed = self.queues_for(request)
        return rows if allowed is None else rows.filter(queue__in=allowed)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """What the filters ask for. Of a model's own columns Django allows any lookup, and some would show what is in
        those that no page shows, as resource__contains shows arguments; others run a reader's regular expression."""
        filters = [_column(one) for one in (*self.get_list_filter(request), self.date_hierarchy) if one]
        column, *rest = lookup.split(LOOKUP_SEP)
        is_expression = not REGULAR_EXPRESSIONS.isdisjoint(rest)
        return column in filters and not is_expression and super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return super().get_search_results(request, queryset, search_term[:SEARCH_MAX_CHARS])

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, f"view_{self.opts.model_name}") and self.is_on()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's own page would do it without asking what the row is for. There are actions."""
        return False

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("act/", self.admin_site.admin_view(self.act_view), name=name), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def act_view(self, request: HttpRequest) -> HttpResponseBase:
        """Does what the form of `ask` says."""
        check_parameters(request)
        answer: HttpResponseBase = import_string(f"{ROW_ACTIONS}.act")(self, request)
        return answer

    def ask(self, request: HttpRequest, name: str, rows: QuerySet[Any]) -> HttpResponseBase:
        """Asks whether to do it."""
        answer: HttpResponseBase = import_string(f"{ROW_ACTIONS}.ask")(self, request, self.row_action(name), rows)
        return answer

    def row_action(self, name: str) -> Any:
        return import_string(self.row_actions[name])()

    def get_list_display(self, request: HttpRequest) -> Any:
        """Without the backend, where there is one."""
        from django_tasks_kubernetes.admin.places import places

        columns = super().get_list_display(request)
        return columns if len(places()) > 1 else [name for name in columns if name != "backend"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        from django_tasks_kubernetes.admin.places import places

        return [one for one in super().get_list_filter(request) if one != "backend" or len(places()) > 1]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """None for what no row can have as its key."""
        return super().get_object(request, object_id, from_field) if is_storable(object_id) else None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        check_parameters(request)
        return super().changelist_view(request, self._around(request) | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        verbs = [self.row_action(name) for name in self.row_actions]
        context = {"verbs": [one for one in verbs if may(request, one.permission)], "row_pk": unquote(object_id)}
        return super().change_view(
            request, object_id, form_url, self._around(request) | context | (extra_context or {})
        )

    def _around(self, request: HttpRequest) -> dict[str, Any]:
        from django_tasks_kubernetes.admin.nav import nav
        from django_tasks_kubernetes.admin.places import place_of

        place = place_of(None)
        if place is None:
            return {}
        return {
            **nav(request, self.admin_site, self.tab, place, None),
            "fresh_url": request.get_full_path(),
            "title": capfirst(self.opts.verbose_name_plural),
            "empty": self.empty,
        }


def check_parameters(request: HttpRequest) -> None:
    """Raises BadRequest for those that a database cannot be asked for."""
    for parameters in (request.GET, request.POST):
        for name, values in parameters.lists():
            if not all(map(is_storable, values)):
                raise BadRequest(f"{name} has a NUL.")


def _column(list_filter: Any) -> str:
    """The one that an entry of `list_filter` is about, or its parameter."""
    name = list_filter[0] if isinstance(list_filter, tuple | list) else list_filter
    return str(getattr(name, "parameter_name", name)).split(LOOKUP_SEP)[0]

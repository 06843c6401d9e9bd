"""What the pages of tasks, queues, schedules and workflows have in common as parts of Django's admin."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.tasks.exceptions import TaskException
from django.urls import URLPattern, path
from django.utils.module_loading import import_string

from django_tasks_kubernetes.models import Task

if TYPE_CHECKING:
    from django_tasks_kubernetes.admin.places import Place

    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the person has a permission of this app, by its codename: view_task_data."""
    user: Any = request.user
    return bool(user.is_active and user.has_perm(f"django_tasks_kubernetes.{permission}"))


def require(request: HttpRequest, permission: str) -> None:
    """Raises PermissionDenied where the person lacks a permission of this app."""
    if not may(request, permission):
        raise PermissionDenied


def is_superuser(request: HttpRequest) -> bool:
    """A project's own user model need not know of superusers: Django's admin asks only for permissions."""
    return bool(getattr(request.user, "is_superuser", False))


def person(request: HttpRequest) -> str:
    """Who asks, for the resource, and for the process's log: a name may come of another system, with line breaks."""
    from django_tasks_kubernetes.presentation.text import one_line

    user: Any = request.user
    # It may be a number, as of staff, or a telephone number.
    return one_line(str(user.get_username()))


def is_storable(text: str) -> bool:
    """Whether a database may be asked for it: PostgreSQL takes no NUL, and raises an error that is a 500."""
    return "\0" not in text


class ClusterAdmin(ModelAdmin):
    """Of a model without a table. Pages are classes, named by dotted paths, so that they are imported when they are
    asked for: task pods import this module too."""

    pages: ClassVar[Mapping[str, str]] = {}
    """By their names in the address: `task/overview/`."""

    object_pages: ClassVar[Mapping[str, str]] = {}
    """The same for one object: `task/<pk>/log/`."""

    list_max_read = 1000
    """So many are read for a list at most: all that match, or the newest of them."""

    list_first_read = 250
    """So many of the newest, where no filter is chosen and there are more than that: what most people look at costs a
    third."""

    def queues_for(self, request: HttpRequest) -> set[str] | None:
        """Which queues' tasks a person may see and change; None for all. Every page and every action asks it, of the
        TaskAdmin of the site: override it there."""
        admin: Any = self.admin_site.get_model_admin(Task)
        found: set[str] | None = admin.queues_for(request)
        return found

    def get_urls(self) -> list[URLPattern]:
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            *(
                path(f"{name}/", self._view(class_path), name=f"{info}_{name}")
                for name, class_path in self.pages.items()
            ),
            *(
                path(f"<path:object_id>/{name}/", self._view(class_path), name=f"{info}_{name}")
                for name, class_path in self.object_pages.items()
            ),
            *super().get_urls(),
        ]

    @property
    def view_permission(self) -> str:
        """Without it, nothing of this kind can be seen, and nothing be done."""
        return f"view_{self.opts.model_name}"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's own is that of those who may change it, too."""
        return may(request, self.view_permission)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is no form to change one: it is for the buttons of its page."""
        return self.has_view_permission(request) and may(request, f"change_{self.opts.model_name}")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        from django_tasks_kubernetes.admin.places import known_as

        # Before the object is looked for.
        require(request, self.view_permission)
        if not is_storable(pk := unquote(object_id)):
            raise Http404
        return super().history_view(request, quote(known_as(pk)), extra_context)

    def known(self, request: HttpRequest, pk: str, queue_of: Callable[["Place", str], str | None]) -> Any:
        """The object that the admin's log may know. None where the person may not see its queue, which is known as long
        as the object is there."""
        from django_tasks_kubernetes.admin.places import split

        place, name = split(pk)
        if place is None:
            return None
        allowed = self.queues_for(request)
        try:
            is_allowed = allowed is None or queue_of(place, name) in allowed
        except (TaskException, ImproperlyConfigured):
            is_allowed = False
        return self.model(pk=pk) if is_allowed else None

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Shown where a backend of TASKS runs tasks on Kubernetes."""
        from django_tasks_kubernetes.admin.places import places

        return super().has_module_permission(request) and bool(places())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def _view(self, class_path: str) -> Any:
        view: Any = partial(self.page_view, class_path)
        # For what tells views by these, such as django.contrib.admindocs, and tracers.
        view.__module__, _dot, view.__name__ = class_path.rpartition(".")
        view.__qualname__, view.__doc__ = view.__name__, self.page_view.__doc__
        return self.admin_site.admin_view(view)

    def page_view(self, class_path: str, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        """Answers with a page."""
        response: HttpResponseBase = import_string(class_path)(self).respond(request, object_id)
        return response

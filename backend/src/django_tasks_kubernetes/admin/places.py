"""Where the tasks of a page are: the backends of TASKS, each place once."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, unquote

from django.core.exceptions import ImproperlyConfigured
from django.tasks import task_backends
from django.tasks.exceptions import InvalidTaskBackend

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.admin.memory import memory_page
from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import CrdNotInstalled
from django_tasks_kubernetes.presentation.tables import Page, page_of

# Between an alias and a name, which has none.
SEPARATOR: Final = "."


@dataclass(frozen=True)
class Place:
    """The tasks of a backend."""

    backend: KubernetesBackend
    is_only: bool = True
    """Whether there is no other."""

    others: tuple[str, ...] = ()
    """The aliases of more backends of the same namespace, such as one that sends its tasks through the outbox."""

    @property
    def alias(self) -> str:
        return self.backend.alias

    @property
    def aliases(self) -> tuple[str, ...]:
        """Of all backends whose tasks are here."""
        return self.alias, *self.others

    @cached_property
    def store(self) -> Any:
        """A TaskStore whose requests are tried once. Raises ClusterNotConfigured."""
        return self.backend.page_store

    @property
    def client(self) -> Any:
        """The client of the API server; None where tasks are in memory. Raises ClusterNotConfigured."""
        return getattr(self.store, "client", None)

    @property
    def name(self) -> str:
        """For the status line. Raises ClusterNotConfigured."""
        return f"{self.backend.namespace} @ {self.alias}"

    def pk(self, name: str) -> str:
        """The primary key of a task of this name."""
        return name if self.is_only else f"{self.alias}{SEPARATOR}{name}"

    @property
    def parameter(self) -> str:
        """For an address that has parameters already; empty where there is no other place."""
        return "" if self.is_only else f"&backend={quote(self.alias, safe='')}"

    def delete(self, name: str, uid: str | None) -> None:
        """Deletes a task, unless another has its name by now. Raises TaskException."""
        self.store.delete(name, uid)

    def page(self, *, fields: str = "", labels: str = "", limit: int, token: str | None = None) -> Page:
        """A page of the tasks as rows, in the order of their names: one request. Raises TaskException."""

        if self.client is None:
            return memory_page(self.store, fields=fields, labels=labels, limit=limit, token=token)
        answer = self.client.table_page(fields=fields, labels=labels, limit=limit, token=token)
        page = page_of(answer, self.client.namespace, datetime.now(UTC))
        if page is None:
            raise CrdNotInstalled(
                "The cluster's CustomResourceDefinition of DjangoTask lacks columns that this page is made of. Update "
                "it: kubectl apply -f crds/, or the Helm chart djangotasks."
            )
        return page


def places() -> list[Place]:
    """All, the first one that TASKS names first; empty where no backend runs tasks on Kubernetes."""
    found: dict[Any, list[KubernetesBackend]] = {}
    for backend in _backends():
        found.setdefault(_identity(backend), []).append(backend)
    is_only = len(found) == 1
    return [Place(first, is_only, tuple(one.alias for one in others)) for first, *others in found.values()]


def history_options() -> Options | None:
    """Those of the first backend that keeps a history; None where none does. Of several backends of one namespace, the
    first one's count."""
    firsts = (place.backend for place in places())
    return next((options for options in _options(firsts) if options.history_days is not None), None)


def _options(backends: Iterable[KubernetesBackend]) -> Iterator[Options]:
    for backend in backends:
        # Wrong settings are for `manage.py check`, and for the pages that ask the cluster.
        with suppress(ImproperlyConfigured):
            if backend.in_cluster:
                yield backend.parsed_options


def has_receivers() -> bool:
    """Whether something in this process is to be called when tasks end. `manage.py watch_tasks` does that."""
    every = (signals.task_ended, signals.task_attempt_failed, signals.workflow_ended)
    return any(signal.has_listeners(place.backend.sender) for signal in every for place in places())


def place_of(alias: str | None) -> Place | None:
    """The place with that alias; without one, the first. None where there is none."""
    return next((place for place in places() if alias in (None, "", *place.aliases)), None)


def split(pk: str) -> tuple[Place | None, str]:
    """The place and the name that a primary key stands for."""
    alias, _, name = pk.rpartition(SEPARATOR)
    return place_of(alias), name


def known_as(pk: str, named: Callable[[str], str] = str) -> str:
    """The primary key that pages and the admin's log have for an object: an address or a form may name it with the
    alias of the only place as well. `named`: gives the name of one that has several."""
    place, name = split(pk)
    return pk if place is None else place.pk(named(name))


def joined(pks: Iterable[str]) -> str:
    """Primary keys as one field of a form: the alias of a backend may be any text."""
    return " ".join(quote(pk, safe="") for pk in pks)


def parted(text: str) -> list[str]:
    """The primary keys of such a field."""
    return [unquote(word) for word in text.split()]


def _backends() -> Iterator[KubernetesBackend]:
    for alias in task_backends.settings:
        try:
            backend = task_backends[alias]
        except InvalidTaskBackend:
            # One that cannot be imported is for `manage.py check`. It must not take the admin's first page with it.
            continue
        if isinstance(backend, KubernetesBackend):
            yield backend


def _identity(backend: KubernetesBackend) -> Any:
    return type(backend), *(str(backend.options.get(name)) for name in ("NAMESPACE", "KUBECONFIG", "CONTEXT"))

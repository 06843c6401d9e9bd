"""The errors of results."""

from dataclasses import dataclass

from django.tasks.base import TaskError

from django_tasks_kubernetes.codec.find import find
from django_tasks_kubernetes.exceptions import AttemptFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesTaskError(TaskError):  # type: ignore[misc]  # Django's is frozen, and its stubs say nothing of it
    """Django's, with a message for people."""

    message: str | None = None
    """The class of the exception and the first useful line of what it says."""

    @property
    def exception_class(self) -> type[BaseException]:
        """The class, which may be in another class, as Model.DoesNotExist is. AttemptFailed where it is not here."""
        try:
            found = find(self.exception_class_path)
        except Exception:  # noqa: BLE001 - whatever importing somebody's module raises
            return AttemptFailed
        return found if isinstance(found, type) and issubclass(found, BaseException) else AttemptFailed

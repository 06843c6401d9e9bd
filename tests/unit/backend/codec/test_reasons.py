"""The exceptions that stand for reasons."""

from django.utils.module_loading import import_string

from django_tasks_kubernetes.codec.reasons import EXCEPTIONS
from django_tasks_kubernetes.exceptions import AttemptFailed
from djangotasks_api.phases import Reason


def test_every_reason_has_an_importable_exception() -> None:
    assert EXCEPTIONS.keys() == set(Reason)
    for class_ in EXCEPTIONS.values():
        assert issubclass(class_, AttemptFailed)
        assert import_string(f"{class_.__module__}.{class_.__qualname__}") is class_

"""The hostile objects have a value in every field of the API: a new field is tried as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.models.base import Model
from djangotasks_api.models.hold import DjangoTaskHold
from djangotasks_api.models.pod_template_from import PodTemplateFrom
from djangotasks_api.models.schedule import DjangoTaskSchedule
from djangotasks_api.models.workflow import DjangoTaskWorkflow
from tests.unit.operator.hostile.queues import FOLLOWING, HOLD, QUEUE
from tests.unit.operator.hostile.tasks import RETRY, SCHEDULE, TASK
from tests.unit.operator.hostile.values import paths


def models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def fields(model: type[Model], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for field in model.model_fields.values():
        here = (*path, str(field.alias))
        yield here
        for part in models_in(field.annotation):
            yield from fields(part, here)


@pytest.mark.parametrize(
    ("model", "body", "elsewhere"),
    [
        (DjangoTask, TASK, None),
        (DjangoTaskQueue, QUEUE, "podTemplateFrom"),
        (DjangoTaskHold, HOLD, None),
        (DjangoTaskSchedule, SCHEDULE, None),
        (DjangoTaskWorkflow, RETRY, None),
    ],
)
def test_every_field_of_a_spec_is_in_the_hostile_object(model: type[Model], body: Any, elsewhere: str | None) -> None:
    spec = model.model_fields["spec"].annotation
    assert isinstance(spec, type)
    wanted = {field for field in fields(spec) if field[0] != elsewhere}
    tried = {tuple(part for part in path if isinstance(part, str)) for path in paths(body["spec"])}
    assert wanted - tried == set()


def test_every_field_of_what_a_queue_follows_is_in_the_hostile_object() -> None:
    tried = {tuple(part for part in path if isinstance(part, str)) for path in paths(FOLLOWING)}
    assert set(fields(PodTemplateFrom)) - tried == set()

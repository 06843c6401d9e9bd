"""What of a DjangoTask cannot be changed."""

from __future__ import annotations

import re

from djangotasks_api.definitions import task_definition
from djangotasks_api.models import TaskSpec


def test_every_field_of_the_spec_but_cancel_is_frozen() -> None:
    rules = task_definition().spec_rules
    frozen = {match[1] for rule in rules if (match := re.match(r"has\(self\.(\w+)\) == has\(oldSelf", rule.expression))}
    free = {"cancel", "cancel_reason"}
    assert frozen == {field.alias for name, field in TaskSpec.model_fields.items() if name not in free}

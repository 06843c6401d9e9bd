"""A queue's ceilings bound the same fields as a policy has."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from djangotasks_api.models import BoundedPolicy, Ceilings, Policy


@pytest.mark.parametrize("field", BoundedPolicy.model_fields)
@pytest.mark.parametrize("model", [Policy, Ceilings])
def test_a_ceiling_and_a_policy_have_the_same_bounds(model: type[BoundedPolicy], field: str) -> None:
    assert model.model_validate({field: 2}) == model.model_validate({model.model_fields[field].alias: 2})
    with pytest.raises(ValidationError):
        model.model_validate({field: -1})

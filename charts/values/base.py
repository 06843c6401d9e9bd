"""What all values have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict

Object = dict[str, Any]


class Values(BaseModel):
    """The base of all values. Refuses a misspelt one, rather than ignoring it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

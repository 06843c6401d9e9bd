"""What all models share: camelCase on the wire, immutable values, docstrings as descriptions, bounds as constraints."""

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from djangotasks_api.bounds import (
    DNS_LABEL_MAX_CHARS,
    DNS_NAME_MAX_CHARS,
    MESSAGE_MAX_CHARS,
    REASON_MAX_CHARS,
    SCHEDULE_NAME_MAX_CHARS,
)
from djangotasks_api.names import DNS_LABEL_PATTERN, DNS_NAME_PATTERN, REASON_PATTERN, RESTORED_LABELS, TIME_PATTERN
from djangotasks_api.number_range import Range
from djangotasks_api.phases import Reason

DnsLabel = Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=DNS_LABEL_MAX_CHARS)]
DnsName = Annotated[str, StringConstraints(pattern=DNS_NAME_PATTERN, max_length=DNS_NAME_MAX_CHARS)]

ScheduleName = Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=SCHEDULE_NAME_MAX_CHARS)]


def _as_the_schema_has_it(value: Any) -> Any:
    """Refuse what the schema and its pattern refuse, so that model and API server agree."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or _TIME.search(value) is None:
        raise ValueError("must be a time in RFC 3339 with T, a zone, and a year from 1000 on")
    return value


_TIME: Final = re.compile(TIME_PATTERN)
Timestamp = Annotated[
    AwareDatetime,
    BeforeValidator(_as_the_schema_has_it),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIME_PATTERN}),
]
Count = Annotated[int, Field(ge=0)]
Message = Annotated[str, StringConstraints(max_length=MESSAGE_MAX_CHARS)]
# Any word is accepted, also when reading: a CRD or an operator that is one version behind must not lose a result
# over a reason that it does not know.
ReasonWord = Annotated[
    Reason | str,
    Field(union_mode="left_to_right"),
    WithJsonSchema({"type": "string", "pattern": REASON_PATTERN, "maxLength": REASON_MAX_CHARS}),
]
# Of a list of conditions: a server-side apply merges them by type.
MAP_BY_TYPE: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


def within(bounds: Range) -> Any:
    """Constrain a number to the bounds, in the model and in the schema."""
    return Field(ge=bounds.least, le=bounds.most)


class Model(BaseModel):
    """The base of every model. Drops unknown fields, as the API server does: a newer server may send more."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )


class Metadata(Model):
    """The part of a resource's metadata that is used here."""

    name: str
    namespace: str = "default"
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] | None = None
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None

    @property
    def restored_label(self) -> str | None:
        """The label that says that the object was restored from a backup; None where it has none."""
        return next((label for label in RESTORED_LABELS if label in (self.labels or {})), None)

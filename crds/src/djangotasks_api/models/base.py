"""What all models share: camelCase on the wire, values that do not change, docstrings as descriptions."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel

from djangotasks_api.names import DNS_LABEL_PATTERN
from djangotasks_api.phases import Reason

DnsLabel = Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=63)]
DnsName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253)
]
Timestamp = AwareDatetime
# Any word in the schema, and in what is read: a CRD or an operator that is a version behind must not lose a
# result over a reason that it does not know.
ReasonWord = Annotated[
    Reason | str,
    Field(union_mode="left_to_right"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z][A-Za-z]*$", "maxLength": 64}),
]


class Model(BaseModel):
    """Unknown fields are dropped, as the API server does: a newer server may send more than we know."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )


class Metadata(Model):
    """The part of a resource's metadata that matters here."""

    name: str
    namespace: str = "default"
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None

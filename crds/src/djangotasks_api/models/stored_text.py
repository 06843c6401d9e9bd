"""A reference to a payload or a result that is kept in a file."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import SHA256_CHARS, STORAGE_ALIAS_MAX_CHARS, STORED_NAME_MAX_CHARS
from djangotasks_api.models.base import Model
from djangotasks_api.names import SHA256_PATTERN


class StoredText(Model):
    """JSON text that is too long for the resource, as a file in one of the project's STORAGES."""

    storage: Annotated[str, StringConstraints(min_length=1, max_length=STORAGE_ALIAS_MAX_CHARS)]
    """The alias in Django's STORAGES setting."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=STORED_NAME_MAX_CHARS)]
    """The file's name there."""

    size: Annotated[int, Field(ge=0)]
    """Its length in bytes."""

    sha256: Annotated[str, StringConstraints(pattern=SHA256_PATTERN, max_length=SHA256_CHARS)]
    """The SHA-256 of its bytes, in hex. A file whose digest differs is refused."""

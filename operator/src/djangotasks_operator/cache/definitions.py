"""Whether the cluster's CustomResourceDefinitions have all that this operator reads and writes.

The API server drops what an older CRD lacks, without a word. An operator that went on with such CRDs would forget what
it has just written, so it does not begin.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from djangotasks_api.crd import custom_resource_definition
from djangotasks_api.definitions import definitions
from djangotasks_api.names import GROUP, VERSION
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError

# The API server describes a CRD some seconds after it was applied.
TRIES = 10
RETRY_SECONDS = 3.0
# Of a message.
NAMED_MAX = 5


class DefinitionsOutdated(Exception):
    """The message says what is missing, and what to do."""


async def check_definitions(api: Api, retry_seconds: float = RETRY_SECONDS) -> None:
    """Raises DefinitionsOutdated; ApiError, OSError or TimeoutError where the API server does not answer."""
    wanted = schemas()
    for remaining in reversed(range(TRIES)):
        if not (missing := list(missing_from(await _installed(api), wanted))):
            return
        if remaining:
            await asyncio.sleep(retry_seconds)
    more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
    raise DefinitionsOutdated(
        f"The cluster's CustomResourceDefinitions of {GROUP} are older than this operator, or not there. They lack: "
        f"{', '.join(missing[:NAMED_MAX])}{more}. Apply those of the operator's version: upgrade the release that "
        "installs them (crds.enabled), or kubectl apply --server-side -f crds/."
    )


def schemas() -> Mapping[str, Any]:
    """The schema of each kind, as this operator's CRDs have it."""
    found = {}
    for definition in definitions():
        (version,) = custom_resource_definition(definition)["spec"]["versions"]
        found[definition.kind] = version["schema"]["openAPIV3Schema"]
    return found


def missing_from(installed: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """What the installed schemas of the kinds lack: kinds, paths of fields, values."""
    for kind, schema in wanted.items():
        if kind not in installed:
            yield kind
            continue
        found = installed[kind].get("properties", {})
        for part in ("spec", *(["status"] if "status" in schema["properties"] else [])):
            yield from _missing(schema["properties"][part], found.get(part, {}), f"{kind}.{part}")


def _missing(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str) -> Iterator[str]:
    properties = found.get("properties", {})
    for name, schema in wanted.get("properties", {}).items():
        if name in properties:
            yield from _missing(schema, properties[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}"
    for key in ("items", "additionalProperties"):
        if isinstance(schema := wanted.get(key), dict):
            yield from _missing(schema, found.get(key) or {}, f"{path}[]")
    if "enum" in found:
        yield from (f"{path}={value}" for value in wanted.get("enum", ()) if value not in found["enum"])


async def _installed(api: Api) -> Mapping[str, Any]:
    """The schema of each kind, as the API server shows it to everyone who is authenticated."""
    try:
        document = await api.openapi(GROUP, VERSION)
    except ApiError as error:
        if error.status != 404:
            raise
        return {}
    prefix = ".".join((*reversed(GROUP.split(".")), VERSION, ""))
    schemas = document.get("components", {}).get("schemas", {})
    return {name.removeprefix(prefix): schema for name, schema in schemas.items() if name.startswith(prefix)}

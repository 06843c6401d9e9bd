"""The API server of the model check over HTTP, with as much of discovery and watches as the operator and kopf need."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from djangotasks_api.names import (
    GROUP,
    HOLD_KIND,
    HOLD_PLURAL,
    QUEUE_KIND,
    QUEUE_PLURAL,
    TASK_KIND,
    TASK_PLURAL,
    VERSION,
    WORKFLOW_KIND,
    WORKFLOW_PLURAL,
)
from djangotasks_operator.cache import definitions
from djangotasks_operator.runtime.errors import ApiError
from tests.unit.operator.model.server import ApiServer, Object

VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
KINDS = {
    f"{GROUP}/{VERSION}": {
        QUEUE_PLURAL: QUEUE_KIND,
        HOLD_PLURAL: HOLD_KIND,
        TASK_PLURAL: TASK_KIND,
        WORKFLOW_PLURAL: WORKFLOW_KIND,
    },
    "batch/v1": {"jobs": "Job"},
    "coordination.k8s.io/v1": {"leases": "Lease"},
    "apiextensions.k8s.io/v1": {"customresourcedefinitions": "CustomResourceDefinition"},
}
CORE = {"namespaces": "Namespace", "pods": "Pod", "events": "Event", "services": "Service"}
POLL_SECONDS = 0.01


@functools.cache
def schemas() -> Mapping[str, Any]:
    """Those of the CRDs. Not to be changed."""
    return definitions.schemas()


class HttpApi:
    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.watched: list[str] = []
        """The resources of which somebody has opened a watch, in order."""
        self.refused: dict[str, int] = {}
        """The namespaces that nobody may read, with how often it was tried."""
        self.unserved: dict[str, int] = {}
        """The resources whose CRD is not there, with how often they were asked for."""
        self.watch_errors: dict[str, list[Object]] = {}
        """By resource: with what its next watches end."""
        self.schemas = {f"dev.djangotasks.v1alpha1.{kind}": schema for kind, schema in schemas().items()}
        """Of the CRDs that are installed."""

    @contextlib.asynccontextmanager
    async def served(self, port: int | None = None) -> AsyncIterator[str]:
        """Serve within the context. Returns the URL."""
        app = web.Application()
        routes = app.router
        routes.add_get("/api", _answer({"versions": ["v1"]}))
        routes.add_get("/apis", _answer({"groups": [_group(name) for name in KINDS]}))
        routes.add_get("/api/v1", _answer(_resources(CORE)))
        routes.add_get(f"/openapi/v3/apis/{GROUP}/{VERSION}", _answer({"components": {"schemas": self.schemas}}))
        for name, kinds in KINDS.items():
            routes.add_get(f"/apis/{name}", _answer(_resources(kinds)))
        for prefix in ("/api/v1", *(f"/apis/{name}" for name in KINDS)):
            for scope in ("", "/namespaces/{namespace}"):
                routes.add_get(f"{prefix}{scope}/{{plural}}", self._list)
                routes.add_post(f"{prefix}{scope}/{{plural}}", self._create)
                for suffix in ("", "/status"):
                    url = f"{prefix}{scope}/{{plural}}/{{name}}{suffix}"
                    routes.add_route("*", url, self._one)
        async with TestServer(app, port=port) as served:
            yield str(served.make_url("")).rstrip("/")

    async def _list(self, request: web.Request) -> web.StreamResponse:
        plural = request.match_info["plural"]
        if (namespace := request.match_info.get("namespace", "")) in self.refused:
            self.refused[namespace] += 1
            return web.json_response({"kind": "Status", "code": 403, "reason": "Forbidden"}, status=403)
        if plural in self.unserved:
            self.unserved[plural] += 1
            return web.Response(status=404, text="404 page not found\n")
        if request.query.get("watch") == "true":
            return await self._watch(request, plural, int(request.query.get("resourceVersion") or 0))
        versions = [int(event.body["metadata"]["resourceVersion"]) for event in self.server.events]
        metadata = {"resourceVersion": str(max(versions, default=0))}
        return web.json_response({"items": self.server.list(plural), "metadata": metadata})

    async def _watch(self, request: web.Request, plural: str, version: int) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        self.watched.append(plural)
        position = 0
        while not request.transport or not request.transport.is_closing():
            for event in self.server.events[position:]:
                if event.plural == plural and int(event.body["metadata"]["resourceVersion"]) > version:
                    line = json.dumps({"type": event.type, "object": event.body})
                    await response.write(line.encode() + b"\n")
            position = len(self.server.events)
            if plural in self.unserved:
                break
            if errors := self.watch_errors.get(plural):
                await response.write(json.dumps({"type": "ERROR", "object": errors.pop()}).encode() + b"\n")
                break
            await asyncio.sleep(POLL_SECONDS)
        return response

    async def _create(self, request: web.Request) -> web.Response:
        body, dry_run = await request.json(), "dryRun" in request.query
        plural = request.match_info["plural"]
        return _result(lambda: self.server.create(plural, body, dry_run=dry_run), 201)

    async def _one(self, request: web.Request) -> web.Response:
        plural, name = request.match_info["plural"], request.match_info["name"]
        body = await request.json() if request.can_read_body else {}
        version = body.get("metadata", {}).get("resourceVersion")

        def change() -> Object:
            if version is not None and self.server.get(plural, name)["metadata"]["resourceVersion"] != version:
                raise ApiError(409, {"reason": "Conflict", "message": "the object has been modified"})
            return self.server.update(plural, name, {key: body[key] for key in ("spec", "status") if key in body})

        def delete() -> Object:
            preconditions = body.get("preconditions", {})
            self.server.delete(plural, name, preconditions.get("uid"), preconditions.get("resourceVersion"))
            return {}

        match request.method:
            case "GET":
                return _result(lambda: self.server.get(plural, name))
            case "DELETE":
                return _result(delete)
            case _:
                return _result(change)


def _answer(body: Object) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(body)

    return handler


def _result(operation: Callable[[], Object], status: int = 200) -> web.Response:
    try:
        return web.json_response(operation(), status=status)
    except ApiError as error:
        return web.json_response({"reason": error.reason, "message": error.message}, status=error.status)


def _group(name: str) -> Object:
    group, version = name.split("/")
    served = {"groupVersion": name, "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def _resources(kinds: Mapping[str, str]) -> Object:
    found = [
        {"name": plural, "singularName": "", "kind": kind, "namespaced": True, "verbs": VERBS}
        for plural, kind in kinds.items()
    ]
    return {"resources": found}

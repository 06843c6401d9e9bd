"""The DjangoTaskSchedules of a namespace, in the cluster. For commands."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Options, is_dns_label
from django_tasks_kubernetes.exceptions import ScheduleDoesNotExist
from django_tasks_kubernetes.kube.api_server import ApiServer
from django_tasks_kubernetes.kube.schedule_errors import schedule_error
from djangotasks_api.names import GROUP, SCHEDULE_PLURAL, VERSION

if TYPE_CHECKING:
    from django.tasks.exceptions import TaskException
    from urllib3 import BaseHTTPResponse

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
# What is applied is JSON, which is YAML too.
APPLY: Final = "application/apply-patch+yaml"
# The owner of the fields that the code says. Another one of those that a person sets.
SYNC_MANAGER: Final = "djangotasks-sync"
COMMAND_MANAGER: Final = "djangotasks-command"
PAGE: Final = 500


class ScheduleStore:
    """See cli.schedule_session.Schedules. Raises KubernetesBackendError."""

    def __init__(self, server: ApiServer, *, everywhere: bool = False) -> None:
        self._server = server
        namespace = "" if everywhere else f"/namespaces/{server.namespace}"
        self._path = f"/apis/{GROUP}/{VERSION}{namespace}/{SCHEDULE_PLURAL}"

    def everywhere(self) -> "ScheduleStore":
        """The same for all namespaces, which can be listed."""
        return ScheduleStore(self._server, everywhere=True)

    def get(self, name: str) -> Resource:
        return self._send("GET", self._named(name))

    def find(self) -> Iterator[Resource]:
        query = {"limit": str(PAGE)}
        while True:
            answer = self._send("GET", f"{self._path}?{urlencode(query)}")
            yield from answer.get("items") or ()
            if not (token := answer["metadata"].get("continue")):
                return
            query["continue"] = token

    def apply(self, resource: Resource, *, dry_run: bool) -> Resource:
        """By a server-side apply: fields that it does not have stay as another has set them."""
        query = {"fieldManager": SYNC_MANAGER, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        path = f"{self._named(resource['metadata']['name'])}?{urlencode(query)}"
        return self._send("PATCH", path, resource, APPLY)

    def suspend(self, name: str, suspended: bool) -> Resource:
        query = {"fieldManager": COMMAND_MANAGER, "fieldValidation": "Strict"}
        change = {"spec": {"suspended": suspended}}
        return self._send("PATCH", f"{self._named(name)}?{urlencode(query)}", change, MERGE_PATCH)

    def delete(self, resource: Resource, *, dry_run: bool) -> None:
        """One that was made again meanwhile, under the same name, is left."""
        metadata = resource["metadata"]
        # In the body: where there is one, the server reads no option in the query, not even dryRun.
        options = {"preconditions": {"uid": metadata["uid"]}} | ({"dryRun": ["All"]} if dry_run else {})
        try:
            self._send("DELETE", self._named(metadata["name"]), options)
        except ScheduleDoesNotExist:
            return

    def _named(self, name: str) -> str:
        if not is_dns_label(name):
            raise ScheduleDoesNotExist(f"There is no schedule {name!r}: that is no name of one.")
        return f"{self._path}/{name}"

    def _send(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Resource:
        headers = {"accept": JSON, "user-agent": "django-tasks-kubernetes"}
        data = None
        if body is not None:
            headers["content-type"] = content_type
            data = json.dumps(body, separators=(",", ":")).encode("ascii")
        response = self._server.request(method, path, data, headers, stream=False)
        if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise self._error(response)
        try:
            answer: Resource = json.loads(response.data)
        except ValueError:
            raise self._error(response) from None
        return answer

    def _error(self, response: "BaseHTTPResponse") -> "TaskException":
        error = schedule_error(response.status, response.data, self._server.namespace)
        return error or self._server.error(response.status, response.data)


def connect(options: Options) -> ScheduleStore:
    """Raises ClusterNotConfigured."""
    return ScheduleStore(ApiServer(options))

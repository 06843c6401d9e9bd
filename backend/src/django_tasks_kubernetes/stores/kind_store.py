"""The resources of one kind in a namespace, in the cluster. For commands and pages."""

import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import is_dns_label
from django_tasks_kubernetes.kube.api_server import ApiServer
from djangotasks_api.names import GROUP, VERSION

if TYPE_CHECKING:
    from django.tasks.exceptions import TaskException
    from urllib3 import BaseHTTPResponse

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
# The owner of the fields that a person sets by a command.
COMMAND_MANAGER: Final = "djangotasks-command"
# Whole objects, of up to 1.5 MB: a schedule may have the steps of a workflow, a queue a pod template.
PAGE: Final = 50


class KindStore:
    """Raises KubernetesBackendError."""

    def __init__(
        self,
        server: ApiServer,
        plural: str,
        error_of: "Callable[[int, bytes, str], TaskException | None]",
        missing: "Callable[[str], TaskException]",
        *,
        everywhere: bool,
    ) -> None:
        """`error_of`: what an answer that is no success means for this kind, by its status, its body and the namespace;
        None for an error that tasks would meet as well. `missing`: the error for a name that there cannot be."""
        self._server, self._plural = server, plural
        self._error_of = error_of
        self._missing = missing
        namespace = "" if everywhere else f"/namespaces/{server.namespace}"
        self.path = f"/apis/{GROUP}/{VERSION}{namespace}/{plural}"

    def named(self, name: str) -> str:
        if not is_dns_label(name):
            raise self._missing(name)
        return f"{self.path}/{name}"

    def get(self, name: str) -> Resource:
        return self.send("GET", self.named(name))

    def find(self, accept: str = JSON) -> Iterator[Resource]:
        query = {"limit": str(PAGE)}
        while True:
            answer = self.send("GET", f"{self.path}?{urlencode(query)}", accept=accept)
            yield from answer.get("items") or ()
            if not (token := answer["metadata"].get("continue")):
                return
            query["continue"] = token

    def delete(self, resource: Resource, *, dry_run: bool = False, unchanged: bool = False) -> None:
        """One that was made again meanwhile, under the same name, is left; with `unchanged` one that has changed is,
        too."""
        metadata = resource["metadata"]
        conditions = {"uid": metadata["uid"]}
        if unchanged:
            conditions["resourceVersion"] = metadata["resourceVersion"]
        # In the body: where there is one, the server reads no option in the query, not even dryRun.
        options = {"preconditions": conditions} | ({"dryRun": ["All"]} if dry_run else {})
        self.send("DELETE", self.named(metadata["name"]), options)

    def send(self, method: str, path: str, body: Any = None, content_type: str = JSON, accept: str = JSON) -> Resource:
        headers = {"accept": accept, "user-agent": "django-tasks-kubernetes"}
        data = None
        if body is not None:
            headers["content-type"] = content_type
            data = json.dumps(body, separators=(",", ":")).encode("ascii")
        response = self._server.request(method, path, data, headers, stream=False)
        self.answered(response.headers)
        if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise self._error(response)
        try:
            answer: Resource = json.loads(response.data)
        except ValueError:
            raise self._error(response) from None
        return answer

    def answered(self, headers: Mapping[str, str]) -> None:
        """Called with the headers of each answer."""

    def _error(self, response: "BaseHTTPResponse") -> "TaskException":
        error = self._error_of(response.status, response.data, self._server.namespace)
        return error or self._server.error(response.status, response.data, self._plural)

"""DjangoTasks over HTTP, as the API server offers them. The one module that makes such requests.

In a task's pod the operator answers them in the API server's place: see `connection`.
"""

import copy
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.jitter import between
from django_tasks_kubernetes.kube.connection import Connection, connect
from django_tasks_kubernetes.kube.pages import LAST_LIMIT, LAST_WHOLE_LIMIT, PageLimit, items_of, rows_of, selectors
from django_tasks_kubernetes.kube.recognition import has_key_of, is_same
from django_tasks_kubernetes.result import EnqueuedBy
from djangotasks_api.assignment import Assignment
from djangotasks_api.names import API_VERSION, GROUP, TASK_KIND, TASK_PLURAL, VERSION, WORKFLOW_KIND
from djangotasks_api.phases import TERMINAL_PHASES

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

JSON: Final = "application/json"
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
TABLE: Final = "application/json;as=Table;g=meta.k8s.io;v=v1"
# How long the server keeps a watch open.
WATCH_SECONDS: Final = (240, 480)
# A name is free again once the task that has it is gone, and then it may be taken by another before us.
RECREATIONS: Final = 5
SNAPSHOTS_MAX: Final = 5  # Of a page of a list, each newer than the one that was too old.
RECREATION_SECONDS: Final = 0.2


class Client:
    """DjangoTasks of one namespace. Thread-safe. Raises KubernetesBackendError."""

    def __init__(self, options: Options, connection: Connection | None = None) -> None:
        self._connection = connection or connect(options)
        self.namespace = self._connection.namespace
        self._path = self._connection.tasks_path
        self._table_rows_have = "None"

    @classmethod
    def of_attempt(cls, attempt: Assignment, options: Options) -> Self:
        """The client of a task's pod, through the operator, whatever credentials it has beside."""
        from django_tasks_kubernetes.kube.operator_endpoint import OperatorEndpoint

        return cls(options, OperatorEndpoint(attempt, options))

    @property
    def place(self) -> tuple[str, str]:
        """Server and namespace, which identify the same tasks for different credentials."""
        return self._connection.server, self.namespace

    @property
    def enqueued_by(self) -> EnqueuedBy | None:
        """See TaskStore."""
        attempt = self._connection.attempt
        return None if attempt is None else EnqueuedBy(id=attempt.id, attempt=attempt.attempt)

    def everywhere(self) -> "Client":
        """The same for all namespaces, which can be listed and watched."""
        other = copy.copy(self)
        other._table_rows_have = "Metadata"
        other._path = f"/apis/{GROUP}/{VERSION}/{self._path.rpartition('/')[2]}"
        return other

    def workflows(self) -> "Client":
        """The same for the DjangoTaskWorkflows of the namespace."""
        other = copy.copy(self)
        other._path = self._connection.workflows_path
        return other

    def close(self) -> None:
        """Closes the idle connections."""
        self._connection.close()

    def create(self, resource: Resource) -> Resource | None:
        """Creates the DjangoTask, and returns None; or the task that its idempotency key has made before.

        A DjangoTask that an earlier try of this request has created counts as created.
        """
        name = resource["metadata"]["name"]
        for _ in range(RECREATIONS):
            try:
                # Strict: a field that the cluster's CRD does not know would be dropped without a word.
                response = self._request("POST", self._path + "?fieldValidation=Strict", resource)
                if response.status == HTTPStatus.CREATED:
                    return None
                if response.status != HTTPStatus.CONFLICT:
                    raise self._error(response)
                found = self._named(response) or self._found(name)
            except ApiUnavailable as error:
                error.add_note(f"If a request got through and only its answer was lost, the task exists as {name}.")
                raise
            if found is not None and is_same(found, resource):
                return None
            if found is not None and "deletionTimestamp" not in found["metadata"]:
                if has_key_of(found, resource):
                    return found
                raise self._error(response)
            # It is gone or about to be: its TTL has elapsed, or somebody deletes it.
            time.sleep(RECREATION_SECONDS)
        raise self._error(response)

    def get(self, name: str) -> Resource:
        """The DjangoTask. Raises TaskResultDoesNotExist. `name` must be a valid resource name."""
        resource: Resource = self._answer(self._request("GET", f"{self._path}/{name}"))
        return resource

    def cancel(self, name: str, reason: str) -> Resource:
        """Asks to cancel the DjangoTask; see TaskStore."""
        resource = self.get(name)
        if resource["spec"].get("cancel") or (resource.get("status") or {}).get("phase") in TERMINAL_PHASES:
            return resource
        change = {"spec": {"cancel": True, "cancelReason": reason}}
        response = self._request("PATCH", f"{self._path}/{name}?fieldValidation=Strict", change)
        if response.status == HTTPStatus.UNPROCESSABLE_ENTITY and (found := self.get(name))["spec"].get("cancel"):
            return found  # Another request was faster.
        cancelled: Resource = self._answer(response)
        return cancelled

    def delete(self, name: str, uid: str | None) -> None:
        """Deletes the DjangoTask, unless another one has its name by now. Raises TaskResultDoesNotExist."""
        body = {"preconditions": {"uid": uid}} if uid else {}
        response = self._request("DELETE", f"{self._path}/{name}", body)
        if response.status == HTTPStatus.CONFLICT:
            raise TaskResultDoesNotExist(name)
        if response.status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            raise self._error(response)

    def find(self, selector: str) -> Iterator[Resource]:
        """Those that match a field selector, page by page."""
        return self._list(selector, JSON)

    def table(self, selector: str) -> Iterator[Resource]:
        """Those that match as the rows of `kubectl get`: the metadata, and under `cells` the columns by their names.
        Cheap, where objects are large."""
        return self._list(selector, TABLE, rows_of)

    def table_page(self, *, fields: str = "", labels: str = "", limit: int, token: str | None = None) -> Resource:
        """A page of a list as a Table, of so many rows at most, in the order of their names: the columns of `kubectl
        get`, and beyond one namespace the metadata, which says which it is. In a task's pod a list of DjangoTasks.

        `fields`, `labels`: selectors. `token`: continues the list, in a newer one where the old one is gone.
        """
        query = {"limit": str(limit), "includeObject": self._table_rows_have} | selectors(fields, labels)
        return self._page(query, token, TABLE)[0]

    def names(self) -> Iterator[str]:
        """The names of all DjangoTasks. Cheap: the server sends metadata only."""
        return (item["metadata"]["name"] for item in self._list("", METADATA_ONLY))

    def uids(self) -> Iterator[str]:
        """The uids of all DjangoTasks. As cheap."""
        return (item["metadata"]["uid"] for item in self._list("", METADATA_ONLY))

    def values_of(self, label: str) -> Iterator[str]:
        """The values of a label, of all that have it. As cheap."""
        return (item["metadata"]["labels"][label] for item in self._list("", METADATA_ONLY, labels=label))

    def _list(
        self,
        selector: str,
        accept: str,
        parts_of: Callable[[Resource], Iterable[Resource]] = items_of,
        *,
        labels: str = "",
    ) -> Iterator[Resource]:
        query = selectors(selector, labels)
        limit = PageLimit(LAST_WHOLE_LIMIT if accept == JSON else LAST_LIMIT)
        token = None
        while True:
            answer, size = self._page(query | {"limit": str(limit.value)}, token, accept)
            items = list(parts_of(answer))
            token = answer["metadata"].get("continue")
            limit.learn(len(items), size)
            # Not two pages at a time: while the items are taken, the answer is not needed any more.
            del answer
            yield from items
            if not token:
                return

    def _page(self, query: Mapping[str, str], token: str | None, accept: str) -> tuple[Resource, int]:
        """A page of a list, and its size in bytes. `token` continues the list."""
        for left in reversed(range(SNAPSHOTS_MAX)):
            asked = urlencode({**query, "continue": token} if token else query)
            response = self._request("GET", f"{self._path}?{asked}", accept=accept)
            if response.status == HTTPStatus.OK:
                return self._read(response), len(response.data)
            # A slow reader outlives the list's snapshot: 410, with a token to continue in a newer one.
            gone = self._read(response) if response.status == HTTPStatus.GONE else {}
            if not (token := gone.get("metadata", {}).get("continue")) or not left:
                raise self._error(response)
        raise AssertionError("The last try raises.")

    def newest(self) -> tuple[str, int]:
        """Returns the version to watch from, and how many DjangoTasks there are."""
        answer = self._answer(self._request("GET", f"{self._path}?limit=1", accept=METADATA_ONLY))
        metadata = answer["metadata"]
        return metadata["resourceVersion"], len(answer["items"] or ()) + metadata.get("remainingItemCount", 0)

    def watch(self, version: str, selector: str = "") -> "BaseHTTPResponse | None":
        """Opens a watch of changes after the version, in one try. Returns None where the server no longer has them.

        The caller reads and closes the response.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(round(between(*WATCH_SECONDS))),
        } | ({"fieldSelector": selector} if selector else {})
        response = self._request("GET", f"{self._path}?{urlencode(query)}", stream=True)
        if response.status == HTTPStatus.OK:
            return response
        try:
            if response.status == HTTPStatus.GONE:
                return None
            raise self._error(response)
        finally:
            response.close()

    def pod(self, name: str) -> Resource | None:
        """Returns a Pod of the namespace, or None. Raises PermissionDenied, as with a web app's Role."""
        response = self._request("GET", f"/api/v1/namespaces/{self.namespace}/pods/{name}")
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        pod: Resource = self._answer(response)
        return pod

    def log(self, pod: str, query: Mapping[str, str]) -> "BaseHTTPResponse":
        """Opens a container's log. The caller reads and closes the response, which may be an error.

        `query`: see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#http-request-1
        """
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log?{urlencode(query)}"
        return self._request("GET", path, stream=True)

    def try_create(self) -> None:
        """Raises what create() would raise, and creates nothing."""
        metadata = {"generateName": "djangotasks-check-"}
        resource = {"apiVersion": API_VERSION, "kind": TASK_KIND, "metadata": metadata, "spec": {"task": "check.check"}}
        self._answer(self._request("POST", self._path + "?dryRun=All", resource), HTTPStatus.CREATED)

    def may(self, verb: str) -> bool:
        """Asks whether the credentials allow a verb on DjangoTasks in the namespace."""
        attributes = {"group": GROUP, "resource": TASK_PLURAL, "verb": verb, "namespace": self.namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        response = self._request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(self._answer(response, HTTPStatus.CREATED)["status"]["allowed"])

    def _named(self, response: "BaseHTTPResponse") -> Resource | None:
        """The task that has the name already, where the answer shows it, as the operator's does."""
        answer = self._read(response)
        return answer if isinstance(answer, dict) and answer.get("kind") in (TASK_KIND, WORKFLOW_KIND) else None

    def _found(self, name: str) -> Resource | None:
        try:
            return self.get(name)
        except TaskResultDoesNotExist:
            return None

    def _request(
        self, method: str, path: str, body: Resource | None = None, *, accept: str = JSON, stream: bool = False
    ) -> "BaseHTTPResponse":
        headers = {"accept": accept, "user-agent": "django-tasks-kubernetes"}
        if body is not None:
            headers["content-type"] = f"application/{'merge-patch+json' if method == 'PATCH' else 'json'}"
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode("ascii")
        return self._connection.request(method, path, data, headers, stream=stream)

    def _answer(self, response: "BaseHTTPResponse", expected: HTTPStatus = HTTPStatus.OK) -> Any:
        """The JSON of a response with this status. Raises what any other one means."""
        if response.status != expected:
            raise self._error(response)
        return self._read(response)

    def _read(self, response: "BaseHTTPResponse") -> Any:
        """The JSON of a response. Raises what a proxy's page means, whatever its status."""
        try:
            return json.loads(response.data)
        except ValueError:
            raise self._error(response) from None

    def _error(self, response: "BaseHTTPResponse") -> TaskException:
        return self._connection.error(response.status, response.data, self._path.rpartition("/")[2])

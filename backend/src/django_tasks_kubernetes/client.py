"""The one module that talks to the API server.

The official client loads the credentials, renews tokens and sets up TLS. Requests go through its urllib3 pool
directly: its generated layers cost more than the request (see benchmarks). Importing it takes 0.7 s, so this module
is imported with the first request, not with the backend.
"""

import copy
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.config.incluster_config import SERVICE_HOST_ENV_NAME, SERVICE_TOKEN_FILENAME
from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, list_kube_config_contexts
from urllib3 import BaseHTTPResponse, Retry, Timeout
from urllib3.exceptions import HTTPError
from yaml import YAMLError

from django_tasks_kubernetes.api_errors import error_from, unavailable
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.exceptions import ApiUnavailable, ClusterNotConfigured
from django_tasks_kubernetes.options import Options
from django_tasks_kubernetes.watching.shared import SharedWatch
from django_tasks_kubernetes.watching.subscription import Subscription
from djangotasks_api.names import API_VERSION, GROUP, TASK_KIND, TASK_PLURAL, VERSION
from djangotasks_api.phases import TERMINAL_PHASES

NAMESPACE_FILE: Final = Path(SERVICE_TOKEN_FILENAME).with_name("namespace")
# Idle connections kept for the threads of one process.
POOL_SIZE: Final = 32
# The server may ask for any wait; a web request cannot.
RETRY_AFTER_MAX_SECONDS: Final = 5.0
PAGE_SIZE: Final = 500
JSON: Final = "application/json"
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# How long the server keeps a watch open. A bookmark comes each minute: what is silent for longer is dead.
WATCH_SECONDS: Final = (240, 480)
SILENCE_SECONDS: Final = 70.0
# A name is free again once the task that has it is gone, and then it may be taken by another before us.
RECREATIONS: Final = 5
RECREATION_SECONDS: Final = 0.2
# What may change in a spec: an earlier try of a request may have sent something else.
CHANGEABLE: Final = frozenset({"cancel", "cancelReason"})
RETRIED: Final = frozenset({429, 500, 502, 503, 504})


class _Retry(Retry):
    """urllib3's, with a limit to Retry-After that its older versions do not have."""

    def parse_retry_after(self, retry_after: str) -> float:
        return min(super().parse_retry_after(retry_after), RETRY_AFTER_MAX_SECONDS)


class Client:
    """DjangoTasks of one namespace. Thread-safe. Raises KubernetesBackendError."""

    def __init__(self, options: Options) -> None:
        self._configuration, self.namespace = load_configuration(options)
        self._configuration.connection_pool_maxsize = POOL_SIZE
        self._server = self._configuration.host.rstrip("/")
        self._path = f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{TASK_PLURAL}"
        self._pool = RESTClientObject(self._configuration).pool_manager
        self._shared_watch = SharedWatch(self)
        self._timeout = Timeout(total=options.request_timeout)
        self._stream_timeout = Timeout(connect=options.request_timeout, read=SILENCE_SECONDS)
        self._retries = _Retry(
            total=options.retries,
            # POST too: a task's name makes it safe to repeat.
            allowed_methods=None,
            status_forcelist=RETRIED,
            raise_on_status=False,
            backoff_factor=0.1,
            backoff_jitter=0.2,
            backoff_max=2.0,
        )

    @property
    def place(self) -> tuple[str, str]:
        """Server and namespace: where the same is, however it is reached."""
        return self._server, self.namespace

    def everywhere(self) -> "Client":
        """The same for all namespaces, which can be listed and watched."""
        other = copy.copy(self)
        other._path = f"/apis/{GROUP}/{VERSION}/{TASK_PLURAL}"
        return other

    def close(self) -> None:
        """Ends the watch, and closes the idle connections."""
        self._shared_watch.close()
        self._pool.clear()

    def create(self, resource: Resource) -> Resource | None:
        """Creates the DjangoTask. Where it exists already, an earlier try of this request has made it, or an earlier
        task with its idempotency key, which is returned."""
        name = resource["metadata"]["name"]
        for _ in range(RECREATIONS):
            try:
                # Strict: a field that the cluster's CRD does not know would be dropped without a word.
                response = self._request("POST", self._path + "?fieldValidation=Strict", resource)
                if response.status == HTTPStatus.CREATED:
                    return None
                if response.status != HTTPStatus.CONFLICT:
                    raise self._error(response)
                found = self._found(name)
            except ApiUnavailable as error:
                error.add_note(f"If a request got through and only its answer was lost, the task exists as {name}.")
                raise
            if found is not None and _is_same(found, resource):
                return None
            if found is not None and "deletionTimestamp" not in found["metadata"]:
                if _has_key_of(found, resource):
                    return found
                raise self._error(response)
            # It is gone, or about to be: its time was over, or somebody deletes it.
            time.sleep(RECREATION_SECONDS)
        raise self._error(response)

    def get(self, name: str) -> Resource:
        """The DjangoTask. Raises TaskResultDoesNotExist. `name` must be a valid resource name."""
        response = self._request("GET", f"{self._path}/{name}")
        if response.status != HTTPStatus.OK:
            raise self._error(response)
        resource: Resource = json.loads(response.data)
        return resource

    def cancel(self, name: str, reason: str) -> Resource:
        """See Store."""
        resource = self.get(name)
        if resource["spec"].get("cancel") or (resource.get("status") or {}).get("phase") in TERMINAL_PHASES:
            return resource
        change = {"spec": {"cancel": True, "cancelReason": reason}}
        response = self._request("PATCH", f"{self._path}/{name}?fieldValidation=Strict", change)
        if response.status == HTTPStatus.UNPROCESSABLE_ENTITY and (found := self.get(name))["spec"].get("cancel"):
            return found  # Somebody else was faster.
        if response.status != HTTPStatus.OK:
            raise self._error(response)
        cancelled: Resource = json.loads(response.data)
        return cancelled

    def find(self, selector: str) -> Iterator[Resource]:
        """Those that match a field selector, page by page."""
        return self._list(selector, JSON)

    def names(self) -> Iterator[str]:
        """Of all that there are, which is cheap: nothing else of them is sent."""
        return (item["metadata"]["name"] for item in self._list("", METADATA_ONLY))

    def uids(self) -> Iterator[str]:
        """Of all that there are, which is cheap as well."""
        return (item["metadata"]["uid"] for item in self._list("", METADATA_ONLY))

    def _list(self, selector: str, accept: str) -> Iterator[Resource]:
        query = {"limit": str(PAGE_SIZE)} | ({"fieldSelector": selector} if selector else {})
        while True:
            response = self._request("GET", f"{self._path}?{urlencode(query)}", accept=accept)
            answer = json.loads(response.data) if response.status in (HTTPStatus.OK, HTTPStatus.GONE) else {}
            token = answer.get("metadata", {}).get("continue")
            # Whoever reads slowly outlives the list's snapshot: 410, with where to go on in a newer one.
            if response.status != HTTPStatus.OK and not token:
                raise self._error(response)
            yield from answer.get("items", ())
            if not token:
                return
            query["continue"] = token

    def pending(self, name: str) -> bool:
        """See Store."""
        return False

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        """See Store."""
        return self._shared_watch.add(subscription)

    def newest(self) -> tuple[str, int]:
        """The version to watch from, so that every later change is seen; and how many DjangoTasks there are."""
        response = self._request("GET", f"{self._path}?limit=1", accept=METADATA_ONLY)
        if response.status != HTTPStatus.OK:
            raise self._error(response)
        answer = json.loads(response.data)
        metadata = answer["metadata"]
        return metadata["resourceVersion"], len(answer["items"] or ()) + metadata.get("remainingItemCount", 0)

    def watch(self, version: str, selector: str = "") -> BaseHTTPResponse | None:
        """An open watch of what changes after the version, asked for once; None where the server does not go back so
        far. The response is the caller's to read, and to close.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),  # noqa: S311 - so that not all end at once
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
        """A Pod of the namespace, or None. Raises PermissionDenied, which a web app's rights lead to."""
        response = self._request("GET", f"/api/v1/namespaces/{self.namespace}/pods/{name}")
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK:
            raise self._error(response)
        pod: Resource = json.loads(response.data)
        return pod

    def log(self, pod: str, query: Mapping[str, str]) -> BaseHTTPResponse:
        """An open response with a container's log, or with the refusal, to be read and closed by the caller.

        `query`: see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#http-request-1
        """
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log?{urlencode(query)}"
        return self._request("GET", path, stream=True)

    def try_create(self) -> None:
        """Raises what create() would raise, and creates nothing."""
        metadata = {"generateName": "djangotasks-check-"}
        resource = {"apiVersion": API_VERSION, "kind": TASK_KIND, "metadata": metadata, "spec": {"task": "check.check"}}
        response = self._request("POST", self._path + "?dryRun=All", resource)
        if response.status != HTTPStatus.CREATED:
            raise self._error(response)

    def may(self, verb: str) -> bool:
        """Whether the credentials allow a verb on DjangoTasks in the namespace."""
        attributes = {"group": GROUP, "resource": TASK_PLURAL, "verb": verb, "namespace": self.namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        response = self._request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        if response.status != HTTPStatus.CREATED:
            raise self._error(response)
        return bool(json.loads(response.data)["status"]["allowed"])

    def _found(self, name: str) -> Resource | None:
        try:
            return self.get(name)
        except TaskResultDoesNotExist:
            return None

    def _request(
        self, method: str, path: str, body: Resource | None = None, *, accept: str = JSON, stream: bool = False
    ) -> BaseHTTPResponse:

        headers = {"accept": accept, "user-agent": "django-tasks-kubernetes"}
        # Read for each request: the official client renews tokens here.
        settings: Any = self._configuration.auth_settings()
        for setting in settings.values():
            headers[setting["key"]] = setting["value"]
        if body is not None:
            headers["content-type"] = f"application/{'merge-patch+json' if method == 'PATCH' else 'json'}"
        try:
            return self._pool.request(
                method,
                self._server + path,
                body=None if body is None else json.dumps(body, separators=(",", ":")).encode("ascii"),
                headers=headers,
                timeout=self._stream_timeout if stream else self._timeout,
                retries=False if stream else self._retries,
                redirect=False,
                preload_content=not stream,
            )
        except HTTPError as error:
            raise unavailable(error, server=self._server) from error

    def _error(self, response: BaseHTTPResponse) -> TaskException:
        return error_from(response.status, response.data, server=self._server, namespace=self.namespace)


def _is_same(found: Resource, resource: Resource) -> bool:
    """The same request has made it. More is stored than was sent, the CRD's defaults; and it may be cancelled since."""
    sent = {name: value for name, value in resource["spec"].items() if name not in CHANGEABLE}
    return found["spec"].items() >= sent.items()  # type: ignore[no-any-return]


def _has_key_of(found: Resource, resource: Resource) -> bool:
    """Both were made of one idempotency key."""
    mine, theirs = resource["spec"], found["spec"]
    return "idempotencyKey" in mine and all(mine.get(f) == theirs.get(f) for f in ("idempotencyKey", "task"))


# By process too: a connection must not be shared across a fork.
_clients: dict[tuple[int, Options], Client] = {}


def connect(options: Options) -> Client:
    """This process's client for these options. Raises ClusterNotConfigured."""
    key = (os.getpid(), options)
    # Without a lock, which a fork could copy while it is held: of two threads that come first, one client wins.
    return _clients.get(key) or _clients.setdefault(key, Client(options))


def load_configuration(options: Options) -> tuple[Configuration, str]:
    """The credentials, and the namespace for the tasks. Raises ClusterNotConfigured."""
    configuration = Configuration()
    explicit = options.kubeconfig is not None or options.context is not None
    try:
        if not explicit and SERVICE_HOST_ENV_NAME in os.environ and Path(SERVICE_TOKEN_FILENAME).exists():
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            return configuration, options.namespace or NAMESPACE_FILE.read_text().strip()
        path = options.kubeconfig or os.environ.get("KUBECONFIG") or KUBE_CONFIG_DEFAULT_LOCATION
        load_kube_config(  # type: ignore[no-untyped-call]
            path, options.context, client_configuration=configuration, persist_config=False
        )
        namespace = options.namespace or _context_namespace(path, options.context)
    # What the official client raises for files that are no kubeconfig.
    except (ConfigException, OSError, YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ClusterNotConfigured(
            f"No usable credentials for a cluster: {error} In a pod, let its service account's token be mounted "
            "(automountServiceAccountToken); elsewhere set OPTIONS['KUBECONFIG'], $KUBECONFIG or ~/.kube/config, "
            "such that this works: kubectl cluster-info."
        ) from error
    return configuration, namespace


def _context_namespace(path: str, name: str | None) -> str:
    contexts, current = list_kube_config_contexts(path)  # type: ignore[no-untyped-call]
    context = next((context for context in contexts if context["name"] == name), current)
    return str(context["context"].get("namespace") or "default")

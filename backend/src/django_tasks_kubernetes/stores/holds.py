"""The DjangoTaskHolds of a namespace, in the cluster. For commands and pages."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import HoldDoesNotExist, PermissionDenied
from django_tasks_kubernetes.kube.api_server import ApiServer
from django_tasks_kubernetes.kube.kind_errors import HOLD_ERRORS
from django_tasks_kubernetes.stores.kind_store import COMMAND_MANAGER, MERGE_PATCH, KindStore
from djangotasks_api.names import API_VERSION, GROUP, HOLD_KIND, HOLD_PLURAL, QUEUE_PLURAL, VERSION

# Names alone: a queue's pod template may be large.
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
REVIEWS: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class HoldStore(KindStore):
    """See cli.hold_session.Holds. Raises KubernetesBackendError."""

    def __init__(self, server: ApiServer, *, everywhere: bool = False) -> None:
        super().__init__(server, HOLD_PLURAL, HOLD_ERRORS, _missing, everywhere=everywhere)
        self._ahead = timedelta()

    @property
    def namespace(self) -> str:
        return self._server.namespace

    def everywhere(self) -> "HoldStore":
        """The same for all namespaces, which can be listed."""
        return HoldStore(self._server, everywhere=True)

    def now(self) -> datetime:
        """By the API server's clock, as its last answer has it: the operator goes by that one."""
        return datetime.now(UTC) + self._ahead

    def answered(self, headers: Mapping[str, str]) -> None:
        try:
            self._ahead = parsedate_to_datetime(headers.get("date") or "").astimezone(UTC) - datetime.now(UTC)
        except (ValueError, OverflowError):
            return

    def held(self, queue: str) -> Resource | None:
        """The hold of a queue; None where there is none."""
        try:
            return self.get(queue)
        except HoldDoesNotExist:
            return None

    def create(self, queue: str, spec: Mapping[str, Any]) -> Resource:
        """Raises HoldRefused where there is one already."""
        # Not before it is known that there can be a hold of that name.
        self.named(queue)
        body = {"apiVersion": API_VERSION, "kind": HOLD_KIND, "metadata": {"name": queue}, "spec": dict(spec)}
        return self.send("POST", f"{self.path}?{_strict()}", body)

    def replace(self, hold: Resource, spec: Mapping[str, Any]) -> Resource:
        """Give the hold another spec, unless it has changed since it was read."""
        metadata = {key: hold["metadata"][key] for key in ("uid", "resourceVersion")}
        whole = dict.fromkeys(hold["spec"]) | dict(spec)
        path = f"{self.named(hold['metadata']['name'])}?{_strict()}"
        return self.send("PATCH", path, {"metadata": metadata, "spec": whole}, MERGE_PATCH)

    def queues(self) -> set[tuple[str, str]] | None:
        """Namespace and name of each queue; None where that may not be known."""
        path = self.path.removesuffix(HOLD_PLURAL) + QUEUE_PLURAL
        query = {"limit": "500"}
        found = set[tuple[str, str]]()
        while True:
            try:
                answer = self.send("GET", f"{path}?{urlencode(query)}", accept=METADATA_ONLY)
            except PermissionDenied:
                return None
            found |= {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in answer.get("items") or ()}
            if not (token := answer["metadata"].get("continue")):
                return found
            query["continue"] = token

    def has_queue(self, name: str) -> bool | None:
        """Whether there is a queue of that name; None where that may not be known."""
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{QUEUE_PLURAL}/{name}"
        response = self._server.request("GET", path, None, {"accept": "application/json"}, stream=False)
        return {int(HTTPStatus.OK): True, int(HTTPStatus.NOT_FOUND): False}.get(response.status)

    def user(self) -> str | None:
        """Who the API server takes this process for; None where it does not say."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        headers = {"accept": "application/json", "content-type": "application/json"}
        response = self._server.request("POST", REVIEWS, json.dumps(review).encode(), headers, stream=False)
        try:
            name = json.loads(response.data)["status"]["userInfo"]["username"]
        except (ValueError, KeyError, TypeError):
            return None
        return name if isinstance(name, str) and name else None


def _strict() -> str:
    return urlencode({"fieldManager": COMMAND_MANAGER, "fieldValidation": "Strict"})


def _missing(name: str) -> HoldDoesNotExist:
    return HoldDoesNotExist(f"There is no hold of a queue {name!r}: that is no name of one.")


# By process too: a connection must not be shared across a fork.
_stores: dict[tuple[int, Options], HoldStore] = {}


def connect(options: Options) -> HoldStore:
    """Returns this process's store for these options. Raises ClusterNotConfigured."""
    key = (os.getpid(), options)
    return _stores.get(key) or _stores.setdefault(key, HoldStore(ApiServer(options)))

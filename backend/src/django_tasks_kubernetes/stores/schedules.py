"""The DjangoTaskSchedules of a namespace, in the cluster. For commands."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final
from urllib.parse import urlencode

from django_tasks_kubernetes.codec.resource import Resource, merge
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import ScheduleDoesNotExist
from django_tasks_kubernetes.kube.api_server import ApiServer
from django_tasks_kubernetes.kube.kind_errors import SCHEDULE_ERRORS
from django_tasks_kubernetes.stores.kind_store import COMMAND_MANAGER, MERGE_PATCH, KindStore
from djangotasks_api.names import SCHEDULE_PLURAL

# What is applied is JSON, which is YAML too.
APPLY: Final = "application/apply-patch+yaml"
# The owner of the fields that the code says. Another one of those that a person sets.
SYNC_MANAGER: Final = "djangotasks-sync"


class ScheduleStore(KindStore):
    """See cli.schedule_session.Schedules. Raises KubernetesBackendError."""

    def __init__(self, server: ApiServer, *, everywhere: bool = False) -> None:
        super().__init__(server, SCHEDULE_PLURAL, SCHEDULE_ERRORS, _missing, everywhere=everywhere)

    def everywhere(self) -> "ScheduleStore":
        """The same for all namespaces, which can be listed."""
        return ScheduleStore(self._server, everywhere=True)

    def apply(self, resource: Resource, *, without: Mapping[str, Any], dry_run: bool) -> Resource:
        """By a server-side apply: fields that it does not have stay as another has set them. But those of `without`,
        which are taken away first, in a request that makes a whole of it: an apply can take away its own alone."""
        path, query = self.named(resource["metadata"]["name"]), {"fieldManager": SYNC_MANAGER}
        query["fieldValidation"] = "Strict"
        if dry_run:
            query["dryRun"] = "All"
        if without:
            labels, spec = resource["metadata"]["labels"], deepcopy(resource["spec"])
            merge(spec, without)
            change = {"metadata": {"labels": labels}, "spec": spec}
            answer = self.send("PATCH", f"{path}?{urlencode(query)}", change, MERGE_PATCH)
            if dry_run:
                return answer
        return self.send("PATCH", f"{path}?{urlencode(query | {'force': 'true'})}", resource, APPLY)

    def suspend(self, name: str, suspended: bool) -> Resource:
        query = {"fieldManager": COMMAND_MANAGER, "fieldValidation": "Strict"}
        change = {"spec": {"suspended": suspended}}
        return self.send("PATCH", f"{self.named(name)}?{urlencode(query)}", change, MERGE_PATCH)

    def delete(self, resource: Resource, *, dry_run: bool = False, unchanged: bool = False) -> None:
        """One that is gone is as good."""
        try:
            super().delete(resource, dry_run=dry_run, unchanged=unchanged)
        except ScheduleDoesNotExist:
            return


def _missing(name: str) -> ScheduleDoesNotExist:
    return ScheduleDoesNotExist(f"There is no schedule {name!r}: that is no name of one.")


def connect(options: Options) -> ScheduleStore:
    """Raises ClusterNotConfigured."""
    return ScheduleStore(ApiServer(options))

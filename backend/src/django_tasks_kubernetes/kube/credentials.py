"""The credentials for the cluster, as kubectl and a pod's service account have them."""

import os
from pathlib import Path
from typing import Any, Final

from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.config.incluster_config import SERVICE_HOST_ENV_NAME, SERVICE_TOKEN_FILENAME
from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, KubeConfigLoader, KubeConfigMerger
from yaml import YAMLError

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import ClusterNotConfigured
from djangotasks_api.assignment import WORKER_VARIABLE

IN_A_TASK: Final = (
    "This process was started by a task, in its pod. The operator enqueues for the task itself, and not for programs "
    "that it starts: these have no token. Call what they do in the task's own process, such as with call_command(). "
    "Have the workers of multiprocessing forked: get_context('fork'), which is not the default from Python 3.14 on. "
    "Or set OPTIONS['ENQUEUE'] = 'outbox' and run manage.py relay_tasks. See docs/how-to/tasks-that-enqueue-tasks.md."
)
# What the official client raises for files that are no kubeconfig, or no token.
UNUSABLE: Final = (ConfigException, OSError, YAMLError, ValueError, TypeError, LookupError, AttributeError)
NAMESPACE_FILE: Final = Path(SERVICE_TOKEN_FILENAME).with_name("namespace")


def load_configuration(options: Options) -> tuple[Configuration, str]:
    """The credentials, and the namespace for the tasks. Raises ClusterNotConfigured."""
    configuration = Configuration()
    explicit = options.kubeconfig is not None or options.context is not None
    try:
        if not explicit and SERVICE_HOST_ENV_NAME in os.environ and Path(SERVICE_TOKEN_FILENAME).exists():
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # of the official client
            return configuration, options.namespace or NAMESPACE_FILE.read_text().strip()
        path = options.kubeconfig or os.environ.get("KUBECONFIG") or KUBE_CONFIG_DEFAULT_LOCATION
        load_kube_config(  # type: ignore[no-untyped-call]  # of the official client
            path, options.context, client_configuration=configuration, persist_config=False
        )
        namespace = options.namespace or _context_namespace(path, options.context)
    except UNUSABLE as error:
        raise _unusable(error) from error
    return configuration, namespace


def headers_of(configuration: Configuration) -> dict[str, str]:
    """The credentials as headers. To be asked for with each request: the official client renews tokens here. Raises
    ClusterNotConfigured."""
    try:
        settings: Any = configuration.auth_settings()
    except UNUSABLE as error:
        raise _unusable(error) from error
    return {setting["key"]: setting["value"] for setting in settings.values()}


def _unusable(error: Exception) -> ClusterNotConfigured:
    if WORKER_VARIABLE in os.environ:
        return ClusterNotConfigured(IN_A_TASK)
    return ClusterNotConfigured(
        f"No usable credentials for a cluster: {error} In a pod, let its service account's token be mounted "
        "(automountServiceAccountToken); elsewhere set OPTIONS['KUBECONFIG'], $KUBECONFIG or ~/.kube/config, "
        "such that this works: kubectl cluster-info."
    )


def _context_namespace(path: str, name: str | None) -> str:
    """Of the context of that name. Only without a name there has to be a current one."""
    config = KubeConfigMerger(path).config  # type: ignore[no-untyped-call]  # of the official client
    loader = KubeConfigLoader(config, active_context=name)  # type: ignore[no-untyped-call]
    return str(loader.current_context["context"].get("namespace") or "default")

"""The values of charts/djangotasks-web-app, which a project installs beside its web app."""

from typing import Annotated, Literal

from pydantic import Field

from charts.values.base import Object, Values
from djangotasks_api.models import QueueSpec
from djangotasks_api.models.base import DnsLabel, DnsName


class TaskNetworkPolicy(Values):
    enabled: bool = False
    """Allow no traffic to task pods, and from them only DNS, the operator and the peers in `egress`, not the API
    server or cloud metadata."""

    operatorNamespace: DnsLabel = "djangotasks"
    """Where the operator is installed."""

    egress: list[Object] = []
    """Further egress rules of a NetworkPolicy: the database, the mail server."""


class App(Values):
    """Your project, for the processes below, configured like its web pods. Their pods meet the restricted Pod Security
    Standard."""

    image: str = ""
    """The web app's image, with its tag or digest. Required where a process is enabled."""

    imagePullPolicy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """Default: Kubernetes' own, by the image's tag."""

    imagePullSecrets: list[Object] = []

    command: Annotated[list[str], Field(min_length=1)] = ["python", "manage.py"]
    """Runs a management command in the image, whose entrypoint it replaces. Also `[python, -m, django]`."""

    settingsModule: str = ""
    """DJANGO_SETTINGS_MODULE. Default: set by the image, `env` or manage.py."""

    env: list[Object] = []
    """As in a container: the database's address, Django's secret key."""

    envFrom: list[Object] = []

    serviceAccount: Annotated[str, Field(max_length=253)] = ""
    """One of `serviceAccounts`. Default: the first."""

    volumes: list[Object] = []
    """As in a pod. There is one at /tmp already, unless you mount one there."""

    volumeMounts: list[Object] = []

    podSecurityContext: Object = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    """Set `runAsUser` too, if the image names its user by name."""

    securityContext: Object = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }

    podAnnotations: dict[str, str] = {}
    podLabels: dict[str, str] = {}
    priorityClassName: Annotated[str, Field(max_length=253)] = ""
    nodeSelector: dict[str, str] = {}
    tolerations: list[Object] = []
    affinity: Object = {}


class Process(Values):
    """A management command that runs for ever, in a Deployment of its own."""

    enabled: bool = False
    """Run it."""

    replicas: Annotated[int, Field(ge=0, le=20)] = 1
    """Several share the work."""

    args: list[str] = []
    """Further arguments: see docs/reference/commands.md."""

    resources: Object = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    """Most of it is for the imports of your project's settings and models."""


class Relay(Process):
    """`manage.py relay_tasks`."""

    enabled: bool = False
    """Send the rows of the outbox: needed with OPTIONS["ENQUEUE"] = "outbox"."""


class Watcher(Process):
    """`manage.py watch_tasks`."""

    enabled: bool = False
    """Call your receivers when tasks end, also for ends that no pod can report, and clean up after deleted tasks."""


class Schedules(Values):
    """`manage.py schedules sync`, in a Job after each install, upgrade and rollback."""

    sync: bool = False
    """Make the schedules in the cluster what the code of `app.image` says."""

    prune: bool = True
    """And delete those that it no longer declares."""

    args: list[str] = []
    """Further arguments: see docs/reference/commands.md."""

    timeoutSeconds: Annotated[int, Field(ge=10, le=3600)] = 300
    """How long it may take, with its retries. The install or upgrade fails with it."""

    resources: Object = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    """Most of it is for the imports of your project's settings and tasks."""


class Admin(Values):
    """Further rights, for the pages in Django's admin and for commands in the web app's pods. To look at tasks, cancel
    them and enqueue them once more, none of them is needed."""

    queues: bool = False
    """See queues: whether they work, their limits, their last error. Their pod templates become readable, with the
    values of plain environment variables."""

    holds: bool = False
    """Pause and limit queues, for a while."""

    schedules: bool = False
    """See schedules, run them now, suspend and resume them."""

    delete: bool = False
    """Delete tasks."""

    logs: bool = False
    """Read whole logs, and of tasks that run. Of every pod of the namespace: Kubernetes cannot tell those of tasks
    apart."""

    serviceAccounts: list[DnsName] = []
    """Who gets these rights. Default: `serviceAccounts`. Where the admin is a Deployment of its own, name its account
    alone."""


class WebAppValues(Values):
    """charts/djangotasks-web-app"""

    serviceAccounts: list[DnsName] = []
    """Required: the service accounts of the web app's pods, in the release's namespace. They may create, read, watch
    and cancel tasks there, and nothing else. Avoid `default`: every pod that names no account runs as it."""

    queues: dict[DnsLabel, QueueSpec] = {}
    """DjangoTaskQueues by name, each with its spec."""

    admin: Admin = Admin()
    networkPolicy: TaskNetworkPolicy = TaskNetworkPolicy()
    app: App = App()
    relay: Relay = Relay()
    watcher: Watcher = Watcher()
    schedules: Schedules = Schedules()

"""The values of the charts: the one source of values.yaml, of values.schema.json and of the tables in their READMEs.

A docstring under a field is its documentation. `example`: what is shown, commented out, where the default is empty.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from djangotasks_api.models import QueueSpec
from djangotasks_api.models.base import DnsLabel, DnsName
from djangotasks_api.names import CONTAINER_NAME

Object = dict[str, Any]


class Values(BaseModel):
    """A misspelt value is refused, rather than ignored."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Image(Values):
    repository: str = "djangotasks/operator"

    tag: str = ""
    """Default: the chart's appVersion."""

    digest: Annotated[str, Field(pattern="^(sha256:[0-9a-f]{64})?$")] = ""
    """Pins the image: `sha256:…`. Then the tag is for people only."""

    pullPolicy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"


class Crds(Values):
    enabled: bool = True
    """Install and upgrade the CustomResourceDefinitions with the release. One release a cluster may do so."""

    keep: bool = True
    """Keep them, and with them all tasks, when the release is uninstalled."""


class Key(Values):
    """Signs the tokens with which task pods report."""

    rotation: Annotated[str, Field(min_length=1, max_length=63)] = "1"
    """Another word makes a new key at the next upgrade. The one before is accepted until the word changes again, so
    that tasks that run lose nothing. Do not roll back past a rotation while tasks run."""

    existingSecret: Annotated[str, Field(max_length=253)] = ""
    """A Secret of your own instead of a generated one: `key`, at least 32 bytes, and perhaps `previous`. For GitOps
    tools that render without asking the cluster, which would make a new key each time."""


class PodDisruptionBudget(Values):
    enabled: bool = True
    """One replica at a time may be evicted. Not made for a single one: it would block every drain."""


class NetworkPolicy(Values):
    enabled: bool = True
    """Only task pods reach the port for outcomes, and only those below the metrics. Enforced where the network plugin
    does. The kubelet's probes come from the node, which plugins let through."""

    metricsFrom: list[Object] = [
        {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    ]
    """Peers of a NetworkPolicy that may read the metrics. Empty: nobody."""


class ServiceMonitor(Values):
    enabled: bool = False
    """Needs the Prometheus operator's CRDs, as do the rules."""

    interval: Annotated[str, Field(pattern="^[0-9]+(ms|s|m)$")] = "30s"

    labels: dict[str, str] = {}
    """What your Prometheus selects by."""


class PrometheusRule(Values):
    enabled: bool = False
    """The alerts of files/alerts.yaml."""

    labels: dict[str, str] = {}


class Dashboard(Values):
    enabled: bool = False
    """A ConfigMap that Grafana's sidecar finds by its label."""

    labels: dict[str, str] = {"grafana_dashboard": "1"}


class Metrics(Values):
    serviceMonitor: ServiceMonitor = ServiceMonitor()
    prometheusRule: PrometheusRule = PrometheusRule()
    dashboard: Dashboard = Dashboard()


class OperatorValues(Values):
    """charts/djangotasks"""

    replicas: Annotated[int, Field(ge=0, le=20)] = 2
    """One leads, chosen by a Lease; all take outcomes. 0 stops it, and tasks wait."""

    watchNamespaces: Annotated[list[DnsLabel], Field(json_schema_extra={"uniqueItems": True})] = []
    """The namespaces whose tasks this operator runs, which must exist: it gets a Role in each. Empty: all, with a
    ClusterRole. Two operators must not share a namespace."""

    image: Image = Image()
    imagePullSecrets: list[Object] = []
    crds: Crds = Crds()
    key: Key = Key()

    resources: Object = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    """Of a replica. By measurement (docs/benchmarks.md): 67 MiB when idle, 108 MiB with 3,000 tasks waiting, 132 MiB at
    most after a restart. No limit of CPU: it would slow down the outcomes."""

    logFormat: Literal["text", "json"] = "text"
    """text for people, json for what collects logs: an object a line."""

    verbose: bool = False
    """Log more."""

    podDisruptionBudget: PodDisruptionBudget = PodDisruptionBudget()
    networkPolicy: NetworkPolicy = NetworkPolicy()
    metrics: Metrics = Metrics()

    serviceAccountAnnotations: dict[str, str] = {}
    podAnnotations: dict[str, str] = {}
    podLabels: dict[str, str] = {}
    priorityClassName: Annotated[str, Field(max_length=253)] = ""
    nodeSelector: dict[str, str] = {}
    tolerations: list[Object] = []

    affinity: Object = {}
    """Default: replicas prefer different nodes."""

    topologySpreadConstraints: list[Object] = []


class TaskNetworkPolicy(Values):
    enabled: bool = False
    """Nothing reaches task pods, and they reach DNS, the operator and what `egress` names: not the API server, nor
    cloud metadata."""

    operatorNamespace: DnsLabel = "djangotasks"
    """Where the operator is installed."""

    egress: list[Object] = []
    """Further egress rules of a NetworkPolicy: the database, the mail server."""


class App(Values):
    """Your project, for the processes below: as its web pods have it. Their pods fulfil the restricted Pod Security
    Standard."""

    image: str = ""
    """The web app's image, with its tag or digest. Required where a process is enabled."""

    imagePullPolicy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """Default: Kubernetes' own, by the image's tag."""

    imagePullSecrets: list[Object] = []

    command: Annotated[list[str], Field(min_length=1)] = ["python", "manage.py"]
    """What runs a management command in the image, whose entrypoint it replaces: also `[python, -m, django]`."""

    settingsModule: str = ""
    """DJANGO_SETTINGS_MODULE. Default: what the image, `env` or manage.py says."""

    env: list[Object] = []
    """As in a container: where the database is, Django's secret key."""

    envFrom: list[Object] = []

    serviceAccount: Annotated[str, Field(max_length=253)] = ""
    """One of `serviceAccounts`. Default: the first."""

    volumes: list[Object] = []
    """As in a pod. There is one at /tmp already."""

    volumeMounts: list[Object] = []

    podSecurityContext: Object = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    """Say `runAsUser` too, where the image names its user by name."""

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
    """More of its command line: see docs/reference/commands.md."""

    resources: Object = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    """What your project's settings and models import needs the most of it."""


class Relay(Process):
    """`manage.py relay_tasks`."""

    enabled: bool = False
    """Send what is left in the outbox: needed with OPTIONS["ENQUEUE"] = "outbox"."""


class Watcher(Process):
    """`manage.py watch_tasks`."""

    enabled: bool = False
    """Tell your project of the ends of tasks that no pod can tell of, and clean up after tasks that are deleted."""


class WebAppValues(Values):
    """charts/djangotasks-web-app"""

    serviceAccounts: Annotated[list[DnsName], Field(min_length=1)] = ["default"]
    """The web app's service accounts, in the release's namespace. They may create, read, watch and cancel tasks there,
    and nothing else."""

    queues: dict[DnsLabel, QueueSpec] = {}
    """DjangoTaskQueues by name, each with its spec."""

    networkPolicy: TaskNetworkPolicy = TaskNetworkPolicy()
    app: App = App()
    relay: Relay = Relay()
    watcher: Watcher = Watcher()


CHARTS: dict[str, type[Values]] = {"djangotasks": OperatorValues, "djangotasks-web-app": WebAppValues}
EXAMPLES: dict[str, Any] = {
    "watchNamespaces": ["shop", "bank"],
    "serviceAccounts": ["web"],
    "queues": {
        "default": {"podTemplateFrom": {"deployment": "web"}},
        "reports": {
            "template": {"spec": {"containers": [{"name": CONTAINER_NAME, "image": "registry.example.com/shop:1"}]}},
            "concurrency": 10,
            "policy": {"maxAttempts": 3, "timeoutSeconds": 1800},
        },
    },
    "networkPolicy.egress": [
        {"to": [{"podSelector": {"matchLabels": {"app": "postgres"}}}], "ports": [{"port": 5432}]}
    ],
    "app.image": "registry.example.com/shop:1",
    "app.settingsModule": "shop.settings",
    "app.env": [{"name": "DATABASE_HOST", "value": "postgres"}],
    "app.envFrom": [{"secretRef": {"name": "shop"}}],
    "relay.args": ["--interval", "1"],
}

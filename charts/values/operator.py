"""The values of charts/djangotasks, which installs the operator."""

from typing import Annotated, Literal

from pydantic import Field

from charts.values.base import Object, Values
from djangotasks_api.models.base import DnsLabel


class Image(Values):
    repository: str = "djangotasks/operator"

    tag: str = ""
    """Default: the chart's appVersion."""

    digest: Annotated[str, Field(pattern="^(sha256:[0-9a-f]{64})?$")] = ""
    """Pins the image: `sha256:…`. The tag is then informational."""

    pullPolicy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"


class Crds(Values):
    enabled: bool = True
    """Install and upgrade the CustomResourceDefinitions with the release. One release a cluster may do so."""

    keep: bool = True
    """Keep them, and with them all tasks, when the release is uninstalled, or no longer has them."""


class Key(Values):
    """Signs the tokens with which task pods report."""

    rotation: Annotated[str, Field(min_length=1, max_length=63)] = "1"
    """Another value makes a new key at the next upgrade. The previous key is accepted until the value changes again, so
    running tasks lose nothing. Do not roll back past a rotation while tasks run."""

    existingSecret: Annotated[str, Field(max_length=253)] = ""
    """A Secret of your own instead of a generated one: `key`, at least 32 bytes, and optionally `previous`. For GitOps
    tools that render without access to the cluster, which would make a new key each time."""


class PodDisruptionBudget(Values):
    enabled: bool = True
    """One replica at a time may be evicted. Not created for a single replica: it would block every drain."""


class NetworkPolicy(Values):
    enabled: bool = True
    """Only task pods may reach the port for reports, and only the peers below the metrics. Needs a network plugin that
    enforces policies. The kubelet's probes come from the node, which plugins allow."""

    metricsFrom: list[Object] = [
        {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    ]
    """Peers of a NetworkPolicy that may read the metrics. Empty: none."""


class Service(Values):
    ipFamilyPolicy: Literal["", "SingleStack", "PreferDualStack", "RequireDualStack"] = ""
    """As in a Service. Default: Kubernetes' own, one family, the cluster's first. Task pods report to the Service's
    first address."""

    ipFamilies: Annotated[list[Literal["IPv4", "IPv6"]], Field(max_length=2)] = []
    """As in a Service, the first one first. Default: the cluster's."""


class AggregatedRoles(Values):
    enabled: bool = True
    """Add to Kubernetes' own roles: `view` reads tasks, queues and schedules, `edit` and `admin` write them too. Tasks
    contain arguments, results and the end of logs; `view` can read pods and their logs in any case."""


class AdmissionPolicy(Values):
    enabled: bool = True
    """A ValidatingAdmissionPolicy: changing `ownerReferences` and `finalizers` of DjangoTasks needs the permission to
    delete them. With the first a web app could have tasks deleted, with the second keep them from being deleted."""


class ServiceMonitor(Values):
    enabled: bool = False
    """Needs the Prometheus operator's CRDs, as do the rules."""

    interval: Annotated[str, Field(pattern="^[0-9]+(ms|s|m)$")] = "30s"

    labels: dict[str, str] = {}
    """The labels that your Prometheus selects by."""


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
    """One leads, elected by a Lease; all accept reports. 0 stops the operator, and tasks wait."""

    watchNamespaces: Annotated[list[DnsLabel], Field(json_schema_extra={"uniqueItems": True})] = []
    """The namespaces whose tasks this operator runs, which must exist: it gets a Role in each. Two operators must not
    share a namespace. It has no permission elsewhere."""

    watchAllNamespaces: bool = False
    """Run the tasks of all namespaces, also of those that come later, with a ClusterRole. It can create pods in
    any namespace, kube-system too: an attacker who controls the operator controls the whole cluster."""

    image: Image = Image()
    imagePullSecrets: list[Object] = []
    crds: Crds = Crds()
    key: Key = Key()

    host: str = ""
    """The address that it listens on. Default: all addresses, of IPv4 and of IPv6."""

    service: Service = Service()
    aggregatedRoles: AggregatedRoles = AggregatedRoles()
    admissionPolicy: AdmissionPolicy = AdmissionPolicy()

    resources: Object = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    """Of one replica, and of `helm test`. Measured (docs/benchmarks.md): 67 MiB when idle, 108 MiB with 3,000 tasks
    waiting, 132 MiB at most after a restart. No limit of CPU: it would slow down the outcomes."""

    logFormat: Literal["text", "json"] = "text"
    """text for people, json for log collectors: one object a line."""

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

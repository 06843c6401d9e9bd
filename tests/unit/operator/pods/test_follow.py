"""What a task takes from a Deployment's pods, and what it leaves out. The zoo has whole pods of this kind."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import QueueSpec
from djangotasks_operator.pods.fields import InvalidTemplate
from djangotasks_operator.pods.template import PodTemplate, pod_template

SELECTOR = {"matchLabels": {"app": "web", "component": "server"}}
LABELS = {"app": "web", "component": "server", "team": "shop"}


def follow(spec: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **source: Any) -> PodTemplate:
    template = {
        "metadata": {"labels": LABELS, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "web", "image": "shop"}]} | (spec or {}),
    }
    queue = QueueSpec.model_validate({"podTemplateFrom": {"deployment": "web"} | source})
    return pod_template(template, queue, SELECTOR, "shop")


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        ({}, {}),
        ({"copyLabels": ["team", "cost-centre"]}, {"team": "shop"}),
        ({"copyLabels": ["app", "team"]}, {"app": "web", "team": "shop"}),
        ({"metadata": {"labels": {"team": "tasks", "owner": "me"}}}, {"team": "tasks", "owner": "me"}),
        ({"copyLabels": ["team"], "metadata": {"labels": {"team": "tasks"}}}, {"team": "tasks"}),
        # The same keys, and a value that the Deployment's selector does not take.
        ({"copyLabels": ["app"], "metadata": {"labels": {"component": "tasks"}}}, {"app": "web", "component": "tasks"}),
    ],
)
def test_labels_are_left_behind_unless_the_queue_names_them(source: dict[str, Any], labels: dict[str, str]) -> None:
    manifest = follow(**source).manifest
    assert manifest["metadata"]["labels"] == labels
    # With any label, a Service that selects by it alone must not take the pod for one that serves.
    gates = [gate["conditionType"] for gate in manifest["spec"].get("readinessGates", ())]
    assert gates == (["djangotasks.dev/serves-requests"] if labels else [])


@pytest.mark.parametrize(
    "source",
    [
        {"copyLabels": ["app", "component"]},
        {"copyLabels": ["app"], "metadata": {"labels": {"component": "server"}}},
        {"metadata": {"labels": {"app": "web", "component": "server"}}},
    ],
)
def test_no_task_is_selected_as_the_deployments_pods_are(source: dict[str, Any]) -> None:
    with pytest.raises(InvalidTemplate, match="the Deployment's own selector matches the tasks' pods"):
        follow(**source)


def test_no_task_is_kept_from_the_nodes_of_the_deployments_pods() -> None:
    """Nor they from its node: the scheduler keeps the rules of pods that run, too."""
    when = "requiredDuringSchedulingIgnoredDuringExecution"
    apart = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    spec = {"affinity": {"podAntiAffinity": {when: [apart]}}}
    assert "affinity" not in follow(spec, copyLabels=["team"]).manifest["spec"]
    with pytest.raises(InvalidTemplate, match="podAntiAffinity keeps its pods from nodes that tasks are on"):
        follow(spec, copyLabels=["app"])


@pytest.mark.parametrize(
    ("annotation", "stays"),
    [
        ("checksum/config", True),
        ("vault.hashicorp.com/agent-inject", True),
        ("sidecar.istio.io/inject", True),
        ("ad.datadoghq.com/web.logs", True),
        ("karpenter.sh/do-not-disrupt", True),
        ("prometheus.io/scrape", False),
        ("prometheus.io/port", False),
        ("k8s.grafana.com/scrape", False),
        ("profiles.grafana.com/cpu.scrape", False),
        ("pyroscope.io/scrape", False),
        ("ipam.antrea.io/pod-ips", False),
        ("ipam.antrea.io/ippools", True),
        ("co.elastic.metrics/module", False),
        ("ad.datadoghq.com/web.check_names", False),
        ("cluster-autoscaler.kubernetes.io/safe-to-evict", False),
        ("cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes", False),
        ("descheduler.alpha.kubernetes.io/evict", False),
        ("descheduler.alpha.kubernetes.io/prefer-no-eviction", True),
        ("metrics.dynatrace.com/scrape", False),
        # At these names and addresses the web app is called.
        ("external-dns.alpha.kubernetes.io/hostname", False),
        ("external-dns.alpha.kubernetes.io/internal-hostname", False),
        ("cni.projectcalico.org/floatingIPs", False),
        ("cni.projectcalico.org/ipAddrs", False),
        ("cni.projectcalico.org/ipv4pools", True),
        ("ovn.kubernetes.io/ip_address", False),
        ("ovn.kubernetes.io/logical_switch", True),
        ("k8s.v1.cni.cncf.io/networks", True),
        ("container.apparmor.security.beta.kubernetes.io/web", True),
        ("container.apparmor.security.beta.kubernetes.io/migrate", False),
    ],
)
def test_annotations_for_servers_are_left_out(annotation: str, stays: bool) -> None:
    migrate = [{"name": "migrate", "image": "shop"}]
    made = follow({"initContainers": migrate}, annotations={annotation: "x"})
    assert (annotation in made.manifest["metadata"]["annotations"]) is stays
    again = follow(annotations={annotation: "x"}, metadata={"annotations": {annotation: "y"}})
    assert again.manifest["metadata"]["annotations"][annotation] == "y"


CONTAINERS = {
    "volumes": [{"name": "static", "emptyDir": {}}, {"name": "media", "persistentVolumeClaim": {"claimName": "m"}}],
    "initContainers": [
        {"name": "proxy", "image": "x", "restartPolicy": "Always"},
        {"name": "collect", "image": "x", "volumeMounts": [{"name": "static", "mountPath": "/static"}]},
        {"name": "migrate", "image": "x"},
    ],
    "containers": [
        {"name": "web", "image": "x"},
        {
            "name": "nginx",
            "image": "x",
            "volumeMounts": [{"name": "static", "mountPath": "/html"}, {"name": "media", "mountPath": "/media"}],
        },
    ],
}
ALL = ["proxy", "collect", "migrate", "web", "nginx"]


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ({}, ["migrate"]),
        ({"initContainers": []}, ["collect", "migrate"]),
        ({"initContainers": ["migrate"]}, ["collect"]),
        ({"sidecars": ["proxy"]}, ["collect", "migrate", "nginx"]),
        ({"sidecars": ["nginx"]}, ["proxy", "migrate"]),
        ({"sidecars": []}, ["proxy", "collect", "migrate", "nginx"]),
        ({"sidecars": [], "initContainers": ["collect", "migrate"]}, ["proxy", "nginx"]),
    ],
)
def test_which_containers_come_along(source: dict[str, Any], left: list[str]) -> None:
    made = follow(CONTAINERS, **source)
    spec = made.manifest["spec"]
    there = [container["name"] for container in (*spec["initContainers"], *spec["containers"])]
    assert there == [name for name in ALL if name not in left]
    assert made.notes[0] == f"Without these containers of the Deployment's pods: {', '.join(left)}."
    # A claim that only nginx mounts must not tie the task to a node.
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert ("media" in volumes) is ("nginx" in there)
    assert len(made.notes) == (2 if "nginx" in there else 1)


@pytest.mark.parametrize("sidecars", [["nginx"], []])
def test_a_claim_of_each_pod_is_named_where_a_task_has_one(sidecars: list[str]) -> None:
    """kubernetes/kubernetes#120756: claims of pods that have long ended fill a storage quota."""
    mount = {"volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}
    spec = {
        "volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}, {"name": "tmp", "ephemeral": None}],
        "containers": [{"name": "web", "image": "shop"}, {"name": "nginx", "image": "nginx"} | mount],
    }
    notes = follow(spec, sidecars=sidecars).notes
    assert ("Each task's pod has a claim of its own for the volume 'scratch'" in " ".join(notes)) is bool(sidecars)


@pytest.mark.parametrize("hostname", [None, "web"])
def test_the_host_name_of_a_task_is_never_too_long(hostname: str | None) -> None:
    """kubernetes/kubernetes#95187: a kubelet starts no pod whose host name would be longer than 64 characters, and a
    task's name alone, an id, has 38."""
    spec = {"subdomain": "web", "setHostnameAsFQDN": True} | ({"hostname": hostname} if hostname else {})
    made = follow(spec).manifest["spec"]
    assert made["subdomain"] == "web"
    assert made.get("setHostnameAsFQDN") is (True if hostname else None)


def test_a_device_that_only_others_use_is_not_claimed() -> None:
    """Each task would reserve the GPU of a container that it leaves out, and wait for a node that has one."""
    claims = [{"name": name, "resourceClaimTemplateName": name} for name in ("gpu", "nic")]
    containers = [
        {"name": "web", "image": "x", "resources": {"claims": [{"name": "nic"}]}},
        {"name": "model", "image": "x", "resources": {"claims": [{"name": "gpu", "request": "one"}]}},
    ]
    spec = {"resourceClaims": claims, "containers": containers}
    assert follow(spec).manifest["spec"]["resourceClaims"] == claims
    assert follow(spec, sidecars=[]).manifest["spec"]["resourceClaims"] == claims[1:]


def test_a_volume_stays_that_the_environment_comes_from() -> None:
    """Also where the container that fills it is left out: the file may be optional."""
    file = {"volumeName": "conf", "path": "app.env", "key": "A", "optional": True}
    made = follow(
        {
            "volumes": [{"name": "conf", "emptyDir": {}}, {"name": "cache", "emptyDir": {}}],
            "initContainers": [
                {
                    "name": "render",
                    "volumeMounts": [{"name": "conf", "mountPath": "/c"}, {"name": "cache", "mountPath": "/d"}],
                }
            ],
            "containers": [{"name": "web", "env": [{"name": "A", "valueFrom": {"fileKeyRef": file}}]}],
        },
        initContainers=[],
    )
    assert made.manifest["spec"]["volumes"] == [{"name": "conf", "emptyDir": {}}]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"initContainers": ["render"]}, "podTemplateFrom.initContainers: .* no 'render'; they have: collect, migrate"),
        ({"initContainers": ["proxy"]}, "no 'proxy'; they have: collect, migrate"),
        ({"sidecars": ["web"]}, "podTemplateFrom.sidecars: .* no 'web'; they have: nginx, proxy"),
    ],
)
def test_a_container_that_the_deployment_has_not(source: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTemplate, match=words):
        follow(CONTAINERS, **source)


REFERENCE = {"containerName": "proxy", "resource": "limits.memory"}
VARIABLE = {"env": [{"name": "LIMIT", "valueFrom": {"resourceFieldRef": REFERENCE}}]}
FILES = {"items": [{"path": "limit", "resourceFieldRef": REFERENCE}]}
MOUNT = {"volumeMounts": [{"name": "limits", "mountPath": "/limits"}]}


@pytest.mark.parametrize(
    ("container", "volume", "where"),
    [
        (VARIABLE, {}, "spec.containers[0].env (LIMIT)"),
        (MOUNT, {"downwardAPI": FILES}, "spec.volumes (limits)"),
        (MOUNT, {"projected": {"sources": [{"downwardAPI": FILES}]}}, "spec.volumes (limits)"),
    ],
)
def test_a_limit_of_a_container_that_is_left_out_is_refused_by_name(
    container: dict[str, Any], volume: dict[str, Any], where: str
) -> None:
    """The API server takes such a pod, and its kubelet never starts it."""
    web, proxy = {"name": "web", "image": "shop"} | container, {"name": "proxy", "image": "proxy"}
    spec: dict[str, Any] = {"containers": [web, proxy], "volumes": [{"name": "limits"} | volume] if volume else []}
    with pytest.raises(InvalidTemplate) as refused:
        follow(spec, container="web", sidecars=[])
    assert str(refused.value).startswith(f"{where}: its resourceFieldRef names the container 'proxy'")
    kept = follow(spec, container="web", sidecars=["proxy"]).manifest["spec"]
    assert [each["name"] for each in kept["containers"]] == ["web", "proxy"]

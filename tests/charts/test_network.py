"""The charts in clusters of IPv4, of IPv6 and of both, and who reaches what."""

from __future__ import annotations

from typing import Any

from tests.support.charts import OPERATOR, PEER, WEB_APP, of_kind, one, render


def ports(rule: dict[str, Any]) -> set[int]:
    return {port["port"] for port in rule["ports"]}


def test_who_reaches_the_operator() -> None:
    policy = one(render(OPERATOR, {"networkPolicy": {"metricsFrom": [PEER]}}), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    tasks, test, metrics = policy["ingress"]
    # An empty list of peers would be everybody.
    assert all(rule["from"] and all(rule["from"]) for rule in policy["ingress"])
    assert (ports(tasks), ports(metrics), metrics["from"]) == ({8080}, {8081}, [PEER])
    assert tasks["from"][0]["podSelector"]["matchExpressions"] == [
        {"key": "djangotasks.dev/queue", "operator": "Exists"}
    ], "attempts' pods and standby pods"
    manifests = render(OPERATOR, {"networkPolicy": {"metricsFrom": []}, "watchNamespaces": ["shop"]})
    tasks, test = one(manifests, "NetworkPolicy")["spec"]["ingress"]
    assert tasks["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["shop"]
    assert test["from"][0]["podSelector"]["matchLabels"].items() <= one(manifests, "Pod")["metadata"]["labels"].items()


def test_what_tasks_reach() -> None:
    assert not of_kind(render(WEB_APP), "NetworkPolicy")
    policy = one(render(WEB_APP, {"networkPolicy": {"enabled": True, "egress": [{"to": [PEER]}]}}), "NetworkPolicy")
    spec = policy["spec"]
    assert (spec["policyTypes"], spec["ingress"]) == (["Ingress", "Egress"], [])
    assert spec["podSelector"]["matchExpressions"] == [{"key": "djangotasks.dev/queue", "operator": "Exists"}]
    dns, operator, more = spec["egress"]
    assert (ports(dns), ports(operator), more) == ({53, 5353}, {8080}, {"to": [PEER]})
    deployment = one(render(OPERATOR), "Deployment")["spec"]["template"]
    assert operator["to"][0]["podSelector"]["matchLabels"].items() <= deployment["metadata"]["labels"].items()
    assert deployment["spec"]["containers"][0]["ports"][0]["containerPort"] == 8080


def test_families_are_the_clusters_unless_they_are_named() -> None:
    manifests = render(OPERATOR)
    assert not one(manifests, "Service")["spec"].keys() & {"ipFamilyPolicy", "ipFamilies"}
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    # The operator listens on the addresses of both.
    assert not [word for word in container["args"] if word.startswith("--host")]
    families = {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"]}
    manifests = render(OPERATOR, {"service": families, "host": "::"})
    assert families.items() <= one(manifests, "Service")["spec"].items()
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--host=::" in container["args"]


def test_no_probe_names_an_address() -> None:
    """So the kubelet asks the pod's own, of whichever family."""
    (container,) = one(render(OPERATOR), "Deployment")["spec"]["template"]["spec"]["containers"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert all(probe.keys() == {"path", "port"} for probe in probes)

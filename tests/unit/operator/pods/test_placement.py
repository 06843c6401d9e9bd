"""How replicas lie to each other is left out, and where they lie stays."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy
from typing import Any

import pytest

from djangotasks_operator.pods.fields import InvalidTemplate
from djangotasks_operator.pods.placement import PREFERRED, REQUIRED, leave_spreading, refuse_labels_that_repel

LABELS = {"app": "web", "tier": "front"}
HOST = "kubernetes.io/hostname"


def term(selector: Any = None, **more: Any) -> dict[str, Any]:
    return {"topologyKey": HOST} | ({} if selector is None else {"labelSelector": selector}) | more


WEB = {"matchLabels": {"app": "web"}}
TERMS: list[tuple[dict[str, Any], bool]] = [
    (term(WEB), False),
    (term({}), False),
    (term({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}), False),
    (term({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), False),
    (term({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}), False),
    (term(WEB, namespaces=["shop", "other"]), False),
    (term(WEB, namespaceSelector={}), False),
    (term(WEB, namespaces=["other"], namespaceSelector={}), False),
    (term(), True),
    (term({"matchLabels": {"app": "db"}}), True),
    (term({"matchLabels": {"app": "web", "tier": "back"}}), True),
    (term({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), True),
    (term(WEB, namespaces=["other"]), True),
]


@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
@pytest.mark.parametrize(("rule", "stays"), TERMS)
def test_a_rule_about_the_deployments_own_pods_goes(kind: str, rule: dict[str, Any], stays: bool) -> None:
    for when, entry in ((REQUIRED, rule), (PREFERRED, {"weight": 1, "podAffinityTerm": rule})):
        spec = {"affinity": {kind: {when: [deepcopy(entry)]}}}
        leave_spreading(spec, LABELS, "shop")
        assert spec == ({"affinity": {kind: {when: [entry]}}} if stays else {})


@pytest.mark.parametrize(
    ("rule", "carried", "repels"),
    [
        (term(WEB), {"app": "web"}, True),
        (term(WEB), {"app": "web", "tier": "tasks"}, True),
        (term(WEB, namespaceSelector={}), {"app": "web"}, True),
        (term({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), {"tier": "tasks"}, True),
        (term(WEB, matchLabelKeys=["tier"]), {"app": "web", "tier": "front"}, True),
        (term(WEB, matchLabelKeys=["tier"]), {"app": "web", "tier": "tasks"}, False),
        (term(WEB, matchLabelKeys=["pod-template-hash"]), {"app": "web"}, False),
        (term(WEB), {"team": "shop"}, False),
        (term(WEB, namespaces=["other"]), {"app": "web"}, False),
        # A pod that asks for a node of its own means any other, whatever its labels.
        (term({}), {"app": "web"}, False),
    ],
)
def test_labels_by_which_web_pods_are_kept_apart_are_refused(
    rule: dict[str, Any], carried: dict[str, str], repels: bool
) -> None:
    spec = {"affinity": {"podAntiAffinity": {REQUIRED: [rule]}}}
    with pytest.raises(InvalidTemplate, match="leave out a label") if repels else nullcontext():
        refuse_labels_that_repel(spec, LABELS, carried, "shop")


def test_a_preference_of_web_pods_repels_no_task() -> None:
    spec = {"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": term(WEB)}]}}}
    refuse_labels_that_repel(spec, LABELS, {"app": "web"}, "shop")


def test_node_placement_stays() -> None:
    node: dict[str, Any] = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}
    spec: dict[str, Any] = {
        "affinity": node | {"podAntiAffinity": {REQUIRED: [term(WEB)]}},
        "topologySpreadConstraints": [{}],
    }
    leave_spreading(spec, LABELS, "shop")
    assert spec == {"affinity": node}


@pytest.mark.parametrize("field", ["workloadRef", "schedulingGroup"])
def test_a_task_is_in_no_group_of_the_replicas(field: str) -> None:
    """kubernetes/enhancements#4671: a group is placed, and preempted, as one: a task that is preempted would take all web
    pods along."""
    spec: dict[str, Any] = {field: {"podGroupName": "web"}}
    leave_spreading(spec, LABELS, "shop")
    assert spec == {}

"""Who may do what, as the charts grant it, and that nothing is granted that was not asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.charts import CHARTS, OPERATOR, WEB_APP, Values, helm, of_kind, one, render

RULES = {
    "djangotasks",
    "djangotasks/status",
    "djangotaskworkflows",
    "djangotaskworkflows/status",
    "djangotaskqueues",
    "djangotaskqueues/status",
    "djangotaskholds",
    "djangotaskschedules",
    "djangotaskschedules/status",
    "jobs",
    "jobs/status",
    "pods",
    "pods/log",
    "events",
    "deployments",
    "replicasets",
}


def bound(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ClusterRoles that are the operator's, rather than people's."""
    names = {binding["roleRef"]["name"] for binding in of_kind(manifests, "ClusterRoleBinding")}
    return [role for role in of_kind(manifests, "ClusterRole") if role["metadata"]["name"] in names]


def test_roles_of_the_operator_are_where_tasks_are() -> None:
    everywhere = render(OPERATOR, {"watchAllNamespaces": True})
    (role,) = bound(everywhere)
    assert {resource for rule in role["rules"] for resource in rule["resources"]} == RULES
    assert [r["metadata"]["namespace"] for r in of_kind(everywhere, "Role")] == ["operators"]
    some = render(OPERATOR, {"watchNamespaces": ["shop", "bank"]})
    assert not of_kind(some, "ClusterRoleBinding")
    for kind in ("Role", "RoleBinding"):
        assert sorted(r["metadata"]["namespace"] for r in of_kind(some, kind)) == ["bank", "operators", "shop"]
    rules = [r["rules"] for r in of_kind(some, "Role") if r["metadata"]["namespace"] != "operators"]
    assert rules == [role["rules"]] * 2
    assert not any("*" in json.dumps(manifest) for manifest in [*of_kind(some, "Role"), role])


def test_what_the_operator_may_do_with_tasks() -> None:
    """It writes no spec but that of new tasks, and the cancellation, which CEL leaves open. Each rule has its reason."""
    (role,) = bound(render(OPERATOR, {"watchAllNamespaces": True}))
    verbs = [set(rule["verbs"]) for rule in role["rules"] if "djangotasks" in rule["resources"]]
    assert set.union(*verbs) == {"create", "delete", "get", "list", "patch", "watch"}
    template = (OPERATOR / "templates" / "_helpers.tpl").read_text()
    rules = template.partition('{{- define "djangotasks.rules" -}}')[2].partition("{{- end }}")[0]
    lines = rules.strip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("- apiGroups")]
    assert all(lines[number - 1].startswith("# ") for number in starts)


def arguments(values: Values) -> list[str]:
    (container,) = one(render(OPERATOR, values), "Deployment")["spec"]["template"]["spec"]["containers"]
    found: list[str] = container["args"]
    return found


def test_the_operator_works_where_it_has_its_roles() -> None:
    named = [word for word in arguments({"watchNamespaces": ["shop", "bank"]}) if word.startswith("--namespace")]
    assert named == ["--namespace=shop", "--namespace=bank"]
    assert not [word for word in arguments({"watchAllNamespaces": True}) if word.startswith("--namespace")]


@pytest.mark.parametrize(
    ("chart", "values", "words"),
    [
        (OPERATOR, {}, ["--set 'watchNamespaces={shop,bank}'", "--set watchAllNamespaces=true"]),
        (OPERATOR, {"watchNamespaces": []}, ["--set watchAllNamespaces=true"]),
        (OPERATOR, {"watchNamespaces": ["shop"], "watchAllNamespaces": True}, ["Set only one of watchNamespaces"]),
        (WEB_APP, {}, ["--set 'serviceAccounts={web}'"]),
        (WEB_APP, {"serviceAccounts": []}, ["name the service account of your web app's pods"]),
        (WEB_APP, {"app": {"image": "shop:1"}, "relay": {"enabled": True}}, ["--set 'serviceAccounts={web}'"]),
    ],
)
def test_nobody_gets_rights_without_being_named(chart: Path, values: Values, words: list[str]) -> None:
    done = helm("template", chart, values)
    assert done.returncode != 0
    assert all(word in done.stderr for word in words), done.stderr


def test_a_web_app_may_enqueue_and_no_more() -> None:
    manifests = render(WEB_APP, {"serviceAccounts": ["web", "cron"]})
    assert one(manifests, "Role")["rules"] == [
        {
            "apiGroups": ["djangotasks.dev"],
            "resources": ["djangotasks", "djangotaskworkflows"],
            "verbs": ["create", "get", "list", "watch", "patch"],
        }
    ]
    assert [subject["name"] for subject in one(manifests, "RoleBinding")["subjects"]] == ["web", "cron"]


ADMIN: dict[str, tuple[list[str], list[str]]] = {
    "queues": (["djangotaskqueues"], ["get", "list"]),
    "holds": (["djangotaskholds"], ["get", "list", "create", "patch", "delete"]),
    "schedules": (["djangotaskschedules"], ["get", "list", "create", "patch", "delete"]),
    "delete": (["djangotasks"], ["delete"]),
    "logs": (["pods/log"], ["get"]),
}


@pytest.mark.parametrize("which", [[], *([name] for name in ADMIN), [*ADMIN]], ids=str)
def test_rights_for_the_admin_are_those_that_were_chosen(which: list[str]) -> None:
    manifests = render(WEB_APP, {"serviceAccounts": ["web"], "admin": dict.fromkeys(which, True)})
    roles = {role["metadata"]["name"]: role["rules"] for role in of_kind(manifests, "Role")}
    found = [(rule["resources"], rule["verbs"]) for rule in roles.pop("tasks-admin", [])]
    assert found == [ADMIN[name] for name in which]
    assert roles.keys() == {"tasks-enqueue"}


@pytest.mark.parametrize(("accounts", "bound_to"), [([], ["web", "cron"]), (["backoffice"], ["backoffice"])])
def test_the_admin_may_have_an_account_of_its_own(accounts: list[str], bound_to: list[str]) -> None:
    admin = {"holds": True, "serviceAccounts": accounts}
    manifests = render(WEB_APP, {"serviceAccounts": ["web", "cron"], "admin": admin})
    subjects = {b["metadata"]["name"]: [s["name"] for s in b["subjects"]] for b in of_kind(manifests, "RoleBinding")}
    assert subjects == {"tasks-enqueue": ["web", "cron"], "tasks-admin": bound_to}


def granted(rules: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def test_the_examples_admin_has_what_the_chart_gives_an_admin_but_for_the_logs_of_all_pods() -> None:
    admin = dict.fromkeys(("queues", "holds", "schedules", "delete"), True)
    roles = {role["metadata"]["name"]: role["rules"] for role in of_kind(render(WEB_APP, {"admin": admin}), "Role")}
    example = (CHARTS.parent / "examples" / "shop" / "k8s" / "admin.yaml").read_text()
    assert granted(one(list(yaml.safe_load_all(example)), "Role")["rules"]) == granted(roles["tasks-admin"])


def aggregated(values: Values) -> dict[str, list[dict[str, Any]]]:
    """The rules by the role of Kubernetes' that they are added to."""
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    return {
        label.removeprefix(prefix): role["rules"]
        for role in of_kind(render(OPERATOR, values), "ClusterRole")
        for label in role["metadata"]["labels"]
        if label.startswith(prefix)
    }


@pytest.mark.parametrize("values", [{"watchAllNamespaces": True}, {"watchNamespaces": ["shop"]}])
def test_the_roles_view_and_edit_have_tasks_and_queues(values: Values) -> None:
    found = aggregated(values)
    assert found.keys() == {"view", "edit"}
    for (rule,) in found.values():
        assert (rule["apiGroups"], rule["resources"]) == (
            ["djangotasks.dev"],
            ["djangotasks", "djangotaskqueues", "djangotaskschedules", "djangotaskworkflows", "djangotaskholds"],
        )
    assert found["view"][0]["verbs"] == ["get", "list", "watch"]
    assert found["edit"][0]["verbs"] == ["create", "update", "patch", "delete", "deletecollection"]
    assert not aggregated(values | {"aggregatedRoles": {"enabled": False}})


def test_the_policy_is_where_tasks_are() -> None:
    def policy(values: Values) -> dict[str, Any]:
        manifests = render(OPERATOR, values)
        found = one(manifests, "ValidatingAdmissionPolicy")
        binding = one(manifests, "ValidatingAdmissionPolicyBinding")["spec"]
        assert binding == {"policyName": found["metadata"]["name"], "validationActions": ["Deny"]}
        constraints: dict[str, Any] = found["spec"]["matchConstraints"]
        return constraints

    assert policy({"watchAllNamespaces": True})["namespaceSelector"] == {}
    (rule,) = policy({"watchNamespaces": ["shop"]})["namespaceSelector"]["matchExpressions"]
    assert rule == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop"]}
    off = render(OPERATOR, {"admissionPolicy": {"enabled": False}})
    assert not [manifest for manifest in off if manifest["kind"].startswith("ValidatingAdmissionPolicy")]


def test_two_releases_share_no_name_in_the_cluster() -> None:
    def names(namespace: str) -> set[tuple[str, str]]:
        manifests = render(OPERATOR, {"crds": {"enabled": False}}, "--namespace", namespace)
        return {(m["kind"], m["metadata"]["name"]) for m in manifests if "namespace" not in m["metadata"]}

    assert names("operators")
    assert not names("operators") & names("others")


SYNC = {"serviceAccounts": ["web"], "app": {"image": "shop:1"}, "schedules": {"sync": True}}


def test_schedules_are_changed_by_a_job_of_the_deploy_alone() -> None:
    manifests = render(WEB_APP, SYNC)
    roles = {role["metadata"]["name"]: role["rules"] for role in of_kind(manifests, "Role")}
    assert not [rule for rule in roles["tasks-enqueue"] if "djangotaskschedules" in rule["resources"]]
    (rule,) = roles["tasks-schedules"]
    assert (rule["resources"], rule["verbs"]) == (["djangotaskschedules"], ["get", "list", "create", "patch", "delete"])
    bound_to = {b["roleRef"]["name"]: [s["name"] for s in b["subjects"]] for b in of_kind(manifests, "RoleBinding")}
    assert bound_to == {"tasks-enqueue": ["web"], "tasks-schedules": ["tasks-schedules"]}
    spec = one(manifests, "Job")["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "tasks-schedules"


@pytest.mark.parametrize(
    ("values", "command"),
    [
        ({}, ["--declared-by", "tasks", "--prune"]),
        ({"prune": False}, ["--declared-by", "tasks"]),
    ],
)
def test_schedules_are_synced_after_each_upgrade_and_rollback(values: dict[str, Any], command: list[str]) -> None:
    job = one(render(WEB_APP, SYNC | {"schedules": {"sync": True, "args": ["--take-over"]} | values}), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade,post-rollback"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "manage.py", "schedules", "sync", *command]
    assert container["args"] == ["--take-over"]


def test_no_schedule_is_synced_unless_that_is_chosen() -> None:
    manifests = render(WEB_APP, {"serviceAccounts": ["web"]})
    assert not [one for one in manifests if "schedules" in one["metadata"]["name"]]

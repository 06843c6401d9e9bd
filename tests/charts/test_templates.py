"""What the charts' templates make of their values. Needs helm, and no cluster; `make lint` runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from charts.generate import files
from charts.values import CHARTS as MODELS
from charts.values import EXAMPLES
from djangotasks_operator.telemetry.health import PASS_LIMIT
from tests.support.charts import (
    CHARTS,
    OPERATOR,
    VARIANTS,
    WEB_APP,
    Values,
    completed,
    helm,
    helm_program,
    of_kind,
    one,
    render,
)

CLUSTER_WIDE = {
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


@pytest.mark.parametrize(("chart", "values"), [pytest.param(c, v, id=f"{c.name}: {n}") for c, n, v in VARIANTS])
def test_lint_has_nothing_to_say(chart: Path, values: Values) -> None:
    done = subprocess.run(
        [str(helm_program()), "lint", "--strict", str(chart), "--values", "-"],
        input=json.dumps(values), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("chart", "values"), [pytest.param(c, v, id=f"{c.name}: {n}") for c, n, v in VARIANTS])
def test_everything_is_in_a_namespace_and_labelled(chart: Path, values: Values) -> None:
    manifests = render(chart, values)
    assert manifests
    for manifest in manifests:
        metadata = manifest["metadata"]
        if manifest["kind"] not in CLUSTER_WIDE:
            assert metadata["namespace"], manifest["kind"]
        if manifest["kind"] != "CustomResourceDefinition":
            assert metadata["labels"]["app.kubernetes.io/instance"] == "tasks", manifest["kind"]
    names = [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests]
    assert len(set(names)) == len(names)


def test_what_is_generated_is_fresh() -> None:
    for path, text in files().items():
        assert path.read_text() == text, f"run `make generate`: {path}"


def test_the_examples_in_the_values_are_valid() -> None:
    for name, model in MODELS.items():
        values: Values = {}
        for path, example in EXAMPLES.items():
            parents, field = path.split(".")[:-1], path.split(".")[-1]
            inner: Any = values
            owner: Any = model
            for parent in parents:
                if parent not in owner.model_fields:
                    break
                owner = type(owner.model_fields[parent].default)
                inner = inner.setdefault(parent, {})
            else:
                if field in owner.model_fields:
                    inner[field] = example
        assert values
        render(CHARTS / name, values)


@pytest.mark.parametrize(
    ("chart", "values", "words"),
    [
        (OPERATOR, {"replica": 3}, "'replica' not allowed"),
        (OPERATOR, {"replicas": "two"}, "/replicas"),
        (OPERATOR, {"watchNamespaces": "shop"}, "/watchNamespaces"),
        (OPERATOR, {"watchNamespaces": ["shop", "shop"]}, "/watchNamespaces"),
        (OPERATOR, {"watchNamespaces": ["Shop"]}, "/watchNamespaces/0"),
        (OPERATOR, {"logFormat": "xml"}, "/logFormat"),
        (OPERATOR, {"image": {"digest": "sha256:1"}}, "/image/digest"),
        (OPERATOR, {"crds": {"kept": True}}, "'kept' not allowed"),
        (OPERATOR, {"service": {"ipFamilies": ["IPv5"]}}, "/service/ipFamilies/0"),
        (WEB_APP, {"serviceAccounts": ["Web"]}, "/serviceAccounts/0"),
        (WEB_APP, {"queues": {"a": {"podTemplateFrom": {"deploy": "web"}}}}, "'deploy' not allowed"),
        (WEB_APP, {"queues": {"a": {"template": {}, "concurency": 1}}}, "'concurency' not allowed"),
        (WEB_APP, {"queues": {"Upper": {"template": {}}}}, "Upper"),
        (WEB_APP, {"relay": {"enable": True}}, "'enable' not allowed"),
        (WEB_APP, {"relay": {"enabled": True}}, "app.image: the web app's image is needed"),
        (WEB_APP, {"app": {"image": "shop:1", "command": []}}, "/app/command"),
        (
            WEB_APP,
            {"app": {"image": "shop:1", "serviceAccount": "cron"}, "relay": {"enabled": True}},
            "app.serviceAccount: cron is none of serviceAccounts",
        ),
    ],
)
def test_a_wrong_value_is_refused(chart: Path, values: Values, words: str) -> None:
    done = helm("template", chart, completed(chart, values))
    assert done.returncode != 0
    assert words in done.stderr


def test_replicas_stand_apart() -> None:
    pod = one(render(OPERATOR), "Deployment")["spec"]["template"]["spec"]
    (term,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["labelSelector"] == one(render(OPERATOR), "Deployment")["spec"]["selector"]
    own = {"nodeAffinity": {"a": 1}}
    pod = one(render(OPERATOR, {"affinity": own}), "Deployment")["spec"]["template"]["spec"]
    assert pod["affinity"] == own


def test_the_pods_depend_on_no_default_and_no_service_of_the_namespace() -> None:
    pod = one(render(OPERATOR), "Deployment")["spec"]["template"]["spec"]
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (True, False)


def test_a_single_replica_does_not_block_a_drain() -> None:
    assert one(render(OPERATOR), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    for values in ({"replicas": 1}, {"podDisruptionBudget": {"enabled": False}}):
        assert not of_kind(render(OPERATOR, values), "PodDisruptionBudget")


def test_the_pods_fulfil_the_restricted_standard() -> None:
    manifests = render(OPERATOR)
    for pod in (one(manifests, "Deployment")["spec"]["template"]["spec"], one(manifests, "Pod")["spec"]):
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"]
        assert container["resources"]["limits"]["memory"]


PROCESSES = {"relay": "relay_tasks", "watcher": "watch_tasks"}
SHOP: Values = {"app": {"image": "shop:1"}}


def test_no_process_beside_the_web_app_unless_it_is_chosen() -> None:
    assert not of_kind(render(WEB_APP, SHOP), "Deployment")


@pytest.mark.parametrize(("name", "command"), PROCESSES.items())
def test_a_process_beside_the_web_app(name: str, command: str) -> None:
    deployment = one(render(WEB_APP, SHOP | {"serviceAccounts": ["web"], name: {"enabled": True}}), "Deployment")
    assert deployment["metadata"]["name"] == f"tasks-{name}"
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["serviceAccountName"] == "web"
    assert pod["spec"]["automountServiceAccountToken"] is True
    assert pod["spec"]["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    (container,) = pod["spec"]["containers"]
    assert (container["image"], container["command"]) == ("shop:1", ["python", "manage.py", command])
    assert "args" not in container
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"]
    assert container["resources"]["limits"]["memory"]


def test_each_process_has_what_the_app_has_and_pods_of_its_own() -> None:
    values = next(values for chart, name, values in VARIANTS if (chart, name) == (WEB_APP, "all that can be said"))
    deployments = {d["metadata"]["name"]: d for d in of_kind(render(WEB_APP, values), "Deployment")}
    assert deployments.keys() == {f"tasks-{name}" for name in PROCESSES}
    pods = [deployment["spec"]["template"] for deployment in deployments.values()]
    for pod, other in zip(pods, reversed(pods), strict=True):
        selectors = [d["spec"]["selector"]["matchLabels"] for d in deployments.values()]
        assert sum(selector.items() <= pod["metadata"]["labels"].items() for selector in selectors) == 1
        (container,), app = pod["spec"]["containers"], values["app"]
        assert container["command"][:-1] == app["command"]
        assert [*container["env"]][1:] == [{"name": "DJANGO_SETTINGS_MODULE", "value": "shop.settings"}, *app["env"]]
        assert (container["envFrom"], container["imagePullPolicy"]) == (app["envFrom"], app["imagePullPolicy"])
        assert container["volumeMounts"][1:] == app["volumeMounts"]
        assert pod["spec"]["volumes"][1:] == app["volumes"]
        assert pod["spec"]["serviceAccountName"] == "cron"
        # What is added to the restricted standard takes nothing of it away.
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["runAsUser"] == 1000
        for field in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName"):
            assert pod["spec"][field] == other["spec"][field] == app[field]
        assert app["podAnnotations"].items() <= pod["metadata"]["annotations"].items()
        assert app["podLabels"].items() <= pod["metadata"]["labels"].items()
    relay, watcher = deployments["tasks-relay"]["spec"], deployments["tasks-watcher"]["spec"]
    assert (relay["replicas"], watcher["replicas"]) == (2, 1)
    assert relay["template"]["spec"]["containers"][0]["args"] == ["--interval", "1"]
    limits = watcher["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": "1Gi"}


@pytest.mark.parametrize("field", ["env", "volumes", "volumeMounts"])
def test_what_the_app_sets_itself_is_not_set_twice(field: str) -> None:
    """The API server refuses to apply what it has twice (helm 4, Flux, Argo CD), and rightly so."""
    keys = {"env": "name", "volumes": "name", "volumeMounts": "mountPath"}
    app: Values = SHOP["app"] | {
        "settingsModule": "shop.settings",
        "env": [{"name": name, "value": "own"} for name in ("PYTHONUNBUFFERED", "DJANGO_SETTINGS_MODULE")],
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory"}}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = one(render(WEB_APP, {"app": app, "relay": {"enabled": True}}), "Deployment")["spec"]["template"]["spec"]
    found = (pod if field == "volumes" else pod["containers"][0])[field]
    assert [entry[keys[field]] for entry in found] == [entry[keys[field]] for entry in app[field]]
    assert found == app[field]


def test_there_is_a_place_for_short_lived_files_whatever_else_is_mounted() -> None:
    app = SHOP["app"] | {
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/app/tmp"}],
    }
    pod = one(render(WEB_APP, {"app": app, "relay": {"enabled": True}}), "Deployment")["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts.keys() == {"/tmp", "/app/tmp"}
    assert sorted(mounts.values()) == sorted(volume["name"] for volume in pod["volumes"])


def test_helm_test_passes_the_policies_and_quotas_that_the_replicas_pass() -> None:
    values: Values = {
        "podLabels": {"team": "shop", "sidecar.istio.io/inject": "false", "app.kubernetes.io/name": "other"},
        "podAnnotations": {"a": "1"},
        "priorityClassName": "batch",
        "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }
    manifests = render(OPERATOR, values)
    test, deployment = one(manifests, "Pod"), one(manifests, "Deployment")["spec"]
    assert {"team": "shop", "sidecar.istio.io/inject": "false"}.items() <= test["metadata"]["labels"].items()
    assert values["podAnnotations"].items() <= test["metadata"]["annotations"].items()
    assert test["spec"]["priorityClassName"] == "batch"
    (replica,) = deployment["template"]["spec"]["containers"]
    assert replica["resources"]["limits"] == values["resources"]["limits"]
    assert test["spec"]["containers"][0]["resources"] == replica["resources"]
    # It is none of the replicas, to which the Service leads.
    assert not deployment["selector"]["matchLabels"].items() <= test["metadata"]["labels"].items()


def test_a_key_of_ones_own() -> None:
    manifests = render(OPERATOR, {"key": {"existingSecret": "mine"}})
    assert not of_kind(manifests, "Secret")
    volumes = one(manifests, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["secret"] == {"secretName": "mine"}
    name = one(render(OPERATOR), "Secret")["metadata"]["name"]
    volumes = one(render(OPERATOR), "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["secret"] == {"secretName": name}


def test_a_first_list_may_take_as_long_as_health_lets_it() -> None:
    """A restart would begin it again: with tens of thousands of objects, for ever (akuity/kargo#3149)."""
    (replica,) = one(render(OPERATOR), "Deployment")["spec"]["template"]["spec"]["containers"]
    probe = replica["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= PASS_LIMIT


def test_another_rotation_restarts_the_pods() -> None:
    templates = [
        one(render(OPERATOR, {"key": {"rotation": r}}), "Deployment")["spec"]["template"] for r in ("1", "1", "2")
    ]
    assert templates[0] == templates[1] != templates[2]


def test_the_crds_are_a_choice() -> None:
    assert not of_kind(render(OPERATOR, {"crds": {"enabled": False}}), "CustomResourceDefinition")
    for keep in (True, False):
        crds = of_kind(render(OPERATOR, {"crds": {"keep": keep}}), "CustomResourceDefinition")
        annotations = {"helm.sh/resource-policy": "keep", "argocd.argoproj.io/sync-options": "Prune=false"}
        found = [crd["metadata"].get("annotations", {}) for crd in crds]
        assert found == [annotations if keep else {}] * len(list((OPERATOR / "files" / "crds").iterdir()))


@pytest.mark.parametrize("own", ["", "tmp,mine"])
def test_short_lived_files_keep_no_node_from_an_autoscaler(own: str) -> None:
    """cluster-autoscaler removes no node with a pod that has an emptyDir, and does not say that it may be lost."""
    key = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
    given = {key: own} if own else {}
    operator = one(render(OPERATOR, {"podAnnotations": given}), "Deployment")["spec"]["template"]
    assert operator["metadata"]["annotations"] == {"djangotasks.dev/key-rotation": "1", key: own or "tmp"}
    app = SHOP["app"] | {"podAnnotations": given}
    relay = one(render(WEB_APP, {"app": app, "relay": {"enabled": True}}), "Deployment")["spec"]["template"]
    assert relay["metadata"]["annotations"] == {key: own or "djangotasks-tmp"}
    volumes = [volume for template in (operator, relay) for volume in template["spec"]["volumes"]]
    assert [volume["name"] for volume in volumes if "emptyDir" in volume] == ["tmp", "djangotasks-tmp"]

"""The pod template of a queue's tasks, and what cannot be one."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import QueueSpec
from djangotasks_operator.pods.fields import MAX_DEPTH, InvalidTemplate
from djangotasks_operator.pods.template import pod_template

WEB: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"team": "shop"}},
    "spec": {
        "serviceAccountName": "web",
        "activeDeadlineSeconds": 60,
        "containers": [
            {"name": "web", "image": "shop:7", "command": ["gunicorn"], "args": ["shop.wsgi"]},
            {"name": "proxy", "image": "proxy:1"},
        ],
    },
}


def own(template: dict[str, Any], **spec: Any) -> QueueSpec:
    return QueueSpec.model_validate({"template": template} | spec)


def followed(**spec: Any) -> QueueSpec:
    return QueueSpec.model_validate({"podTemplateFrom": {"deployment": "web"}} | spec)


@pytest.mark.parametrize("queue", [own(WEB), followed()], ids=["own", "followed"])
def test_an_attempt_is_one_run_of_the_queues_command(queue: QueueSpec) -> None:
    spec = pod_template(WEB, queue).manifest["spec"]
    web, proxy = spec["containers"]
    assert web["command"] == ["python", "-m", "django_tasks_kubernetes.runner"]
    assert "args" not in web
    assert (spec["restartPolicy"], spec["serviceAccountName"]) == ("Never", "web")
    assert "activeDeadlineSeconds" not in spec
    assert (web["terminationMessagePolicy"], web["terminationMessagePath"]) == (
        "FallbackToLogsOnError",
        "/dev/termination-log",
    )
    assert (proxy["image"], "command" in proxy) == ("proxy:1", False)


@pytest.mark.parametrize("queue", [own, followed], ids=["own", "followed"])
@pytest.mark.parametrize(
    ("annotated", "named", "runs"),
    [("web", {}, "web"), ("web", {"container": "proxy"}, "proxy"), ("gone", {}, "proxy"), (None, {}, "proxy")],
)
def test_the_container_that_kubectl_takes_for_the_apps_runs_the_task(
    queue: Any, annotated: str | None, named: dict[str, str], runs: str
) -> None:
    """As charts have it whose sidecars come first."""
    template = {
        "metadata": {"annotations": {"kubectl.kubernetes.io/default-container": annotated}},
        "spec": {"containers": [{"name": "proxy", "image": "proxy:1"}, {"name": "web", "image": "shop:7"}]},
    }
    spec = queue(template, **named) if queue is own else queue(**named)
    made = pod_template(template, spec)
    assert made.container == runs
    assert made.manifest["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == runs


def test_the_operator_reads_the_outcome_where_the_runner_writes_it() -> None:
    container = {"image": "shop", "terminationMessagePath": "/tmp/last-words"}
    made = pod_template({"spec": {"containers": [container]}}, own({}))
    assert made.manifest["spec"]["containers"][0]["terminationMessagePath"] == "/dev/termination-log"


def test_a_container_is_not_restarted_within_an_attempt() -> None:
    rules = {"restartPolicy": "Always", "restartPolicyRules": [{"action": "Restart"}]}
    made = pod_template({"spec": {"containers": [{"image": "shop"} | rules]}}, own({}))
    assert not rules.keys() & set(made.manifest["spec"]["containers"][0])


def test_no_other_container_restarts_the_task() -> None:
    """kubernetes/enhancements#5532: a rule of a sidecar that has failed restarts all containers of the pod."""
    again = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    everything = {"action": "RestartAllContainers", "exitCodes": {"operator": "NotIn", "values": [0]}}
    proxy = {"name": "proxy", "image": "proxy", "restartPolicy": "Never", "restartPolicyRules": [again, everything]}
    spec = {"initContainers": [proxy | {"name": "first"}], "containers": [{"image": "shop"}, proxy]}
    made = pod_template({"spec": spec}, own({})).manifest["spec"]
    assert [made[key][-1]["restartPolicyRules"] for key in spec] == [[again], [again]]


def test_a_template_of_ones_own_keeps_what_it_says() -> None:
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": {"prometheus.io/scrape": "true"}},
        "spec": {
            "topologySpreadConstraints": [{"maxSkew": 1}],
            "initContainers": [{"name": "migrate", "image": "shop"}],
            "containers": [
                {
                    "name": "web",
                    "image": "shop",
                    "ports": [{"containerPort": 1, "hostPort": 2}],
                    "livenessProbe": {"exec": {"command": ["true"]}},
                    "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
                }
            ],
        },
    }
    made = pod_template(template, own(template)).manifest
    assert made["metadata"]["labels"] == {"app": "web"}
    assert made["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    assert made["spec"]["topologySpreadConstraints"] == [{"maxSkew": 1}]
    assert [container["name"] for container in made["spec"]["initContainers"]] == ["migrate"]
    assert {"ports", "livenessProbe", "lifecycle"} <= set(made["spec"]["containers"][0])


@pytest.mark.parametrize(
    ("queue", "restricted"),
    [
        (own(WEB), True),
        (own(WEB, securityDefaults="None"), False),
        (followed(), False),
        (followed(securityDefaults="Restricted"), True),
    ],
    ids=["own", "own, without", "followed", "followed, with"],
)
def test_security_defaults(queue: QueueSpec, restricted: bool) -> None:
    """Those of a Deployment whose own pods run without them could keep the task from starting."""
    spec = pod_template(WEB, queue).manifest["spec"]
    assert ("securityContext" in spec, "securityContext" in spec["containers"][0]) == (restricted, restricted)


def test_the_template_itself_is_not_changed() -> None:
    before = repr(WEB)
    for queue in (own(WEB), followed()):
        pod_template(WEB, queue).manifest["spec"]["containers"][0]["env"] = []
    assert repr(WEB) == before


WISHES = (None, False, True)


def wishing(wish: bool | None) -> dict[str, Any]:
    """The template, with its own word on the token of its service account."""
    return WEB | {"spec": WEB["spec"] | ({} if wish is None else {"automountServiceAccountToken": wish})}


@pytest.mark.parametrize("wish", WISHES)
def test_a_queues_own_template_may_mount_a_token(wish: bool | None) -> None:
    spec = pod_template(wishing(wish), own(wishing(wish))).manifest["spec"]
    assert spec["automountServiceAccountToken"] is bool(wish)


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("mount", WISHES)
def test_the_token_of_a_deployment_is_mounted_if_the_queue_says_so(mount: bool | None, wish: bool | None) -> None:
    source = {"deployment": "web"} | ({} if mount is None else {"automountServiceAccountToken": mount})
    spec = pod_template(wishing(wish), followed(podTemplateFrom=source)).manifest["spec"]
    assert spec["automountServiceAccountToken"] is bool(mount)


def test_another_container_and_command_can_be_chosen() -> None:
    made = pod_template(WEB, followed(container="proxy", command=["/bin/run"]))
    assert made.container == "proxy"
    assert made.manifest["spec"]["containers"][1]["command"] == ["/bin/run"]


def test_parts_that_are_null_are_absent() -> None:
    """Helm leaves such behind. The API server takes them for absent."""
    null = dict.fromkeys(("securityContext", "env", "resources", "volumeMounts", "ports", "name", "args"))
    spec = dict.fromkeys(("initContainers", "volumes", "securityContext", "affinity", "os", "nodeSelector"))
    template = {"metadata": None, "spec": spec | {"containers": [null | {"image": "shop"}]}}
    for queue in (own(template), followed(securityDefaults="Restricted")):
        made = pod_template(template, queue)
        assert made.container == "task"
        assert made.manifest["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False
        assert made.manifest["metadata"]["labels"] == {}


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


ONE: dict[str, Any] = {"image": "shop"}
WRONG: list[tuple[Any, str]] = [
    ({}, "no spec.containers"),
    ({"spec": None}, "no spec.containers"),
    ({"spec": "x"}, "spec must be an object"),
    ({"spec": {"containers": []}}, "no spec.containers"),
    ({"spec": {"containers": "x"}}, "spec.containers must be a list"),
    ({"spec": {"containers": ["web"]}}, "every entry of spec.containers must be an object"),
    ({"spec": {"containers": [None]}}, "every entry of spec.containers must be an object"),
    ({"spec": {"containers": [ONE], "initContainers": ["x"]}}, "every entry of spec.initContainers must be an object"),
    ({"spec": {"containers": [ONE], "initContainers": {}}}, "spec.initContainers must be a list"),
    ({"spec": {"containers": [ONE], "securityContext": "x"}}, "spec.securityContext must be an object"),
    (
        {"spec": {"containers": [ONE | {"securityContext": [1]}]}},
        r"spec.containers\[0\].securityContext must be an obj",
    ),
    ({"spec": {"containers": [ONE | {"securityContext": {"capabilities": 1}}]}}, "capabilities must be an object"),
    ({"spec": {"containers": [ONE | {"securityContext": {"capabilities": {"add": 1}}}]}}, "add must be a list"),
    ({"spec": {"containers": [ONE | {"name": ["web"]}]}}, "name of the task's container must be a string"),
    ({"spec": {"containers": [ONE | {"env": "A=1"}]}}, "env of the task's container must be a list"),
    ({"spec": {"containers": [ONE | {"resources": 1}]}}, "resources of the task's container must be an object"),
    ({"spec": {"containers": [ONE | {"resources": {"limits": []}}]}}, "resources.limits .* must be an object"),
    ({"spec": {"containers": [ONE], "nodeSelector": "x"}}, "spec.nodeSelector must be an object"),
    ({"spec": {"containers": [ONE], "volumes": {"a": 1}}}, "spec.volumes must be a list"),
    (
        {"spec": {"containers": [ONE], "volumes": [{"name": "a", "projected": 1}]}},
        r"spec.volumes \(a\).projected must be",
    ),
    (
        {"spec": {"containers": [ONE | {"env": [{"name": "A", "valueFrom": 1}]}]}},
        r"env \(A\).valueFrom must be an object",
    ),
    ({"spec": {"containers": [ONE], "os": {"name": "windows"}}}, "spec.os.name is 'windows', and tasks run on Linux"),
    (
        {"spec": {"containers": [ONE], "nodeSelector": {"kubernetes.io/os": "windows"}}},
        r"nodeSelector\[kubernetes.io/os",
    ),
    ({"metadata": "x", "spec": {"containers": [ONE]}}, "metadata must be an object"),
    ({"metadata": {"labels": ["x"]}, "spec": {"containers": [ONE]}}, "metadata.labels must be an object"),
    ({"metadata": {"labels": {"a": 1}}, "spec": {"containers": [ONE]}}, "metadata.labels.a must be a string"),
    ({"metadata": {"annotations": {"a": {}}}, "spec": {"containers": [ONE]}}, "metadata.annotations.a must be a str"),
    ({"spec": {"containers": [ONE], "x": nested(MAX_DEPTH)}}, "nested more than 32 levels"),
    ({"spec": {"containers": [ONE], "x": nested(5000)}}, "nested more than 32 levels"),
]


@pytest.mark.parametrize(("template", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_template_that_cannot_run_a_task_names_the_field(template: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTemplate, match=words):
        pod_template(template, own(template))


def test_a_container_that_is_not_there() -> None:
    with pytest.raises(InvalidTemplate, match="no container 'worker'; it has: web, proxy"):
        pod_template(WEB, followed(container="worker"))
